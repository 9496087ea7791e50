use std::net::{IpAddr, SocketAddr};

use super::MilterError;

/// Who is connected to the mail server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MilterPeer {
    /// Over the network.
    Network(SocketAddr),
    /// Over a socket of the file system.
    Local(String),
    /// Not known, or in a form that we do not know.
    Unknown,
}

/// What a mail server asks or tells. Texts that are no UTF-8 hold U+FFFD.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MilterEvent {
    /// Values of the mail server for the next event, such as `i` (queue id), `{rcpt_addr}`, `_`. No answer.
    Macros {
        /// The command letter of the event that they belong to.
        command: u8,
        /// Names and values.
        values: Vec<(String, String)>,
    },
    /// A client connected.
    Connect {
        /// Its name, or its address in brackets.
        name: String,
        /// Its address.
        peer: MilterPeer,
    },
    /// HELO or EHLO.
    Helo {
        /// What the client says that it is called.
        name: String,
    },
    /// MAIL: a message begins.
    Mail {
        /// The sender without angle brackets; empty for bounces.
        sender: String,
        /// Such as `RET=HDRS`, `ENVID=abc-123`.
        parameters: Vec<String>,
    },
    /// RCPT: the place of the gate.
    Rcpt {
        /// The recipient without angle brackets.
        recipient: String,
        /// Such as `NOTIFY=FAILURE`.
        parameters: Vec<String>,
    },
    /// DATA.
    Data,
    /// A command that the mail server does not know.
    UnknownCommand(String),
    /// A header field.
    Header {
        /// Its name.
        name: String,
        /// Its value; folded lines are joined by LF.
        value: String,
    },
    /// The headers are over.
    EndOfHeaders,
    /// A part of the body, at most 64 KiB.
    Body(Vec<u8>),
    /// The message is whole; with the last part of the body, which may be empty.
    EndOfMessage(Vec<u8>),
    /// The message is given up; the connection goes on. No answer.
    Abort,
    /// The client left; another one follows on the same connection. No answer.
    NextClient,
    /// The mail server leaves: close the connection. No answer.
    Quit,
}

/// Reads the event of a packet other than option negotiation.
pub(super) fn parse(command: u8, data: Vec<u8>) -> Result<MilterEvent, MilterError> {
    let malformed = MilterError::Malformed { command: char::from(command) };
    Ok(match command {
        b'D' => {
            let (&command, rest) = data.split_first().ok_or(malformed)?;
            let mut texts = texts(rest);
            let mut values = Vec::new();
            while let Some(name) = texts.next() {
                values.push((name, texts.next().unwrap_or_default()));
            }
            MilterEvent::Macros { command, values }
        }
        b'C' => {
            let end = memchr::memchr(0, &data).ok_or(malformed)?;
            MilterEvent::Connect { name: text(&data[..end]), peer: peer(&data[end + 1..]) }
        }
        b'H' => MilterEvent::Helo { name: texts(&data).next().ok_or(malformed)? },
        b'M' => {
            let mut texts = texts(&data);
            let sender = without_brackets(texts.next().ok_or(malformed)?);
            MilterEvent::Mail { sender, parameters: texts.collect() }
        }
        b'R' => {
            let mut texts = texts(&data);
            let recipient = without_brackets(texts.next().ok_or(malformed)?);
            MilterEvent::Rcpt { recipient, parameters: texts.collect() }
        }
        b'T' => MilterEvent::Data,
        b'U' => MilterEvent::UnknownCommand(texts(&data).next().unwrap_or_default()),
        b'L' => {
            let mut texts = texts(&data);
            let name = texts.next().ok_or(malformed)?;
            MilterEvent::Header { name, value: texts.next().unwrap_or_default() }
        }
        b'N' => MilterEvent::EndOfHeaders,
        b'B' => MilterEvent::Body(data),
        b'E' => MilterEvent::EndOfMessage(data),
        b'A' => MilterEvent::Abort,
        b'K' => MilterEvent::NextClient,
        b'Q' => MilterEvent::Quit,
        _ => return Err(MilterError::UnknownCommand { command: char::from(command) }),
    })
}

/// Texts that each end with NUL; one that does not is taken too.
fn texts(data: &[u8]) -> impl Iterator<Item = String> {
    let data = data.strip_suffix(b"\0").unwrap_or(data);
    let parts = if data.is_empty() { None } else { Some(data.split(|&byte| byte == 0)) };
    parts.into_iter().flatten().map(text)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn without_brackets(path: String) -> String {
    match path.strip_prefix('<').and_then(|p| p.strip_suffix('>')) {
        Some(inner) => inner.to_owned(),
        None => path,
    }
}

/// A family letter, a port of two bytes, an address as text.
fn peer(data: &[u8]) -> MilterPeer {
    let Some((family, rest)) = data.split_first() else { return MilterPeer::Unknown };
    let Some((&[high, low], address)) = rest.split_first_chunk() else { return MilterPeer::Unknown };
    let address = text(address.strip_suffix(b"\0").unwrap_or(address));
    let address = match family {
        b'4' => address.parse().ok(),
        // Sendmail says "IPv6:" before the address.
        b'6' => address.strip_prefix("IPv6:").unwrap_or(&address).parse().ok(),
        b'L' => return MilterPeer::Local(address),
        _ => None,
    };
    match address {
        Some(ip) => {
            MilterPeer::Network(SocketAddr::new(IpAddr::to_canonical(&ip), u16::from_be_bytes([high, low])))
        }
        None => MilterPeer::Unknown,
    }
}
