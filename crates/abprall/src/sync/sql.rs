//! Any table of a PostgreSQL, MySQL or MariaDB, or SQLite database, by statements of the operator. Values are bound, never written into
//! a statement.

mod mysql;
mod postgres;
mod sqlite;
mod template;

use std::path::PathBuf;
use std::time::Instant;

use abprall_mail::Reason;
use abprall_store::{PostgresPlace, Scope};
use jiff::Timestamp;

use super::Event;
use super::doubt::tell_singly;
use super::settings::{Secret, TargetSettings};
use super::target::{Answer, Failure, Holds, Member, Target, There, Told, Trouble};
use template::Parameter;
pub(super) use template::{Placeholders, Template};

/// Where, and what is done there.
#[derive(Clone, Debug)]
pub(crate) struct SqlSettings {
    pub(super) place: SqlPlace,
    /// One or several statements, done together.
    pub(super) stop: Vec<Template>,
    pub(super) release: Vec<Template>,
    /// None: a domain is told by its addresses.
    pub(super) domain_stop: Vec<Template>,
    pub(super) domain_release: Vec<Template>,
    /// Gives addresses, and whether each is stopped.
    pub(super) verify: Option<String>,
    pub(super) holds: Holds,
}

/// Which database.
#[derive(Clone, Debug)]
pub(crate) enum SqlPlace {
    Postgres(Secret),
    Mysql(Secret),
    Sqlite(PathBuf),
}

impl SqlPlace {
    /// `postgres://…`, `mysql://…` or `sqlite:PATH`; a path begins at `folder`.
    pub(super) fn parse(text: &str, folder: &std::path::Path) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return (!path.is_empty()).then(|| Self::Sqlite(folder.join(path)));
        }
        if text.starts_with("mysql://") || text.starts_with("mariadb://") {
            let url = text.replacen("mariadb://", "mysql://", 1);
            return ::mysql::Opts::from_url(&url).ok().map(|_| Self::Mysql(Secret::new(url)));
        }
        PostgresPlace::parse(text).ok()?;
        Some(Self::Postgres(Secret::new(text.to_owned())))
    }

    pub(super) fn placeholders(&self) -> Placeholders {
        match self {
            Self::Postgres(_) => Placeholders::Dollar,
            Self::Mysql(_) | Self::Sqlite(_) => Placeholders::Question,
        }
    }
}

/// A value of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
enum SqlValue {
    Text(Option<String>),
    Number(i64),
}

/// A connection to one database.
trait Connection: Send {
    /// Runs the statements for all events, all or nothing.
    fn run(&mut self, steps: &[(&Template, Vec<SqlValue>)]) -> Result<(), Failure>;

    /// Asks, and hands over the first column as text and the second, where there is one, as a number; else 1.
    fn ask(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(String, i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()>;
}

pub(super) struct SqlTarget {
    settings: SqlSettings,
    timeout: std::time::Duration,
    connection: Option<Box<dyn Connection>>,
}

impl SqlTarget {
    pub(super) fn new(settings: &SqlSettings, target: &TargetSettings) -> anyhow::Result<Self> {
        Ok(Self { settings: settings.clone(), timeout: target.timeout, connection: None })
    }

    fn connection(&mut self) -> Result<&mut Box<dyn Connection>, Trouble> {
        if self.connection.is_none() {
            self.connection = Some(match &self.settings.place {
                SqlPlace::Postgres(place) => Box::new(postgres::Postgres::connect(place, self.timeout)?),
                SqlPlace::Mysql(place) => Box::new(mysql::Mysql::connect(place, self.timeout)?),
                SqlPlace::Sqlite(path) => Box::new(sqlite::Sqlite::connect(path, self.timeout)?),
            });
        }
        self.connection.as_mut().ok_or_else(|| Trouble::away("no connection"))
    }

    fn run(&mut self, events: &[Event]) -> Result<(), Failure> {
        let settings = self.settings.clone();
        let steps: Vec<_> = events.iter().flat_map(|event| steps(&settings, event)).collect();
        let done = self.connection()?.run(&steps);
        // Whatever state a lost connection is in, a new one has none.
        if matches!(done, Err(Failure::Trouble(_))) {
            self.connection = None;
        }
        done
    }
}

fn steps<'a>(settings: &'a SqlSettings, event: &Event) -> Vec<(&'a Template, Vec<SqlValue>)> {
    let templates = match (&event.address, event.is_stop()) {
        (Some(_), true) => &settings.stop,
        (Some(_), false) => &settings.release,
        (None, true) => &settings.domain_stop,
        (None, false) => &settings.domain_release,
    };
    templates
        .iter()
        .map(|template| {
            let values =
                template.parameters.iter().map(|parameter| value(&settings.place, event, *parameter));
            (template, values.collect())
        })
        .collect()
}

fn value(place: &SqlPlace, event: &Event, parameter: Parameter) -> SqlValue {
    let word = |word: &str| SqlValue::Text(Some(word.to_owned()));
    let time = |at: Option<Timestamp>| SqlValue::Text(at.map(|at| time(place, at)));
    match parameter {
        Parameter::Email => SqlValue::Text(event.address.clone()),
        Parameter::Domain => word(&event.domain),
        Parameter::State => word(event.state.as_str()),
        Parameter::Reason => SqlValue::Text(event.reason.map(Reason::as_str).map(str::to_owned)),
        Parameter::Scope => SqlValue::Text(event.scope.map(Scope::as_str).map(str::to_owned)),
        Parameter::Since => time(event.since),
        Parameter::Until => time(event.until),
        Parameter::Tenant => SqlValue::Text(event.tenant.clone()),
        Parameter::List => SqlValue::Text(event.list.clone()),
        Parameter::Decision => SqlValue::Number(event.decision.id),
        Parameter::Outcome => word(event.decision.outcome.as_str()),
        Parameter::Rule => word(&event.decision.rule),
    }
}

/// As the database understands it: UTC without its zone for MySQL, else RFC 3339.
fn time(place: &SqlPlace, at: Timestamp) -> String {
    match place {
        SqlPlace::Mysql(_) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        SqlPlace::Postgres(_) | SqlPlace::Sqlite(_) => at.to_string(),
    }
}

impl Target for SqlTarget {
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer {
        match self.run(events) {
            Ok(()) => Answer { told: vec![Told::Done; events.len()], trouble: None },
            Err(Failure::Trouble(trouble)) => Answer::none(events.len(), trouble),
            // One of them may be the reason: each goes alone.
            Err(Failure::Refused(_)) => {
                tell_singly(events, until, |event| self.run(std::slice::from_ref(event)))
            }
        }
    }

    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        let Some(verify) = self.settings.verify.clone() else {
            anyhow::bail!("there is no `verify` statement in its settings: nothing can be compared");
        };
        let connection = self.connection().map_err(|trouble| match trouble {
            Trouble::Away { error, .. } | Trouble::Gone(error) => anyhow::anyhow!(error),
        })?;
        connection.ask(&verify, &mut |address, stopped| {
            let there = match stopped {
                0 => There::Free,
                2 => There::StoppedByOthers,
                _ => There::StoppedByUs,
            };
            each(Member { address, there })
        })?;
        Ok(self.settings.holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_place_is_known_by_how_it_begins() {
        let place = |text| SqlPlace::parse(text, Path::new("/etc"));
        assert!(
            matches!(place("sqlite:a.db"), Some(SqlPlace::Sqlite(path)) if path == Path::new("/etc/a.db"))
        );
        assert!(matches!(place("mysql://u:p@127.0.0.1/d"), Some(SqlPlace::Mysql(_))));
        assert!(matches!(place("mariadb://u@h/d"), Some(SqlPlace::Mysql(_))));
        assert!(matches!(place("postgres://u@h/d"), Some(SqlPlace::Postgres(_))));
        assert!(matches!(place("host=/run dbname=d"), Some(SqlPlace::Postgres(_))));
        assert!(place("oracle://x").is_none());
        assert!(place("sqlite:").is_none());
        assert_eq!(format!("{:?}", place("mysql://u:secret@h/d")), "Some(Mysql(Secret))");
    }
}
