//! Which program holds a socket, by /proc (proc(5)): without the rights of its user it cannot be seen.

use std::fs;
use std::path::Path;

/// Who has it.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Holder {
    /// The name of the program, as the kernel keeps it: at most 15 bytes.
    Program(String),
    /// It cannot be seen from here.
    Hidden,
}

/// Who listens at a TCP port.
pub(super) fn holder_of_port(port: u16) -> Holder {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inode = tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| listening_inode(line, port))
    });
    inode.map_or(Holder::Hidden, |inode| holder_of(&inode))
}

/// Who listens at a unix socket.
pub(super) fn holder_of_socket(path: &Path) -> Holder {
    let Ok(text) = fs::read_to_string("/proc/net/unix") else { return Holder::Hidden };
    let path = path.display().to_string();
    let mut inodes = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // 00010000: it accepts connections.
        (fields.get(7) == Some(&path.as_str()) && fields.get(3) == Some(&"00010000"))
            .then(|| fields.get(6).map(ToString::to_string))?
    });
    inodes.next().map_or(Holder::Hidden, |inode| holder_of(&inode))
}

/// `sl local_address rem_address st … inode`, addresses as `0100007F:1F90`; state 0A listens.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let (_, found) = fields.get(1)?.rsplit_once(':')?;
    let listens = fields.get(3) == Some(&"0A") && u16::from_str_radix(found, 16) == Ok(port);
    listens.then(|| fields.get(9).map(ToString::to_string))?
}

fn holder_of(inode: &str) -> Holder {
    let wanted = format!("socket:[{inode}]");
    let Ok(processes) = fs::read_dir("/proc") else { return Holder::Hidden };
    for process in processes.flatten() {
        if !process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(open) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = open
            .flatten()
            .any(|one| fs::read_link(one.path()).is_ok_and(|target| target.as_os_str() == wanted.as_str()));
        if holds && let Ok(name) = fs::read_to_string(process.path().join("comm")) {
            return Holder::Program(name.trim().to_owned());
        }
    }
    Holder::Hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_found_by_the_kernel_s_tables() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(
            holder_of_port(socket.local_addr().unwrap().port()),
            Holder::Program(ours.trim().to_owned())
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(holder_of_socket(&path), Holder::Program(ours.trim().to_owned()));
    }
}
