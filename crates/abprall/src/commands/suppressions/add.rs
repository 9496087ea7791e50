use std::io;
use std::process::ExitCode;

use abprall_mail::Reason;
use abprall_policy::Stop;
use abprall_store::{Audience, StopOrder, Subject};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::commands::check::write_standing_for;
use crate::language::Lang;
use crate::reasons::reason;
use crate::store_file::StoreFile;
use crate::subject;
use crate::wording::pick;

/// A stop without a reason would be somebody's guess later: nobody is said to have unsubscribed who has not.
const NO_REASON_EN: &str = "say why, by --reason:
  unsubscribe             the owner wants no more mail; lifted only by their own wish
  complaint               the owner called it spam; likewise
  user_unknown            there is no such mailbox
  mailbox_disabled        it is switched off
  domain_not_found        the domain is gone
  routing_server_failure  mail to the domain fails; --hold stops only for now
`abprall explain REASON` says what each means; a wrong word lists them all";

const NO_REASON_DE: &str = "bitte den Grund nennen, mit --reason:
  unsubscribe             der Inhaber will keine Mail mehr; nur auf eigenen Wunsch aufgehoben
  complaint               der Inhaber hat sie als Spam gemeldet; ebenso
  user_unknown            das Postfach gibt es nicht
  mailbox_disabled        es ist abgeschaltet
  domain_not_found        die Domain gibt es nicht mehr
  routing_server_failure  Mail an die Domain scheitert; --hold stoppt nur vorerst
`abprall explain GRUND` erklärt jeden; ein falsches Wort zählt alle auf";

/// Stop addresses or whole domains by hand.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Addresses, or domains.
    #[arg(required = true, value_name = "ADDRESS|DOMAIN", value_parser = subject::to_stop)]
    subjects: Vec<Subject>,

    #[command(flatten)]
    store: StoreFile,

    /// Why; must be given. `unsubscribe`: the owner wants no more mail. `complaint`: the owner called it spam. Both are lifted only by
    /// the owner's own wish. `user_unknown`, `mailbox_disabled`, `routing_server_failure` and the like: it cannot be delivered.
    #[arg(long, value_name = "REASON", value_parser = reason(), hide_possible_values = true)]
    reason: Option<Reason>,

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
        let language = self.lang.into();
        let Some(reason) = self.reason else {
            anstream::eprintln!("abprall: {}", pick(language, NO_REASON_EN, NO_REASON_DE));
            return Ok(ExitCode::from(2));
        };
        let now = Timestamp::now();
        let until = match self.until.map(|day| day.to_zoned_datetime(TimeZone::UTC)) {
            None => None,
            Some(Ok(day)) if day.timestamp() > now => Some(day.timestamp()),
            Some(_) => {
                let text = pick(
                    language,
                    "--until must name a day that is still to come",
                    "--until muss einen Tag nennen, der noch kommt",
                );
                anstream::eprintln!("abprall: {text}");
                return Ok(ExitCode::from(2));
            }
        };
        let stop = if self.hold { Stop::Hold } else { Stop::Suppression };
        let audience = Audience { tenant: self.tenant, list: self.list };
        let order = StopOrder { stop, reason, until, audience, note: self.note };
        let mut store = self.store.open()?;
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        for subject in &self.subjects {
            let standing = store.stop(subject, &order, now)?;
            write_standing_for(&mut out, &standing, &order.audience, language)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
