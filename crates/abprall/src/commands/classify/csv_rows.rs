use std::io::Write;

use serde_json::Value;

use super::Printer;
use crate::intake::Totals;
use crate::report_line::ReportLine;

/// The fields of a report as CSV (RFC 4180), with a header row. Fields that hold lists are joined by `; `.
pub(super) struct CsvRows<W: Write> {
    out: csv::Writer<W>,
    header_written: bool,
}

const COLUMNS: [&str; 30] = [
    "source",
    "index",
    "kind",
    "recipient",
    "original_recipient",
    "sender",
    "message_id",
    "subject",
    "reply_code",
    "status",
    "status_origin",
    "diagnostic",
    "reporting_mta",
    "remote_mta",
    "generator",
    "issuer",
    "phase",
    "permanence",
    "bounce_type",
    "party",
    "category",
    "reason",
    "underlying",
    "action",
    "confidence",
    "because",
    "arrived_at",
    "last_attempt_at",
    "retry_until",
    "trust",
];

impl<W: Write> CsvRows<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: csv::Writer::from_writer(out), header_written: false }
    }

    fn header(&mut self) -> csv::Result<()> {
        if !self.header_written {
            self.out.write_record(COLUMNS)?;
            self.header_written = true;
        }
        Ok(())
    }
}

impl<W: Write> Printer for CsvRows<W> {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()> {
        self.header()?;
        let fields = serde_json::to_value(line)?;
        Ok(self.out.write_record(COLUMNS.map(|column| cell(&fields[column])))?)
    }

    fn end(&mut self, _totals: &Totals) -> anyhow::Result<()> {
        self.header()?;
        Ok(self.out.flush()?)
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => fields.values().map(cell).collect::<Vec<_>>().join(": "),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
