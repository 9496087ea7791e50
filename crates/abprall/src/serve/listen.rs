mod inherited;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::CONNECTIONS_MAX;
use super::stop::Stop;
use inherited::Inherited;
pub(super) use inherited::inherit;

/// Where a server listens: `127.0.0.1:2424`, `[::1]:2424`, `unix:/run/abprall/lmtp`, or `systemd:lmtp` for a socket that systemd opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Systemd(String),
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        if let Some(name) = text.strip_prefix("systemd:").filter(|name| !name.is_empty()) {
            return Ok(Self::Systemd(name.to_owned()));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("{text:?} is no place to listen; write \"127.0.0.1:2424\" or \"unix:/run/abprall/lmtp\"")
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// A socket that takes connections, so many at a time.
pub(super) struct Socket {
    listener: Listener,
    connections: Arc<Semaphore>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// One connection.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    /// Whose it is; nobody's at a unix socket.
    pub(super) client: Option<IpAddr>,
    /// As long as it lives, it counts.
    _counted: OwnedSemaphorePermit,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Listens at all these places, or at none.
pub(super) async fn bind(places: &[Place]) -> anyhow::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    let mut take = |listener| {
        sockets.push(Socket { listener, connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)) });
    };
    for place in places {
        let listener = match place {
            Place::Systemd(name) => {
                let inherited = inherited::take(name);
                anyhow::ensure!(
                    !inherited.is_empty(),
                    "cannot listen at {place}: systemd has opened no socket with FileDescriptorName={name}"
                );
                for socket in inherited {
                    take(Listener::inherited(socket).with_context(|| format!("cannot listen at {place}"))?);
                }
                continue;
            }
            Place::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Place::Unix(path) => {
                // What a killed process left behind answers nobody.
                if std::os::unix::net::UnixStream::connect(path).is_err() {
                    let _ = std::fs::remove_file(path);
                }
                UnixListener::bind(path).map(Listener::Unix)
            }
        };
        take(listener.map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::AddrInUse { in_use(place) } else { "" };
            anyhow::Error::from(error).context(format!("cannot listen at {place}{hint}"))
        })?);
    }
    Ok(sockets)
}

/// How to find who has the place.
fn in_use(place: &Place) -> &'static str {
    match place {
        Place::Tcp(_) => ": another program listens there; `ss -ltnp` says which",
        Place::Unix(_) => ": another program listens there; `ss -lxp` says which",
        Place::Systemd(_) => "",
    }
}

impl Socket {
    /// The next connection; `None` when the server is to end. Where there are too many, the next one waits outside.
    pub(super) async fn accept(&self, stop: &mut Stop) -> Option<Connection> {
        loop {
            let counted = tokio::select! {
                () = stop.wanted() => return None,
                counted = Arc::clone(&self.connections).acquire_owned() => counted.ok()?,
            };
            let accepted = tokio::select! {
                () = stop.wanted() => return None,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, client)) => return Some(Connection { stream, client, _counted: counted }),
                // Out of sockets, or the client is gone already: others may still be served.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    }
}

impl Listener {
    fn inherited(socket: Inherited) -> io::Result<Self> {
        match socket {
            Inherited::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Self::Tcp)
            }
            Inherited::Unix(socket) => {
                socket.set_nonblocking(true)?;
                UnixListener::from_std(socket).map(Self::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, client) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Some(client.ip().to_canonical())))
            }
            Self::Unix(listener) => Ok((Box::new(listener.accept().await?.0), None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_with_a_port_or_a_path() {
        assert_eq!(Place::parse("unix:/run/a/b").unwrap().to_string(), "unix:/run/a/b");
        assert_eq!(Place::parse("[::1]:25").unwrap().to_string(), "[::1]:25");
        assert!(Place::parse("localhost").unwrap_err().contains("127.0.0.1:2424"));
    }
}
