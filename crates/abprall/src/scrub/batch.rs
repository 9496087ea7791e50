use abprall_store::{Standing, State, StoreError};

use super::key::plain_key;
use super::{Authority, HeldAddresses, Index, Plan};
use crate::lists::{address_in, field_text};

/// Longest address that is shown in the list of those who left, in characters.
const SHOWN_CHARS_MAX: usize = 320;

/// Whole records of a list.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// The line of the first of them, from 1.
    pub(crate) line: u64,
    /// The first of them is the header.
    pub(crate) has_header: bool,
}

/// A batch without those who left.
pub(crate) struct Cleaned {
    /// The records that stay, byte for byte.
    pub(crate) bytes: Vec<u8>,
    /// Those that left, in order.
    pub(crate) removed: Vec<Removed>,
    /// How many records there were.
    pub(crate) records: u64,
}

/// A record that left.
pub(crate) struct Removed {
    /// The line it began on, from 1.
    pub(crate) line: u64,
    /// The address, or what stands in its place.
    pub(crate) text: String,
    pub(crate) why: Why,
}

/// Why a record left.
pub(crate) enum Why {
    /// It holds no address.
    Invalid,
    /// It may not be sent to.
    Stopped(Box<Standing>),
}

pub(super) fn clean(
    batch: Batch,
    plan: Plan<'_>,
    index: &impl Index,
    authority: &impl Authority,
) -> Result<Cleaned, StoreError> {
    let mut cleaned = Cleaned { bytes: Vec::new(), removed: Vec::new(), records: 0 };
    let (mut line, mut at, mut kept_from) = (batch.line, 0, 0);
    let mut key = String::new();
    let mut skip = batch.has_header;
    let dialect = plan.layout.dialect;
    while let Some(end) = dialect.record_end(&batch.bytes[at..], true) {
        let record = &batch.bytes[at..at + end];
        let starts_on = line;
        line += if record.len() < 4096 && dialect.delimiter.is_none() {
            1
        } else {
            memchr::memchr_iter(dialect.line_end, record).count() as u64
        };
        if !std::mem::take(&mut skip) && !record.trim_ascii().is_empty() {
            cleaned.records += 1;
            if let Some((text, why)) = judge(record, plan, index, authority, &mut key)? {
                cleaned.bytes.extend_from_slice(&batch.bytes[kept_from..at]);
                kept_from = at + end;
                cleaned.removed.push(Removed { line: starts_on, text, why });
            }
        }
        at += end;
    }
    if kept_from == 0 {
        cleaned.bytes = batch.bytes;
    } else {
        cleaned.bytes.extend_from_slice(&batch.bytes[kept_from..]);
    }
    Ok(cleaned)
}

/// Whether a record leaves; then its address as it stands there, and why.
fn judge(
    record: &[u8],
    plan: Plan<'_>,
    index: &impl Index,
    authority: &impl Authority,
    key: &mut String,
) -> Result<Option<(String, Why)>, StoreError> {
    let field = plan.layout.dialect.fields(record).nth(plan.layout.column).unwrap_or_default();
    let bare = field.trim_ascii();
    let could_be = match plain_key(bare, key) {
        Some(domain) => index.could_be_stopped(key, &key[domain..]),
        // Anything else goes the long way below.
        None => true,
    };
    if !could_be {
        return Ok(None);
    }
    let text = field_text(field);
    let shown = || text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
    let Some(address) = address_in(&text) else { return Ok(Some((shown(), Why::Invalid))) };
    if !index.could_be_stopped(address.suppression_key().as_str(), address.domain_part()) {
        return Ok(None);
    }
    let standing = authority.standing(&address)?;
    let leaves = match standing.state {
        State::Ok => false,
        State::Held => plan.held == HeldAddresses::Leave,
        State::Suppressed => true,
    };
    Ok(leaves.then(|| (shown(), Why::Stopped(Box::new(standing)))))
}
