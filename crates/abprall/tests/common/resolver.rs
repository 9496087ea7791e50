//! The answers of a resolver: names that begin with `n` have a null MX, with `x` do not exist, all others have a mail host in a private
//! network.

/// RFC 1035 §4.1; a null MX is that of RFC 7505 §3.
pub fn answer(query: &[u8]) -> Vec<u8> {
    let end_of_name = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap();
    let end_of_question = end_of_name + 5;
    let first = query[13].to_ascii_lowercase();
    let data: &[u8] = match (query[end_of_name + 2], first) {
        (_, b'x') => &[],
        (15, b'n') => &[0, 0, 0],
        (15, _) => &[0, 10, 2, b'm', b'x', 0xc0, 12],
        (1, _) => &[10, 77, 0, 1],
        _ => &[],
    };
    let rcode = if first == b'x' { 3 } else { 0 };
    let mut answer = query[..end_of_question].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80 | rcode, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
    if !data.is_empty() {
        answer.extend([0xc0, 12, 0, query[end_of_name + 2], 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    answer
}
