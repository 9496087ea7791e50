//! ICANN's RDAP server (crate `icann-rdap-srv`), where `ABPRALL_RDAP_SRV` says that it is on the machine.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server process that ends with the test.
pub struct RdapServer {
    child: Child,
    pub base: String,
}

impl Drop for RdapServer {
    fn drop(&mut self) {
        // It is gone already, or is ended here: both are fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves the JSON files of a folder; `None` where there is no such program.
pub fn rdap_server(folder: &Path) -> Option<RdapServer> {
    let Some(program) = std::env::var_os("ABPRALL_RDAP_SRV") else {
        eprintln!("skipped: ABPRALL_RDAP_SRV names no RDAP server");
        return None;
    };
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut child = Command::new(program)
        .env("RDAP_SRV_LISTEN_ADDR", "127.0.0.1")
        .env("RDAP_SRV_LISTEN_PORT", port.to_string())
        .env("RDAP_SRV_DATA_DIR", folder)
        .env("RDAP_SRV_AUTO_RELOAD", "false")
        .env("RDAP_SRV_LOG", "info")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It listens before it loads.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let loaded = lines.any(|line| line.unwrap().contains("help files loaded"));
    std::thread::spawn(move || lines.for_each(drop));
    let server = RdapServer { child, base: format!("http://127.0.0.1:{port}/rdap") };
    assert!(loaded, "the RDAP server did not start");
    Some(server)
}
