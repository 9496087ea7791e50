//! The report about a store: what it says ([`Report`]), and how that looks as HTML and CSV. Pure but for the questions to the store.
//!
//! - `content` asks the store and puts together what is said; as JSON it is a contract (`docs/output.md`).
//! - `headline` and `advice` say in words what the numbers mean for people.
//! - `html` shows it as one file, `chart` draws its pictures, `table` gives its tables to spreadsheets.

mod advice;
mod chart;
mod content;
mod headline;
mod html;
mod table;

pub(crate) use content::Report;
pub(crate) use headline::{Condition, Headline};
pub(crate) use html::write as write_html;
pub(crate) use table::{Table, write as write_csv};
