use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::house::{House, Running, until};

/// A Redis at this port, which keeps nothing. `None` where none is installed.
fn start(port: u16) -> Option<Running> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        eprintln!("no Redis is installed (Debian: redis-server): not tried");
        return None;
    };
    Some(Running(child))
}

#[test]
fn a_redis_set_holds_the_stopped_and_is_filled_again_after_a_loss() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(mut server) = start(port) else { return };
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let members = |key: &str| -> Vec<String> {
        let mut members: Vec<String> =
            redis::cmd("SMEMBERS").arg(key).query(&mut client.get_connection().unwrap()).unwrap();
        members.sort();
        members
    };
    until("Redis answers", || client.get_connection().is_ok());
    let house = House::new(&format!(
        "[sync.set]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"\nkey = \"stopped\"\ndomain_key = \"stopped:domains\"\n\
         retry_min = \"1ms\"\nretry_max = \"2ms\"\n"
    ));
    house.stop(&["a@x.example", "b@x.example"], &[]);
    house.stop(&["dead.example"], &["--hold"]);
    assert_eq!(house.tell_all(), 3);
    assert_eq!(members("stopped"), ["a@x.example", "b@x.example"]);
    assert_eq!(members("stopped:domains"), ["dead.example"]);
    house.lift(&["a@x.example", "dead.example"]);
    house.tell_all();
    assert_eq!(members("stopped"), ["b@x.example"]);
    assert!(members("stopped:domains").is_empty());
    // It is gone, and comes back empty.
    server.kill();
    house.stop(&["c@x.example"], &[]);
    assert!(house.tell()[0]["error"].is_string());
    assert_eq!(house.status()[0]["state"], "away");
    let _server = start(port).unwrap();
    until("Redis answers again", || client.get_connection().is_ok());
    until("it is told what it missed", || {
        house.tell();
        house.status()[0]["waiting"] == 0
    });
    assert_eq!(members("stopped"), ["c@x.example"]);
    assert_eq!(house.reconcile("set", &["--mend"]), (0, vec!["b@x.example suppressed/ok".to_owned()]));
    assert_eq!(members("stopped"), ["b@x.example", "c@x.example"]);
}
