use std::io;
use std::process::ExitCode;

use abprall_mail::Reason;
use abprall_policy::Stop;
use abprall_store::{Audience, StopOrder, Subject};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::filter::reason;
use crate::commands::check::write_standing_for;
use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::subject;

/// Stop addresses or whole domains by hand.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Addresses, or domains.
    #[arg(required = true, value_name = "ADDRESS|DOMAIN", value_parser = subject::to_stop)]
    subjects: Vec<Subject>,

    #[command(flatten)]
    store: StoreFile,

    /// Why: a reason such as `complaint`, `user_unknown` or `routing_server_failure`.
    #[arg(long, value_name = "REASON", value_parser = reason, default_value = "unsubscribe")]
    reason: Reason,

    /// Only for now: a hold, which evidence may lift, not a suppression.
    #[arg(long)]
    hold: bool,

    /// The day (UTC) from which sends are allowed again.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,

    /// Only for mail of this tenant.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,

    /// Only for mail of this list.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,

    /// A note for those who ask `why` later.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let now = Timestamp::now();
        let until = match self.until.map(|day| day.to_zoned_datetime(TimeZone::UTC)) {
            None => None,
            Some(Ok(day)) if day.timestamp() > now => Some(day.timestamp()),
            Some(_) => {
                anstream::eprintln!("abprall: --until must name a day that is still to come");
                return Ok(ExitCode::from(2));
            }
        };
        let stop = if self.hold { Stop::Hold } else { Stop::Suppression };
        let audience = Audience { tenant: self.tenant, list: self.list };
        let order = StopOrder { stop, reason: self.reason, until, audience, note: self.note };
        let mut store = self.store.open()?;
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        for subject in &self.subjects {
            let standing = store.stop(subject, &order, now)?;
            write_standing_for(&mut out, &standing, &order.audience, self.lang.into())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
