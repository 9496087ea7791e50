use abprall_mail::EmailAddress;

/// The address that the RNAME of a SOA stands for (RFC 1035 §8): the first label is the local part, whatever is escaped in it.
///
/// The name is in presentation form: `john\.doe.example.com` is `john.doe@example.com`. `None` where it is no address, such as
/// the root or a name of one label.
pub fn mailbox_of(rname: &str) -> Option<EmailAddress> {
    let mut local = Vec::new();
    let mut bytes = rname.bytes();
    loop {
        match bytes.next()? {
            b'.' => break,
            b'\\' => local.push(unescaped(&mut bytes)?),
            plain => local.push(plain),
        }
    }
    let local = String::from_utf8(local).ok()?;
    // Some write the address itself into the field: `hostmaster@example.com.` is then one label with an @, or the whole name is.
    let domain = &rname[rname.len() - bytes.len()..];
    let text = match local.contains('@') {
        true => format!("{local}.{domain}"),
        false => format!("{local}@{domain}"),
    };
    let address = EmailAddress::parse(text.trim_end_matches('.')).ok()?;
    address.domain()?;
    Some(address)
}

/// What stands behind a backslash: a character for itself, or a byte as three decimal digits (RFC 1035 §5.1).
fn unescaped(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(rname: &str) -> Option<String> {
        mailbox_of(rname).map(|address| address.to_string())
    }

    #[test]
    fn the_first_label_is_the_local_part() {
        assert_eq!(mailbox("hostmaster.example.com").as_deref(), Some("hostmaster@example.com"));
        assert_eq!(mailbox("dns.hosting.example.net.").as_deref(), Some("dns@hosting.example.net"));
    }

    #[test]
    fn escaped_dots_belong_to_the_local_part() {
        assert_eq!(mailbox(r"john\.doe.example.com").as_deref(), Some("john.doe@example.com"));
        assert_eq!(mailbox(r"john\046q\.doe.example.com").as_deref(), Some("john.q.doe@example.com"));
    }

    #[test]
    fn an_address_written_as_it_is_is_understood() {
        assert_eq!(mailbox("hostmaster@example.com").as_deref(), Some("hostmaster@example.com"));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for rname in [
            ".",
            "",
            "localhost",
            r"a\",
            r"a\99",
            r"a\999.example.com",
            "..",
            ".example.com",
            r"\000\013.example.com",
        ] {
            assert_eq!(mailbox(rname), None, "{rname}");
        }
    }
}
