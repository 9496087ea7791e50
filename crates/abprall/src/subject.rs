//! An address or a domain, as people type it.

use abprall_mail::{Domain, EmailAddress};
use abprall_store::Subject;

/// Reads an address where there is an `@`, else a domain.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn read(text: &str) -> Result<Subject, String> {
    let text = text.trim();
    if text.contains('@') && !text.starts_with('@') {
        address(text).map(Subject::Address)
    } else {
        domain(text).map(Subject::Domain)
    }
}

/// As [`read`], for what is to be stopped: a name of one label is a slip of the pen, no domain that gets mail.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn to_stop(text: &str) -> Result<Subject, String> {
    match read(text)? {
        Subject::Domain(domain) if !domain.as_str().contains('.') => Err(format!(
            "{:?} is neither an address nor a domain; write \"bob@example.org\" or \"example.org\"",
            text.trim()
        )),
        subject => Ok(subject),
    }
}

/// Reads an address.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse_lenient(text.trim()).map_err(|error| format!("{text:?} is no mail address: {error}"))
}

/// Reads a domain; an `@` before it does no harm.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn domain(text: &str) -> Result<Domain, String> {
    let name = text.trim().trim_start_matches('@');
    Domain::parse(name).map_err(|error| format!("{name:?} is no domain: {error}"))
}
