use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abprall_mail::{EmailAddress, Language};
use abprall_policy::{Day, KeyRing, TokenKey, TokenRecipient};
use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;

use crate::language::Lang;
use crate::subject;
use crate::wording::pick;

/// Days after which a token is not believed any more: the longest that mail servers keep a message in a queue, and some weeks.
const DAYS_MAX: i64 = 60;

/// Signed return paths: what comes back to one is about a message that we sent.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the local part of a return path for a message to ADDRESS.
    Make(Make),
    /// Check a return path. Exit status 1 when it is not to be believed.
    Check(Check),
}

#[derive(clap::Args)]
struct Make {
    /// Whom the message goes to.
    #[arg(value_name = "ADDRESS", value_parser = subject::address)]
    address: EmailAddress,

    /// What stands before the `+`: the mailbox that takes the bounces.
    #[arg(long, value_name = "NAME", default_value = "bounces", value_parser = prefix)]
    prefix: String,

    #[command(flatten)]
    keys: Keys,
}

#[derive(clap::Args)]
struct Check {
    /// The return path, or its part before the `@`.
    #[arg(value_name = "LOCALPART|ADDRESS")]
    return_path: String,

    /// For a return path with a hash in it: whether it is the one of this address.
    #[arg(long, value_name = "ADDRESS", value_parser = subject::address)]
    recipient: Option<EmailAddress>,

    /// Days for which a token is believed.
    #[arg(long, value_name = "DAYS", default_value_t = DAYS_MAX)]
    days: i64,

    #[command(flatten)]
    keys: Keys,
}

#[derive(clap::Args)]
struct Keys {
    /// The keys: one `id secret` a line, id one of a–z and 2–7. The first one signs, all are believed.
    #[arg(long, value_name = "FILE", env = "ABPRALL_TOKEN_KEYS", hide_env_values = true)]
    key: PathBuf,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let day = Day(Timestamp::now().as_second().div_euclid(24 * 60 * 60));
        match self.command {
            Command::Make(args) => {
                let ring = args.keys.read()?;
                anstream::println!("{}", ring.make(&args.prefix, &args.address, day));
                Ok(ExitCode::SUCCESS)
            }
            Command::Check(args) => args.run(day),
        }
    }
}

impl Check {
    fn run(&self, day: Day) -> anyhow::Result<ExitCode> {
        let language = self.keys.lang.into();
        let ring = self.keys.read()?;
        let path = self.return_path.trim().trim_start_matches('<').trim_end_matches('>');
        let local_part = path.rsplit_once('@').map_or(path, |(local_part, _)| local_part);
        let claims = match ring.check(local_part, day, self.days) {
            Ok(claims) => claims,
            Err(error) => {
                anstream::eprintln!("abprall: {error}");
                return Ok(ExitCode::from(1));
            }
        };
        let name = match (&claims.recipient, &self.recipient) {
            (TokenRecipient::Address(address), None) => address.to_string(),
            (TokenRecipient::Address(signed), Some(asked)) => {
                if signed.suppression_key() != asked.suppression_key() {
                    return Ok(of_another(asked, language));
                }
                asked.to_string()
            }
            (TokenRecipient::Hash(hash), Some(asked)) => {
                if !ring.is_hash_of(hash, asked) {
                    return Ok(of_another(asked, language));
                }
                asked.to_string()
            }
            (TokenRecipient::Hash(hash), None) => format!(
                "{hash} ({})",
                pick(
                    language,
                    "a hash; --recipient ADDRESS compares",
                    "ein Hash; --recipient ADRESSE vergleicht"
                )
            ),
        };
        let (sent, days) = (pick(language, "sent to", "gesendet an"), claims.age_days);
        let ago = match language {
            Language::En => format!("{days} days ago"),
            Language::De => format!("vor {days} Tagen"),
        };
        anstream::println!("{sent} {name}, {ago}");
        Ok(ExitCode::SUCCESS)
    }
}

fn of_another(address: &EmailAddress, language: Language) -> ExitCode {
    let text = pick(
        language,
        "the return path is that of a message to somebody else, not to",
        "die Rückadresse gehört zu einer Nachricht an jemand anderen, nicht an",
    );
    anstream::eprintln!("abprall: {text} {address}");
    ExitCode::from(1)
}

impl Keys {
    fn read(&self) -> anyhow::Result<KeyRing> {
        let path = self.key.display();
        let text =
            std::fs::read_to_string(&self.key).with_context(|| format!("cannot read the keys {path}"))?;
        if is_open_to_others(&self.key) {
            anstream::eprintln!(
                "abprall: {path}: {}",
                pick(
                    self.lang.into(),
                    "others on this machine can read the keys: `chmod 600` it",
                    "andere auf diesem Rechner können die Schlüssel lesen: `chmod 600` hilft",
                )
            );
        }
        read_keys(&text).map_err(|problem| anyhow::Error::new(BadKeys(format!("{path}: {problem}"))))
    }
}

/// A key file that has to be mended.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadKeys(String);

/// One `id secret` a line; blank lines and lines with `#` are passed over. No secret is ever repeated in an error.
fn read_keys(text: &str) -> Result<KeyRing, String> {
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (id, secret) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("line {number}: a key is `id secret`, such as `a 3f0c…`"))?;
        let mut letters = id.chars();
        let (Some(id), None) = (letters.next(), letters.next()) else {
            return Err(format!("line {number}: the id of a key is one letter"));
        };
        keys.push(
            TokenKey::new(id, secret.trim().as_bytes()).map_err(|error| format!("line {number}: {error}"))?,
        );
    }
    KeyRing::new(keys).ok_or_else(|| "there is no key in it".to_owned())
}

fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o077 != 0)
}

/// A name that leaves room for the rest, and that no mail server takes apart.
fn prefix(text: &str) -> Result<String, String> {
    let fits = (1..=25).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a prefix has 1 to 25 letters, digits, dots, hyphens and underscores".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_read_and_its_first_key_signs() {
        let address = EmailAddress::parse("anna@example.com").unwrap();
        let ring = read_keys("# new\nb 0123456789abcdef0123\n\na fedcba98765432100123\n").unwrap();
        assert!(ring.make("bounces", &address, Day(20_000)).starts_with("bounces+b"));
        let old = read_keys("a fedcba98765432100123").unwrap().make("bounces", &address, Day(20_000));
        assert!(ring.check(&old, Day(20_001), 30).is_ok());
    }

    #[test]
    fn a_bad_key_is_named_by_its_line_and_no_secret_is_shown() {
        for (text, expected) in [
            ("a short", "line 1"),
            ("\nab 0123456789abcdef", "line 2"),
            ("secretwithoutid", "line 1"),
            ("", "no key"),
        ] {
            let problem = read_keys(text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            assert!(
                !problem.contains("short") && !problem.contains("0123") && !problem.contains("secretwithout"),
                "{problem}"
            );
        }
    }
}
