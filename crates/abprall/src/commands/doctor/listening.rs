//! The places to listen: free, or ours already.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;

use abprall_mail::Language;

use super::check::Checks;
use super::sockets::{Holder, holder_of_port, holder_of_socket};
use crate::serve::{Place, Settings};

pub(super) fn look(checks: &mut Checks, settings: &Settings) {
    let places = settings.listening();
    if places.is_empty() {
        let what = match checks.language() {
            Language::En => "no place to listen is named: nothing comes in, nobody can ask",
            Language::De => "kein Ort zum Lauschen ist genannt: nichts kommt herein, niemand kann fragen",
        };
        checks.warn(
            "listen",
            what,
            (
                "name one: [intake.lmtp] listen, [gate.policy] listen, [http] listen",
                "einen nennen: [intake.lmtp] listen, [gate.policy] listen, [http] listen",
            ),
        );
    }
    for (key, place) in places {
        match &place {
            Place::Tcp(address) => match TcpListener::bind(address) {
                Ok(_) => free(checks, &key, &place),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    taken(checks, &key, &place, &holder_of_port(address.port()));
                }
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    checks.warn("listen", &format!("{key}: {place}: {error}"), (
                        "ports below 1024 need CAP_NET_BIND_SERVICE, or a socket from systemd; the unit of the package has the first",
                        "Ports unter 1024 brauchen CAP_NET_BIND_SERVICE oder einen Socket von systemd; die Unit des Pakets hat das Erste",
                    ));
                }
                Err(error) => checks.bad("listen", &format!("{key}: {place}: {error}"), (
                    "this machine has no such address: name another",
                    "dieser Rechner hat keine solche Adresse: eine andere nennen",
                )),
            },
            Place::Unix(path) => match path.symlink_metadata() {
                Ok(found) if !found.file_type().is_socket() => {
                    checks.bad("listen", &format!("{key}: {place}"), (
                        "something else lies there, which would be deleted at the start: name another path",
                        "dort liegt etwas anderes, das beim Start gelöscht würde: einen anderen Pfad nennen",
                    ));
                }
                Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                    taken(checks, &key, &place, &holder_of_socket(path));
                }
                Ok(_) => free(checks, &key, &place),
                Err(_) if super::files::folder_of(path).is_dir() => free(checks, &key, &place),
                Err(_) => checks.bad("listen", &format!("{key}: {place}"), (
                    "its folder is missing: make it, for the user of abprall (in a unit: RuntimeDirectory=)",
                    "der Ordner fehlt: anlegen, für den Benutzer von abprall (in einer Unit: RuntimeDirectory=)",
                )),
            },
            Place::Systemd(name) => {
                let what = match checks.language() {
                    Language::En => format!("{key}: systemd opens it (FileDescriptorName={name})"),
                    Language::De => format!("{key}: systemd öffnet ihn (FileDescriptorName={name})"),
                };
                checks.ok("listen", &what);
            }
        }
    }
}

fn free(checks: &mut Checks, key: &str, place: &Place) {
    let what = match checks.language() {
        Language::En => format!("{key}: {place} is free"),
        Language::De => format!("{key}: {place} ist frei"),
    };
    checks.ok("listen", &what);
}

fn taken(checks: &mut Checks, key: &str, place: &Place, holder: &Holder) {
    match holder {
        Holder::Program(name) if name == "abprall" => {
            let what = match checks.language() {
                Language::En => format!("{key}: {place}: abprall listens"),
                Language::De => format!("{key}: {place}: abprall lauscht"),
            };
            checks.ok("listen", &what);
        }
        Holder::Program(name) => {
            let what = match checks.language() {
                Language::En => format!("{key}: {place} is taken by {name}"),
                Language::De => format!("{key}: {place} ist von {name} belegt"),
            };
            checks.bad(
                "listen",
                &what,
                (
                    "stop that program, or name another place",
                    "dieses Programm beenden oder einen anderen Ort nennen",
                ),
            );
        }
        Holder::Hidden => {
            let what = match checks.language() {
                Language::En => format!("{key}: {place} is taken, by whom cannot be seen"),
                Language::De => format!("{key}: {place} ist belegt, von wem ist nicht zu sehen"),
            };
            checks.warn(
                "listen",
                &what,
                (
                    "if abprall runs already, this is it; ask as root to be sure",
                    "läuft abprall schon, ist es das; als root fragen, um sicher zu sein",
                ),
            );
        }
    }
}
