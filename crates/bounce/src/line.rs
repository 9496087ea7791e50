use crate::Report;

/// Reads a bare SMTP reply line, with or without an MTA's wrapper around it.
pub fn read_line(line: &str) -> Report {
    Report { diagnostic: Some(line.trim().to_owned()), ..Report::default() }
}
