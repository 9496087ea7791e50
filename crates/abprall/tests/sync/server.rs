//! An HTTP server that remembers every byte of what it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /hook`
    pub(crate) line: String,
    /// In lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Handler = dyn FnMut(&Asked) -> (u16, String) + Send;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    handler: Arc<Mutex<Box<Handler>>>,
}

impl Server {
    pub(crate) fn start(handler: impl FnMut(&Asked) -> (u16, String) + Send + 'static) -> Self {
        Self::start_at(0, handler)
    }

    pub(crate) fn start_at(port: u16, handler: impl FnMut(&Asked) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            handler: Arc::new(Mutex::new(Box::new(handler))),
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(BufReader::new(stream.unwrap())));
            }
        });
        server
    }

    /// The same over TLS. Gives also the authority that vouches for it, as PEM.
    pub(crate) fn start_tls(handler: impl FnMut(&Asked) -> (u16, String) + Send + 'static) -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            handler: Arc::new(Mutex::new(Box::new(handler))),
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let stream = rustls::StreamOwned::new(connection, stream.unwrap());
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(BufReader::new(stream)));
            }
        });
        (server, made.cert.pem())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on it answers otherwise.
    pub(crate) fn answer(&self, handler: impl FnMut(&Asked) -> (u16, String) + Send + 'static) {
        *self.handler.lock().unwrap() = Box::new(handler);
    }

    /// What it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn serve<S: Read + Write>(&self, mut reader: BufReader<S>) -> Option<()> {
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().strip_suffix(" HTTP/1.1").unwrap().to_owned();
            let mut headers = BTreeMap::new();
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).ok()?;
                let Some((name, value)) = header.trim_end().split_once(": ") else { break };
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let asked = Asked { line, headers, body: String::from_utf8(body).unwrap() };
            let (status, answer) = (self.handler.lock().unwrap())(&asked);
            self.asked.lock().unwrap().push(asked);
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nLocation: http://127.0.0.1:{}/elsewhere\r\n\r\n{answer}",
                answer.len(),
                self.port
            );
            reader.get_mut().write_all(answer.as_bytes()).ok()?;
        }
    }
}
