use std::net::IpAddr;

use super::access::Access;
use crate::limits::{POLICY_LINE_BYTES_MAX, POLICY_REQUEST_BYTES_MAX};
use crate::line::{Line, LineReader};

/// Where in the SMTP conversation Postfix asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are the SMTP commands")]
pub enum ProtocolState {
    Connect,
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    EndOfMessage,
    Vrfy,
    Etrn,
    /// Not said.
    #[default]
    Missing,
    /// A state that we do not know.
    Other(String),
}

impl ProtocolState {
    fn parse(text: &str) -> Self {
        match text {
            "CONNECT" => Self::Connect,
            "EHLO" => Self::Ehlo,
            "HELO" => Self::Helo,
            "MAIL" => Self::Mail,
            "RCPT" => Self::Rcpt,
            "DATA" => Self::Data,
            "END-OF-MESSAGE" => Self::EndOfMessage,
            "VRFY" => Self::Vrfy,
            "ETRN" => Self::Etrn,
            "" => Self::Missing,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A request of Postfix' policy delegation (SMTPD_POLICY_README). What was not said is empty, zero or `None`; attributes that are not
/// here are left out. Bytes that are no UTF-8 become U+FFFD.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PolicyRequest {
    /// Where in the conversation.
    pub protocol_state: ProtocolState,
    /// `SMTP` or `ESMTP`.
    pub protocol_name: String,
    /// Who is connected; `None` too when Postfix does not know.
    pub client_address: Option<IpAddr>,
    /// The port of the client, 0 when not known.
    pub client_port: u16,
    /// The client's name, verified both ways, or `unknown`.
    pub client_name: String,
    /// The client's name by its address alone.
    pub reverse_client_name: String,
    /// Where the client is connected to.
    pub server_address: Option<IpAddr>,
    /// The port there, 0 when not known.
    pub server_port: u16,
    /// What the client said with EHLO or HELO.
    pub helo_name: String,
    /// The envelope sender, empty for bounces.
    pub sender: String,
    /// The recipient: always at RCPT; later only where the message has just one.
    pub recipient: String,
    /// How many recipients were accepted; 0 before DATA.
    pub recipient_count: u32,
    /// Empty before the first recipient is accepted.
    pub queue_id: String,
    /// The same for all requests about one message.
    pub instance: String,
    /// In bytes; 0 when not known.
    pub size: u64,
    /// The argument of ETRN.
    pub etrn_domain: String,
    /// `yes` when the server is under stress.
    pub stress: String,
    /// How the client authenticated itself.
    pub sasl_method: String,
    /// Who the client is.
    pub sasl_username: String,
    /// The sender given with MAIL AUTH=.
    pub sasl_sender: String,
    /// The subject of the client's certificate, xtext.
    pub ccert_subject: String,
    /// The issuer of the client's certificate, xtext.
    pub ccert_issuer: String,
    /// The fingerprint of the client's certificate.
    pub ccert_fingerprint: String,
    /// The fingerprint of the client's public key.
    pub ccert_pubkey_fingerprint: String,
    /// Such as `TLSv1.3`.
    pub encryption_protocol: String,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub encryption_cipher: String,
    /// In bits.
    pub encryption_keysize: u32,
    /// What main.cf gives with `policy_context=`: tells gates apart that share one server.
    pub policy_context: String,
}

impl PolicyRequest {
    fn set(&mut self, name: &[u8], value: &str) -> Result<(), PolicyError> {
        let number = || PolicyError::BadNumber { name: String::from_utf8_lossy(name).into_owned() };
        let field = match name {
            b"protocol_state" => {
                self.protocol_state = ProtocolState::parse(value);
                return Ok(());
            }
            b"client_address" => {
                self.client_address = value.parse().ok();
                return Ok(());
            }
            b"server_address" => {
                self.server_address = value.parse().ok();
                return Ok(());
            }
            // Postfix says "unknown" where it does not know a port.
            b"client_port" => {
                self.client_port = value.parse().unwrap_or(0);
                return Ok(());
            }
            b"server_port" => {
                self.server_port = value.parse().unwrap_or(0);
                return Ok(());
            }
            b"recipient_count" => {
                self.recipient_count = zero_if_empty(value).parse().map_err(|_| number())?;
                return Ok(());
            }
            b"size" => {
                self.size = zero_if_empty(value).parse().map_err(|_| number())?;
                return Ok(());
            }
            b"encryption_keysize" => {
                self.encryption_keysize = zero_if_empty(value).parse().map_err(|_| number())?;
                return Ok(());
            }
            b"protocol_name" => &mut self.protocol_name,
            b"client_name" => &mut self.client_name,
            b"reverse_client_name" => &mut self.reverse_client_name,
            b"helo_name" => &mut self.helo_name,
            b"sender" => &mut self.sender,
            b"recipient" => &mut self.recipient,
            b"queue_id" => &mut self.queue_id,
            b"instance" => &mut self.instance,
            b"etrn_domain" => &mut self.etrn_domain,
            b"stress" => &mut self.stress,
            b"sasl_method" => &mut self.sasl_method,
            b"sasl_username" => &mut self.sasl_username,
            b"sasl_sender" => &mut self.sasl_sender,
            b"ccert_subject" => &mut self.ccert_subject,
            b"ccert_issuer" => &mut self.ccert_issuer,
            b"ccert_fingerprint" => &mut self.ccert_fingerprint,
            b"ccert_pubkey_fingerprint" => &mut self.ccert_pubkey_fingerprint,
            b"encryption_protocol" => &mut self.encryption_protocol,
            b"encryption_cipher" => &mut self.encryption_cipher,
            b"policy_context" => &mut self.policy_context,
            _ => return Ok(()),
        };
        value.clone_into(field);
        Ok(())
    }
}

fn zero_if_empty(value: &str) -> &str {
    if value.is_empty() { "0" } else { value }
}

/// Why bytes are no policy request. Postfix is to be left without an answer; it connects anew.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// A line beyond [`POLICY_LINE_BYTES_MAX`].
    #[error("a policy request with a line of more than {POLICY_LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A request beyond [`POLICY_REQUEST_BYTES_MAX`].
    #[error("a policy request of more than {POLICY_REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// A line without `=`.
    #[error("a policy request with a line that is no name=value: {line:?}")]
    NotAnAttribute {
        /// The start of the line.
        line: String,
    },
    /// An attribute that must be a number is none.
    #[error("a policy request in which {name} is no number")]
    BadNumber {
        /// The attribute.
        name: String,
    },
    /// `request=smtpd_access_policy` is missing: another protocol, or an empty request.
    #[error("a policy request without request=smtpd_access_policy")]
    NotAPolicyRequest,
}

/// Takes policy requests out of bytes as they come, in any pieces. Holds at most one request.
///
/// ```
/// use abprall_wire::postfix::{Access, PolicyAnswer, PolicyReader};
///
/// let mut reader = PolicyReader::default();
/// let (taken, request) = reader.read(b"request=smtpd_access_policy\nrecipient=user@ok.test\n\nrequest=");
/// assert_eq!(taken, 52);
/// assert_eq!(request.unwrap().unwrap().recipient, "user@ok.test");
///
/// let mut answer = Vec::new();
/// PolicyAnswer(Access::Dunno).write(&mut answer);
/// assert_eq!(answer, b"action=DUNNO\n\n");
/// ```
#[derive(Clone, Debug)]
pub struct PolicyReader {
    lines: LineReader,
    request: PolicyRequest,
    /// Whether the request has said that it is one.
    kind: Kind,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    NotSaid,
    AccessPolicy,
}

impl Default for PolicyReader {
    fn default() -> Self {
        Self {
            lines: LineReader::new(POLICY_LINE_BYTES_MAX),
            request: PolicyRequest::default(),
            kind: Kind::NotSaid,
            bytes: 0,
        }
    }
}

impl PolicyReader {
    /// Takes bytes until a request is whole. Gives how many were taken (all, unless a request ended before), and the request.
    ///
    /// # Errors
    /// When the bytes are no request, or more than the limits allow. Then the connection is of no use any more.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<PolicyRequest, PolicyError>>) {
        let mut taken = 0;
        while taken < bytes.len() {
            let (of_line, line) = self.lines.read(&bytes[taken..]);
            taken += of_line;
            let event = match line {
                None => None,
                Some(Line::TooLong) => Some(Err(PolicyError::LineTooLong)),
                Some(Line::Whole(line)) => self.hear(&line).transpose(),
            };
            if let Some(event) = event {
                *self = Self::default();
                return (taken, Some(event));
            }
        }
        (taken, None)
    }

    /// Whether a request has begun and not ended: a peer that is silent now is not idle but stuck.
    pub fn is_amid_a_request(&self) -> bool {
        self.bytes > 0 || self.lines.is_amid_a_line()
    }

    fn hear(&mut self, line: &[u8]) -> Result<Option<PolicyRequest>, PolicyError> {
        self.bytes += line.len() + 1;
        if self.bytes > POLICY_REQUEST_BYTES_MAX {
            return Err(PolicyError::TooLong);
        }
        if line.is_empty() {
            return match self.kind {
                Kind::AccessPolicy => Ok(Some(std::mem::take(&mut self.request))),
                Kind::NotSaid => Err(PolicyError::NotAPolicyRequest),
            };
        }
        let Some(equals) = memchr::memchr(b'=', line) else {
            return Err(PolicyError::NotAnAttribute { line: start_of(line) });
        };
        let (name, value) = (&line[..equals], &line[equals + 1..]);
        if name == b"request" {
            if value != b"smtpd_access_policy" {
                return Err(PolicyError::NotAPolicyRequest);
            }
            self.kind = Kind::AccessPolicy;
            return Ok(None);
        }
        self.request.set(name, &String::from_utf8_lossy(value))?;
        Ok(None)
    }
}

/// The start of a line, for a log.
fn start_of(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(80)])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The answer to a policy request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyAnswer(pub Access);

impl PolicyAnswer {
    /// Adds the bytes on the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("action={}\n\n", self.0).as_bytes());
    }
}
