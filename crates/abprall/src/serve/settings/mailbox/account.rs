//! A mail account that is logged in to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_policy::settings::{Reader, Section};

/// A mail account.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Account {
    pub(in crate::serve) host: String,
    pub(in crate::serve) port: u16,
    pub(in crate::serve) encryption: Encryption,
    /// Authorities that are trusted instead of the machine's.
    pub(in crate::serve) authorities: Option<PathBuf>,
    pub(in crate::serve) user: String,
    pub(in crate::serve) login: Login,
    /// How long it is waited after the first failure; doubled by each further one.
    pub(in crate::serve) retry: Duration,
    /// Where it is remembered what was seen.
    pub(in crate::serve) state: PathBuf,
}

impl Account {
    pub(in crate::serve) fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::serve) enum Encryption {
    /// From the first byte.
    Implicit,
    /// After STARTTLS or STLS; without it nothing secret is said.
    StartTls,
    /// Not at all: only on the same machine.
    None,
}

/// How to log in. What is secret is read anew at each login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::serve) enum Login {
    Password(SecretPlace),
    /// A token of OAuth 2, as Google and Microsoft want it.
    Token(SecretPlace),
}

/// Where a secret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::serve) enum SecretPlace {
    File(PathBuf),
    Variable(String),
    /// A program that says it, with its arguments.
    Command(Vec<String>),
}

/// `ports`: with TLS from the first byte, and else.
pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    folder: &Path,
    ports: (u32, u32),
    state: Option<PathBuf>,
) -> Option<Account> {
    let mut wanted = |name, example: &str| {
        let text = section.text(reader, name);
        match &text {
            None => reader.problem(0..0, &section.key(name), format!("is wanted, such as \"{example}\"")),
            Some((text, span)) if text.is_empty() || text.chars().any(char::is_control) => {
                let hint = format!("a text without control characters is wanted, such as \"{example}\"");
                reader.problem(span.clone(), &section.key(name), hint);
            }
            Some(_) => {}
        }
        text.map(|(text, _)| text)
    };
    let host = wanted("host", "imap.example.org");
    let user = wanted("user", "bounces@example.org");
    let mut encryption = Encryption::Implicit;
    let words =
        [("implicit", Encryption::Implicit), ("starttls", Encryption::StartTls), ("none", Encryption::None)];
    section.word(reader, "tls", &mut encryption, &words);
    if encryption == Encryption::None && host.as_deref().is_some_and(|host| !is_loopback(host)) {
        let hint = "without TLS the password could be read on the way: only for a server on this machine";
        reader.problem(0..0, &section.key("tls"), hint.to_owned());
    }
    let mut port = match encryption {
        Encryption::Implicit => ports.0,
        Encryption::StartTls | Encryption::None => ports.1,
    };
    section.number(reader, "port", &mut port, 1..65_536);
    let authorities = section.text(reader, "ca_file").map(|(path, _)| folder.join(path));
    let mut retry = Duration::from_secs(5);
    section.duration(reader, "retry", &mut retry);
    let login = take_login(reader, section, folder);
    Some(Account {
        host: host?,
        port: u16::try_from(port).ok()?,
        encryption,
        authorities,
        user: user?,
        login: login?,
        retry,
        state: state?,
    })
}

fn take_login(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, folder: &Path) -> Option<Login> {
    let mut logins = Vec::new();
    let mut text = |name| section.text(reader, name).map(|(text, _)| text);
    let file = |path: String| SecretPlace::File(folder.join(path));
    logins.extend(text("password_file").map(|path| Login::Password(file(path))));
    logins.extend(text("password_env").map(|name| Login::Password(SecretPlace::Variable(name))));
    logins.extend(text("token_file").map(|path| Login::Token(file(path))));
    logins.extend(text("token_env").map(|name| Login::Token(SecretPlace::Variable(name))));
    let command: Vec<_> = section.texts(reader, "token_command").into_iter().map(|(word, _)| word).collect();
    if !command.is_empty() {
        logins.push(Login::Token(SecretPlace::Command(command)));
    }
    if logins.len() == 1 {
        return logins.pop();
    }
    // What the keys hold is not repeated: somebody may have written the password itself.
    let hint = "one of password_file, password_env, token_file, token_env and token_command is wanted";
    reader.problem(0..0, &section.key("password_file"), hint.to_owned());
    None
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        assert!(is_loopback("localhost") && is_loopback("127.0.0.2") && is_loopback("::1"));
        assert!(!is_loopback("imap.example.org") && !is_loopback("192.0.2.1"));
    }
}
