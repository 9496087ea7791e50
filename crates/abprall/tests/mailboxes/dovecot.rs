//! A real Dovecot with a folder, ports and an authority of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct-horse-9";
pub const TOKEN: &str = "ya29.good-token-7";

pub struct Dovecot {
    folder: TempDir,
    child: Option<Child>,
    pub imap: u16,
    pub imaps: u16,
    pub pop3: u16,
    pub pop3s: u16,
    owner: (u32, u32),
}

/// `N` ports at loopback that nobody uses.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Dovecot {
    pub fn start() -> Self {
        let [imap, imaps, pop3, pop3s] = free_ports();
        let folder = tempfile::tempdir().unwrap();
        // Its processes have users of their own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut dovecot = Self { folder, child: None, imap, imaps, pop3, pop3s, owner: (id("-u"), id("-g")) };
        dovecot.write_certificates();
        dovecot.write_settings(introspect());
        dovecot.begin();
        dovecot
    }

    pub fn begin(&mut self) {
        let settings = self.folder.path().join("dovecot.conf");
        let mut dovecot = Command::new("dovecot");
        dovecot.arg("-F").arg("-c").arg(settings).stderr(Stdio::null()).process_group(0);
        self.child = Some(dovecot.spawn().expect("the packages dovecot-imapd and dovecot-pop3d are needed"));
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.imap)).is_err() {
            assert!(Instant::now() < end, "dovecot does not begin: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All its processes at once, in the middle of whatever they do: a machine that stops.
    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let group = format!("-{}", child.id());
            // Its processes are in a group of their own.
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            child.wait().unwrap();
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The Maildir of a user, or of a mailbox below it.
    pub fn maildir(&self, user: &str, mailbox: Option<&str>) -> PathBuf {
        let root = self.folder.path().join("mail").join(user);
        mailbox.map_or_else(|| root.clone(), |name| root.join(format!(".{name}")))
    }

    /// As a delivery agent does it: written to `tmp`, and moved to `new`.
    pub fn deliver(&self, user: &str, name: &str, mail: &str) {
        let root = self.maildir(user, None);
        for part in ["tmp", "new", "cur"] {
            self.make(&root.join(part));
        }
        let temporary = root.join("tmp").join(name);
        fs::write(&temporary, mail).unwrap();
        chown(&temporary, Some(self.owner.0), Some(self.owner.1)).unwrap();
        fs::rename(&temporary, root.join("new").join(name)).unwrap();
    }

    fn make(&self, folder: &Path) {
        if !folder.exists() {
            self.make(folder.parent().unwrap());
            fs::create_dir(folder).unwrap();
            chown(folder, Some(self.owner.0), Some(self.owner.1)).unwrap();
        }
    }

    fn write_certificates(&self) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&key, &authority).unwrap();
        let write = |name: &str, text: String| fs::write(self.folder.path().join(name), text).unwrap();
        write("authority.pem", authority.pem());
        write("own.pem", own.pem());
        write("key.pem", key.serialize_pem());
    }

    fn write_settings(&self, introspection: u16) {
        let Self { imap, imaps, pop3, pop3s, owner: (user, group), .. } = self;
        let here = self.folder.path().display();
        let settings = format!(
            "base_dir = {here}/run\nstate_dir = {here}/state\nlog_path = {here}/log\nprotocols = imap pop3\nlisten = 127.0.0.1\n\
             ssl = yes\nssl_cert = <{here}/own.pem\nssl_key = <{here}/key.pem\ndisable_plaintext_auth = no\n\
             auth_mechanisms = plain login xoauth2\nmail_location = maildir:{here}/mail/%u\n\
             mail_uid = {user}\nmail_gid = {group}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\nauth_failure_delay = 0\n\
             service imap-login {{\n inet_listener imap {{\n port = {imap}\n }}\n inet_listener imaps {{\n port = {imaps}\n ssl = yes\n }}\n}}\n\
             service pop3-login {{\n inet_listener pop3 {{\n port = {pop3}\n }}\n inet_listener pop3s {{\n port = {pop3s}\n ssl = yes\n }}\n}}\n\
             passdb {{\n driver = oauth2\n mechanisms = xoauth2\n args = {here}/oauth2.conf\n}}\n\
             passdb {{\n driver = static\n mechanisms = plain login\n args = password={PASSWORD}\n}}\n\
             userdb {{\n driver = static\n args = uid={user} gid={group} home={here}/mail/%u\n}}\n"
        );
        fs::write(self.folder.path().join("dovecot.conf"), settings).unwrap();
        let oauth2 = format!(
            "introspection_url = http://127.0.0.1:{introspection}/\nintrospection_mode = post\nusername_attribute = username\n\
             active_attribute = active\nactive_value = true\n"
        );
        fs::write(self.folder.path().join("oauth2.conf"), oauth2).unwrap();
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.end();
    }
}

/// The user whose mail it is: one that every machine has, and not root, which Dovecot refuses.
fn id(what: &str) -> u32 {
    let said = Command::new("id").args([what, "nobody"]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}

/// A server that says of a token whose it is (RFC 7662); gives its port.
fn introspect() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let known = String::from_utf8(body).unwrap().contains(TOKEN);
            let json = if known { r#"{"active":true,"username":"token"}"# } else { r#"{"active":false}"# };
            // Dovecot may be gone already.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{json}",
                json.len()
            );
        }
    });
    port
}
