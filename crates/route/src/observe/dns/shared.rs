//! A few sockets towards one resolver, shared by all questions of a bulk run. Answers find their question by socket and id.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Query, udp};
use crate::limits::{DNS_ANSWER_BYTES_MAX, SHARED_SOCKET_IN_FLIGHT_MAX, SHARED_SOCKETS};

/// How many messages wait for one question: its answer, late copies of it.
const INBOX_MESSAGES_MAX: usize = 4;

/// The sockets, and the tasks that listen on them. The tasks end with it.
#[derive(Debug)]
pub(super) struct SharedSockets {
    sockets: Vec<Arc<SharedSocket>>,
    listeners: Vec<JoinHandle<()>>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct SharedSocket {
    socket: UdpSocket,
    waiting: Mutex<HashMap<u16, mpsc::Sender<io::Result<Vec<u8>>>>>,
}

/// One question's place on a shared socket. Its ids are free again when it is dropped.
pub(super) struct Place {
    socket: Arc<SharedSocket>,
    ids: Vec<u16>,
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    inbox: mpsc::Receiver<io::Result<Vec<u8>>>,
}

impl SharedSockets {
    pub(super) async fn open(resolver: SocketAddr) -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut listeners = Vec::new();
        for _ in 0..SHARED_SOCKETS {
            let socket = Arc::new(SharedSocket {
                socket: udp::own_socket(resolver).await?,
                waiting: Mutex::default(),
            });
            listeners.push(tokio::spawn(listen(Arc::clone(&socket))));
            sockets.push(socket);
        }
        Ok(Self { sockets, listeners, next: AtomicUsize::new(0) })
    }

    /// A place on the next socket in turn.
    pub(super) fn join(&self) -> Place {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.sockets.len();
        let (sender, inbox) = mpsc::channel(INBOX_MESSAGES_MAX);
        Place { socket: Arc::clone(&self.sockets[turn]), ids: Vec::new(), sender, inbox }
    }
}

impl Drop for SharedSockets {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

impl SharedSocket {
    /// (A panic elsewhere leaves the table whole: it is only ever changed by single calls.)
    fn waiting(&self) -> MutexGuard<'_, HashMap<u16, mpsc::Sender<io::Result<Vec<u8>>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives the question an id that is free on this socket, and sends it.
    pub(super) async fn send(&mut self, query: &mut Query) -> io::Result<()> {
        {
            let mut waiting = self.socket.waiting();
            if waiting.len() >= SHARED_SOCKET_IN_FLIGHT_MAX {
                return Err(io::Error::other("too many questions in flight on one socket"));
            }
            // At most a quarter of the ids is taken: a few tries find a free one.
            while waiting.contains_key(&query.id()) {
                query.set_id(rand::random());
            }
            waiting.insert(query.id(), self.sender.clone());
        }
        self.ids.push(query.id());
        self.socket.socket.send(&query.bytes).await.map(drop)
    }

    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        // The sender lives as long as this place: the channel never closes.
        self.inbox.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.socket.waiting();
        for id in &self.ids {
            waiting.remove(id);
        }
    }
}

/// Hands every message to the question with its id; whether it really answers that question is decided there.
async fn listen(shared: Arc<SharedSocket>) {
    let mut buffer = Vec::with_capacity(DNS_ANSWER_BYTES_MAX);
    loop {
        buffer.clear();
        match shared.socket.recv_buf(&mut buffer).await {
            Ok(2..) => {
                let id = u16::from_be_bytes([buffer[0], buffer[1]]);
                if let Some(inbox) = shared.waiting().get(&id) {
                    // A full inbox means copies of what it has already.
                    let _ = inbox.try_send(Ok(buffer.clone()));
                }
            }
            Ok(_) => {}
            // The resolver's port is closed: true for all who wait. (They ask again at will; the socket stays usable.)
            Err(error) => {
                for inbox in shared.waiting().values() {
                    let _ = inbox.try_send(Err(error.kind().into()));
                }
            }
        }
    }
}
