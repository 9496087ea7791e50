//! Where a PostgreSQL database is, and how it is reached.

use std::path::PathBuf;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::encryption::{Encryption, Trust};

/// A connection string, read: a URI or `key=value` words, as libpq takes them
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>), with `sslmode`, `sslrootcert`, `sslcert` and
/// `sslkey`.
#[derive(Clone, Debug)]
pub struct PostgresPlace {
    config: Config,
    encryption: Encryption,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The connection string, or a file that it names, cannot be used. The string is not repeated: there may be a password in it.
    #[error("{0}")]
    Unusable(String),
    /// The server, or the way to it.
    #[error(transparent)]
    Server(#[from] postgres::Error),
}

impl PostgresPlace {
    /// Reads a connection string.
    ///
    /// # Errors
    /// [`PostgresError::Unusable`], in which nothing of the string is repeated but the names of its keys.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        let (rest, ours) = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            without_tls_in_uri(text)
        } else {
            without_tls_in_words(text)
        };
        let mut config: Config =
            rest.parse().map_err(|error: postgres::Error| PostgresError::Unusable(words(&error)))?;
        let mut encryption = Encryption::default();
        let (mut says_mode, mut wants_system) = (false, false);
        for (key, value) in ours {
            says_mode |= key == "sslmode";
            wants_system |= key == "sslrootcert" && value == "system";
            match key {
                "sslmode" => {
                    encryption.trust = Trust::parse(&value).ok_or_else(|| {
                        let known = "disable, prefer, require, verify-ca or verify-full";
                        PostgresError::Unusable(format!("sslmode is one of {known}"))
                    })?;
                }
                "sslrootcert" if value == "system" => encryption.authorities = None,
                "sslrootcert" => encryption.authorities = Some(PathBuf::from(value)),
                "sslcert" => encryption.certificate = Some(PathBuf::from(value)),
                _ => encryption.key = Some(PathBuf::from(value)),
            }
        }
        // As libpq: the authorities of a system vouch for anybody, so that only the name says who it is.
        match (wants_system, says_mode) {
            (true, false) => encryption.trust = Trust::Name,
            (true, true) if encryption.trust != Trust::Name => {
                let told = "sslrootcert=system goes with sslmode=verify-full only";
                return Err(PostgresError::Unusable(told.to_owned()));
            }
            (true | false, _) => {}
        }
        // Without a name there is nobody that a certificate could be of.
        let has_name = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
        let is_offered = matches!(encryption.trust, Trust::Offered);
        config.ssl_mode(match encryption.trust {
            Trust::Plain => SslMode::Disable,
            Trust::Offered if !has_name => SslMode::Disable,
            Trust::Offered => SslMode::Prefer,
            Trust::Required | Trust::Authority | Trust::Name => SslMode::Require,
        });
        if !has_name && !is_offered && encryption.trust != Trust::Plain {
            return Err(PostgresError::Unusable(
                "sslmode wants TLS, which a unix socket and an address without a name do not have: name a `host`"
                    .to_owned(),
            ));
        }
        Ok(Self { config, encryption })
    }

    /// The rest of what it says, to be read and added to.
    pub fn config(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Connects. The files of certificates are read anew each time.
    ///
    /// # Errors
    /// As [`PostgresError`] has it.
    pub fn connect(&self) -> Result<Client, PostgresError> {
        match self.config.get_ssl_mode() {
            SslMode::Disable => Ok(self.config.connect(NoTls)?),
            SslMode::Prefer => {
                let connector = self.encryption.connector().map_err(PostgresError::Unusable)?;
                match self.config.connect(connector) {
                    // Old certificates and protocols: it was only preferred. The library has no other way to tell that error.
                    Err(error) if error.to_string().starts_with("error performing TLS handshake") => {
                        let mut plain = self.config.clone();
                        Ok(plain.ssl_mode(SslMode::Disable).connect(NoTls)?)
                    }
                    connected => Ok(connected?),
                }
            }
            _ => {
                let connector = self.encryption.connector().map_err(PostgresError::Unusable)?;
                Ok(self.config.connect(connector)?)
            }
        }
    }

    /// Where it is, without the password.
    pub fn shown(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = self.config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("postgres://{host}{port}/{database}")
    }
}

/// The library knows `sslmode` in part, and refuses the others: they are read here.
const OURS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

type Taken = Vec<(&'static str, String)>;

fn ours(key: &str) -> Option<&'static str> {
    OURS.into_iter().find(|ours| *ours == key)
}

fn without_tls_in_uri(text: &str) -> (String, Taken) {
    let Some((before, query)) = text.split_once('?') else { return (text.to_owned(), Vec::new()) };
    let mut taken = Vec::new();
    let kept: Vec<_> = query
        .split('&')
        .filter(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(key) = ours(key) else { return true };
            taken.push((key, percent_decoded(value)));
            false
        })
        .collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (before.to_owned() + &query, taken)
}

fn percent_decoded(value: &str) -> String {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = &more[2..];
            }
            _ => {
                decoded.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// `key = 'value'` words: quotes with `\'` and `\\` in them, white space around `=`.
fn without_tls_in_words(text: &str) -> (String, Taken) {
    let (mut kept, mut taken) = (String::new(), Vec::new());
    let mut rest = text.trim_start();
    while let Some((key, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let (value, length) = word_value(behind);
        let whole = &rest[..rest.len() - behind.len() + length];
        match ours(key.trim_end()) {
            Some(key) => taken.push((key, value)),
            None => kept = kept + whole + " ",
        }
        rest = behind[length..].trim_start();
    }
    // What is no pair the library complains about.
    (kept + rest, taken)
}

/// A value, and how many bytes of the text it takes.
fn word_value(text: &str) -> (String, usize) {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if is_quoted => return (value, at + 1),
            _ if !is_quoted && letter.is_whitespace() => return (value, at),
            _ => value.push(letter),
        }
    }
    (value, text.len())
}

fn words(error: &postgres::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PostgresPlace {
        PostgresPlace::parse(text).unwrap()
    }

    #[test]
    fn what_concerns_tls_is_read_from_both_forms() {
        for text in [
            "postgres://me:a%3Fb@db.example:5433/lists?sslmode=verify-full&application_name=x&sslrootcert=/etc/my%20ca.pem",
            "host=db.example  port = 5433 user=me password='a?b' dbname=lists sslmode = verify-full sslrootcert='/etc/my ca.pem' \
             application_name='x'",
        ] {
            let mut place = read(text);
            assert_eq!(place.encryption.trust, Trust::Name, "{text}");
            assert_eq!(place.encryption.authorities.as_deref(), Some("/etc/my ca.pem".as_ref()));
            assert_eq!(place.shown(), "postgres://db.example:5433/lists");
            let config = place.config();
            assert_eq!(config.get_password(), Some(b"a?b".as_slice()));
            assert_eq!(config.get_application_name(), Some("x"));
            assert_eq!(config.get_ssl_mode(), SslMode::Require);
        }
    }

    #[test]
    fn a_socket_needs_no_tls_and_a_wrong_mode_is_told() {
        assert_eq!(read("host=/run/postgresql user=me").config().get_ssl_mode(), SslMode::Disable);
        assert_eq!(read("host=db.example user=me").config().get_ssl_mode(), SslMode::Prefer);
        for text in [
            "host=/run/postgresql sslmode=require",
            "host=db.example sslmode=allow password=secret",
            "host='db",
        ] {
            let error = PostgresPlace::parse(text).err().unwrap();
            assert!(
                matches!(&error, PostgresError::Unusable(told) if !told.contains("secret")),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn the_authorities_of_the_system_vouch_for_a_name_only() {
        let trust = |text: &str| PostgresPlace::parse(text).map(|place| place.encryption.trust);
        assert_eq!(trust("host=db.example sslrootcert=system").unwrap(), Trust::Name);
        assert_eq!(trust("host=db.example sslmode=verify-full sslrootcert=system").unwrap(), Trust::Name);
        assert!(trust("host=db.example sslmode=require sslrootcert=system").is_err());
    }

    #[test]
    fn quotes_and_escapes_are_kept_for_the_library() {
        let mut place = read(r"host=h password='it\'s \\ here' user = me sslmode=disable");
        assert_eq!(place.config().get_password(), Some(br"it's \ here".as_slice()));
        assert_eq!(place.config().get_user(), Some("me"));
    }
}
