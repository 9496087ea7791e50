//! A DNS server on loopback that answers whatever the test wants, over UDP and TCP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, AnswerBuilder};
use domain::base::{Message, MessageBuilder, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What to do about a question.
pub enum Reply {
    Nothing,
    Messages(Vec<Vec<u8>>),
    /// TCP only: these bytes over and over, without length or end.
    Endless(Vec<u8>),
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Over {
    Udp,
    Tcp,
}

pub struct Request {
    pub message: Message<Vec<u8>>,
    pub over: Over,
}

pub struct Responder {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Responder {
    /// On a free port of 127.0.0.1, both protocols.
    pub async fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = tcp.local_addr().unwrap();
            if let Ok(udp) = UdpSocket::bind(address).await {
                return Self::run(udp, Some(tcp), handler);
            }
        }
    }

    /// UDP only: TCP is refused.
    pub async fn without_tcp(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::run(udp, None, handler)
    }

    /// At a given address, UDP only.
    pub async fn at(
        address: IpAddr,
        port: u16,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let udp = UdpSocket::bind((address, port)).await.unwrap();
        Self::run(udp, None, handler)
    }

    fn run(
        udp: UdpSocket,
        tcp: Option<TcpListener>,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let handler = Arc::new(handler);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&handler), Arc::clone(&asked)));
        if let Some(tcp) = tcp {
            tasks.spawn(serve_tcp(tcp, handler));
        }
        Self { address, asked, _tasks: tasks }
    }

    /// How many questions came over UDP.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn serve_udp(socket: UdpSocket, handler: Arc<impl Fn(&Request) -> Reply>, asked: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 65_535];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        asked.fetch_add(1, Ordering::Relaxed);
        let message = Message::from_octets(buffer[..length].to_vec()).unwrap();
        match handler(&Request { message, over: Over::Udp }) {
            Reply::Nothing | Reply::Endless(_) => {}
            Reply::Messages(messages) => {
                for bytes in messages {
                    let _ = socket.send_to(&bytes, from).await;
                }
            }
        }
    }
}

async fn serve_tcp(listener: TcpListener, handler: Arc<impl Fn(&Request) -> Reply>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let Some(message) = read_message(&mut stream).await else { continue };
        match handler(&Request { message, over: Over::Tcp }) {
            // Holds the connection open, one client at a time.
            Reply::Nothing => {
                let _ = stream.read_u8().await;
            }
            Reply::Messages(messages) => {
                for bytes in messages {
                    let _ = stream.write_u16(u16::try_from(bytes.len()).unwrap()).await;
                    let _ = stream.write_all(&bytes).await;
                }
            }
            Reply::Endless(bytes) => while stream.write_all(&bytes).await.is_ok() {},
        }
    }
}

async fn read_message(stream: &mut TcpStream) -> Option<Message<Vec<u8>>> {
    let length = stream.read_u16().await.ok()?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.ok()?;
    Message::from_octets(bytes).ok()
}

impl Request {
    pub fn name(&self) -> Name<Vec<u8>> {
        use domain::base::ToName;
        self.message.sole_question().unwrap().qname().to_name()
    }

    pub fn text(&self) -> String {
        self.name().to_string().to_ascii_lowercase()
    }

    pub fn rtype(&self) -> Rtype {
        self.message.sole_question().unwrap().qtype()
    }

    pub fn has_edns(&self) -> bool {
        self.message.opt().is_some()
    }

    /// An answer to this request with an rcode, and records.
    pub fn answer(&self, rcode: Rcode, records: impl FnOnce(&mut AnswerBuilder<Vec<u8>>)) -> Reply {
        Reply::Messages(vec![self.bytes(rcode, records)])
    }

    pub fn bytes(&self, rcode: Rcode, records: impl FnOnce(&mut AnswerBuilder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = MessageBuilder::new_vec().start_answer(&self.message, rcode).unwrap();
        builder.header_mut().set_ra(true);
        records(&mut builder);
        let mut additional = builder.additional();
        self.add_edns(&mut additional);
        additional.finish()
    }

    fn add_edns(&self, additional: &mut AdditionalBuilder<Vec<u8>>) {
        if self.has_edns() {
            additional
                .opt(|opt| {
                    opt.set_udp_payload_size(1232);
                    Ok(())
                })
                .unwrap();
        }
    }

    /// A negative answer, or a referral: what `authority` adds.
    pub fn with_authority(
        &self,
        rcode: Rcode,
        authoritative: bool,
        records: impl FnOnce(&mut domain::base::message_builder::AuthorityBuilder<Vec<u8>>),
    ) -> Reply {
        let mut builder = MessageBuilder::new_vec().start_answer(&self.message, rcode).unwrap();
        builder.header_mut().set_aa(authoritative);
        let mut authority = builder.authority();
        records(&mut authority);
        let mut additional = authority.additional();
        self.add_edns(&mut additional);
        Reply::Messages(vec![additional.finish()])
    }
}

/// A name from text.
pub fn name(text: &str) -> Name<Vec<u8>> {
    Name::vec_from_str(text).unwrap()
}

/// Class IN.
pub const IN: Class = Class::IN;
