use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{House, until};

/// A Mailman core: only its REST interface runs.
struct Mailman {
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl Drop for Mailman {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Mailman {
    /// `None` where none is installed.
    fn start() -> Option<Self> {
        let bin = "/usr/lib/mailman3/bin";
        if !Path::new(bin).join("runner").exists() {
            eprintln!("no Mailman is installed (Debian: mailman3): not tried");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = folder.path().join("mailman.cfg");
        let var = folder.path().join("var");
        std::fs::create_dir(&var).unwrap();
        let paths: String = [
            "log",
            "lock",
            "data",
            "cache",
            "etc",
            "ext",
            "list_data",
            "archive",
            "queue",
            "template",
            "messages",
        ]
        .iter()
        .map(|name| format!("{name}_dir: $var_dir/{name}\n"))
        .collect();
        let text = format!(
            "[mailman]\nlayout: here\nsite_owner: owner@lists.example\n[paths.here]\nvar_dir: {0}\nbin_dir: {bin}\n{paths}\
             pid_file: $var_dir/master.pid\nlock_file: $lock_dir/master.lck\n[database]\nurl: sqlite:///{0}/mailman.db\n\
             [webservice]\nhostname: 127.0.0.1\nport: {port}\nadmin_user: restadmin\nadmin_pass: pass\n\
             [mta]\nincoming: mailman.mta.null.NullMTA\n",
            var.display()
        );
        std::fs::write(&settings, text).unwrap();
        let child = Command::new(format!("{bin}/runner"))
            .arg("-C")
            .arg(&settings)
            .arg("--runner=rest:0:1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mailman = Self { port, child, _folder: folder };
        until("Mailman answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(mailman)
    }

    /// The status, and the body where there is one.
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        // restadmin:pass
        let request = format!(
            "{method} /3.1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic cmVzdGFkbWluOnBhc3M=\r\n{kind}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn subscribe(&self, list: &str, address: &str) {
        let body = json!({"list_id": list, "subscriber": address, "pre_verified": true, "pre_confirmed": true,
            "pre_approved": true, "send_welcome_message": false});
        let (status, said) = self.ask("POST", "/members", &body);
        assert_eq!(status, 201, "{said}");
    }

    fn preferences(&self, list: &str, address: &str) -> String {
        let found = self.ask("POST", "/members/find", &json!({"subscriber": address, "list_id": list})).1;
        format!("/members/{}/preferences", found["entries"][0]["member_id"].as_str().unwrap())
    }

    /// What the list makes of a member.
    fn status(&self, list: &str, address: &str) -> String {
        let found = self.ask("GET", &self.preferences(list, address), &Value::Null).1;
        found["delivery_status"].as_str().unwrap_or("-").to_owned()
    }

    fn set(&self, list: &str, address: &str, status: &str) {
        let (answer, said) =
            self.ask("PATCH", &self.preferences(list, address), &json!({"delivery_status": status}));
        assert_eq!(answer, 204, "{said}");
    }
}

#[test]
fn mailman_switches_delivery_off_and_on_and_leaves_what_members_chose() {
    let Some(mailman) = Mailman::start() else { return };
    mailman.ask("POST", "/domains", &json!({"mail_host": "lists.example"}));
    for list in ["news@lists.example", "club@lists.example"] {
        assert_eq!(mailman.ask("POST", "/lists", &json!({"fqdn_listname": list})).0, 201);
    }
    let (news, club) = ("news.lists.example", "club.lists.example");
    for (list, address) in
        [(news, "a@x.example"), (club, "a@x.example"), (news, "away@x.example"), (news, "b@x.example")]
    {
        mailman.subscribe(list, address);
    }
    mailman.set(news, "away@x.example", "by_user");
    let settings = format!(
        "[sync.man]\nkind = \"mailman\"\nurl = \"http://127.0.0.1:{}/3.1\"\nallow_network = [\"127.0.0.1/32\"]\npassword = \"pass\"\n",
        mailman.port
    );
    let house = House::new(&settings);
    house.stop(&["a@x.example", "away@x.example", "stranger@x.example"], &[]);
    assert_eq!(house.tell_all(), 3);
    let of = |list, address| mailman.status(list, address);
    assert_eq!((&*of(news, "a@x.example"), &*of(club, "a@x.example")), ("by_bounces", "by_bounces"));
    assert_eq!((&*of(news, "away@x.example"), &*of(news, "b@x.example")), ("by_user", "-"));
    assert_eq!(house.reconcile("man", &[]), (0, vec![]));
    house.lift(&["a@x.example", "away@x.example"]);
    assert_eq!(house.tell_all(), 2);
    assert_eq!((&*of(news, "a@x.example"), &*of(club, "a@x.example")), ("enabled", "enabled"));
    assert_eq!(of(news, "away@x.example"), "by_user");
    // Only one list is its business.
    house.configure(&format!("{settings}list_ids = [\"{club}\"]\n"));
    house.stop(&["a@x.example"], &[]);
    assert_eq!(house.tell_all(), 1);
    assert_eq!((&*of(news, "a@x.example"), &*of(club, "a@x.example")), ("enabled", "by_bounces"));
    // All lists again: one is behind, and one was switched off by nobody's decision.
    house.configure(&settings);
    mailman.set(news, "b@x.example", "by_bounces");
    let drift = vec!["a@x.example suppressed/ok".to_owned(), "b@x.example ok/stopped".to_owned()];
    assert_eq!(house.reconcile("man", &["--mend"]), (0, drift));
    assert_eq!((&*of(news, "a@x.example"), &*of(news, "b@x.example")), ("by_bounces", "enabled"));
    // A wrong password is about the target: nothing is given up for it.
    house.configure(&settings.replace("\"pass\"", "\"wrong\""));
    house.lift(&["a@x.example"]);
    let row = house.tell().remove(0);
    assert!(row["error"].as_str().unwrap().starts_with("401"), "{row}");
    assert_eq!(house.status()[0]["waiting"], 1);
}
