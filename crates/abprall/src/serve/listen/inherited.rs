//! Sockets that systemd opened for us (socket activation, sd_listen_fds(3)), by their `FileDescriptorName=`.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{LazyLock, Mutex, PoisonError};

use listenfd::ListenFd;

/// One of them, until it is taken.
pub(super) enum Inherited {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// They belong to the process: there is one environment.
static INHERITED: LazyLock<Mutex<Vec<(String, Inherited)>>> = LazyLock::new(|| Mutex::new(read()));

/// Takes them over. To be called before there are threads: it changes the environment.
pub(in crate::serve) fn inherit() {
    LazyLock::force(&INHERITED);
}

/// All with this name; each is given once.
pub(super) fn take(name: &str) -> Vec<Inherited> {
    let mut all = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let (ours, others) = std::mem::take(&mut *all).into_iter().partition(|(known, _)| known == name);
    *all = others;
    let ours: Vec<(String, Inherited)> = ours;
    ours.into_iter().map(|(_, socket)| socket).collect()
}

fn read() -> Vec<(String, Inherited)> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    let mut inherited = Vec::new();
    for number in 0..sockets.len() {
        let name = names.next().unwrap_or("unknown").to_owned();
        // What is neither is none of ours; it stays open, and unused.
        if let Ok(Some(socket)) = sockets.take_tcp_listener(number) {
            inherited.push((name, Inherited::Tcp(socket)));
        } else if let Ok(Some(socket)) = sockets.take_unix_listener(number) {
            inherited.push((name, Inherited::Unix(socket)));
        }
    }
    inherited
}
