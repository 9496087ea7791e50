//! The name that we give in EHLO where the operator configured none.

use std::fs;

use abprall_mail::Domain;

/// The full name of this machine. `None` where it has none: then the prober says its address (RFC 5321 §4.1.4).
pub(crate) fn own_name() -> Option<String> {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let name = name.unwrap_or_default().trim().to_ascii_lowercase();
    let hosts = fs::read("/etc/hosts").unwrap_or_default();
    full_name(&name, &String::from_utf8_lossy(&hosts)).filter(|name| Domain::parse(name).is_ok())
}

/// The name itself where it has a dot, else the one with a dot on its line in the hosts file.
fn full_name(name: &str, hosts: &str) -> Option<String> {
    if name.contains('.') {
        return Some(name.to_owned());
    }
    hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().skip(1))
        .filter(|names| names.clone().any(|other| other.eq_ignore_ascii_case(name)))
        .flat_map(|mut names| names.find(|other| other.contains('.')))
        .map(str::to_ascii_lowercase)
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_name_stands_in_the_hosts_file() {
        let hosts = "127.0.0.1 localhost\n# 127.0.1.1 no.example.com mail\n127.0.1.1 Mail.example.com mail\n";
        assert_eq!(full_name("mail", hosts).as_deref(), Some("mail.example.com"));
        assert_eq!(full_name("other", hosts), None);
        assert_eq!(full_name("a.example.com", hosts).as_deref(), Some("a.example.com"));
    }
}
