//! Mailboxes that are fetched from: real files, a real Dovecot, a real process.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

mod common;
#[path = "common/dovecot.rs"]
mod dovecot;

use common::{abprall, run};
use dovecot::{Dovecot, PASSWORD, TOKEN, free_ports};

struct Server {
    folder: TempDir,
    child: Child,
    http: u16,
    said: Arc<Mutex<String>>,
}

impl Server {
    fn start(folder: TempDir, intake: &str) -> Self {
        let [http] = free_ports();
        let settings = format!("[http]\nlisten = [\"127.0.0.1:{http}\"]\n{intake}");
        fs::write(folder.path().join("abprall.toml"), settings).unwrap();
        let mut serve = abprall(folder.path());
        serve.arg("serve").env("ABPRALL_TEST_PASSWORD", PASSWORD).stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut line = String::new();
            while errors.read_line(&mut line).unwrap_or(0) > 0 {
                heard.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let server = Self { folder, child, http, said };
        server.wait_for("serving");
        server
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn wait_for(&self, text: &str) {
        eventually(&format!("it says {text:?}"), || self.said().contains(text), || self.said());
    }

    fn is_stopped(&self, address: &str) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        write!(stream, "GET /v1/check/{address} HTTP/1.1\r\nHost: abprall\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.contains("\"state\":\"suppressed\"")
    }

    fn wait_until_stopped(&self, address: &str) {
        eventually(&format!("{address} is stopped"), || self.is_stopped(address), || self.said());
    }

    /// Without a moment to clean up. Its folder stays.
    fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// How many messages and stopped addresses the database holds.
    fn counts(&self) -> (u64, u64) {
        let report = run(self.folder.path(), ["report", "--format", "json"]).json();
        (report["messages"].as_u64().unwrap(), report["addresses_suppressed"].as_u64().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool, explain: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "not within 20 seconds: {what}; {}", explain());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn bounce(about: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nTo: bounces@sender.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
         Final-Recipient: rfc822; {about}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )
}

/// A letter of a person.
const LETTER: &str = "From: anna@friends.example\nTo: bounces@sender.example\nSubject: Please call me\n\nThe shop is on fire.\n";

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn maildir(root: &Path) {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
}

#[test]
fn mail_in_a_maildir_is_taken_at_the_start_and_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Maildir");
    maildir(&root);
    fs::write(root.join("new/1.a"), bounce("early@gone.example")).unwrap();
    fs::write(root.join("new/2.b"), LETTER).unwrap();
    fs::write(root.join("tmp/3.c"), bounce("unfinished@gone.example")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", root.join("new/4.d")).unwrap();
    let server = Server::start(folder, "[intake.maildir.own]\npath = \"Maildir\"\ninterval = \"100 ms\"\n");
    server.wait_until_stopped("early@gone.example");
    server.wait_for("maildir own: 4.d: it is no plain file, and stays where it is");
    fs::rename(root.join("tmp/3.c"), root.join("new/3.c")).unwrap();
    server.wait_until_stopped("unfinished@gone.example");
    let cur = root.join("cur");
    eventually("all is put away", || names(&cur).len() == 3, || server.said());
    assert_eq!(names(&cur), ["1.a:2,S", "2.b:2,", "3.c:2,S"]);
    assert_eq!(names(&root.join("new")), ["4.d"]);
}

#[test]
fn a_file_in_a_folder_goes_to_done_and_what_is_no_bounce_to_failed() {
    let folder = tempfile::tempdir().unwrap();
    let drop = folder.path().join("drop");
    fs::create_dir(&drop).unwrap();
    fs::write(drop.join("a.eml"), bounce("anna@gone.example")).unwrap();
    fs::write(drop.join("b.eml"), LETTER).unwrap();
    fs::write(drop.join("c.eml"), "").unwrap();
    fs::write(drop.join("d.eml.tmp"), "From: not whole").unwrap();
    fs::File::create(drop.join("e.eml")).unwrap().set_len(11 * 1024 * 1024).unwrap();
    let server = Server::start(folder, "[intake.folder.own]\npath = \"drop\"\ninterval = \"100 ms\"\n");
    server.wait_until_stopped("anna@gone.example");
    eventually("all is put away", || names(&drop) == ["d.eml.tmp", "done", "failed"], || server.said());
    assert_eq!(names(&drop.join("done")), ["a.eml"]);
    assert_eq!(names(&drop.join("failed")), ["b.eml", "c.eml", "e.eml"]);
    assert_eq!(fs::read_to_string(drop.join("failed/b.eml")).unwrap(), LETTER);
}

#[test]
fn a_mailbox_file_is_read_on_where_it_was_left_and_never_half_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = folder.path().join("bounces");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&mailbox).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let entry = |about: &str| format!("From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n{}\n", bounce(about));
    let settings = "[intake.mbox.own]\npath = \"bounces\"\ninterval = \"50 ms\"\n";
    append(&entry("one@gone.example"));
    let server = Server::start(folder, settings);
    server.wait_until_stopped("one@gone.example");
    // A mail server holds the lock, and is in the middle of a message.
    let lock = server.folder.path().join("bounces.lock");
    eventually(
        "the lock can be had",
        || fs::OpenOptions::new().write(true).create_new(true).open(&lock).is_ok(),
        || server.said(),
    );
    let two = entry("two@gone.example");
    append(&two[..300]);
    let folder = server.kill();
    // A second one that starts now waits, too.
    let server = Server::start(folder, settings);
    append(&two[300..]);
    fs::remove_file(&lock).unwrap();
    server.wait_until_stopped("two@gone.example");
    assert_eq!(server.counts(), (2, 2));
    // Another file has its place.
    fs::remove_file(&mailbox).unwrap();
    append(&entry("three@gone.example"));
    server.wait_until_stopped("three@gone.example");
    assert_eq!(server.counts(), (3, 3));
}

#[test]
fn imap_tells_of_a_bounce_at_once_and_survives_what_happens_to_the_server() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver("idle", "1.before", &bounce("before@gone.example"));
    dovecot.deliver("idle", "2.letter", LETTER);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let settings = format!(
        "[intake.imap.own]\nhost = \"localhost\"\nport = {}\nuser = \"idle\"\npassword_file = \"password\"\nca_file = \"{}\"\n\
         processed = \"Processed\"\nretry = \"200 ms\"\nidle = \"2 s\"\n",
        dovecot.imaps,
        dovecot.authority().display()
    );
    let server = Server::start(folder, &settings);
    server.wait_until_stopped("before@gone.example");
    let processed = dovecot.maildir("idle", Some("Processed"));
    let count = |folder: &Path| names(&folder.join("new")).len() + names(&folder.join("cur")).len();
    let log = || format!("{}\n{}", server.said(), dovecot.log());
    eventually("it is moved", || count(&processed) == 1, log);
    // It is told by IDLE: the next look would come in a minute.
    for number in 0..3 {
        let about = format!("now{number}@gone.example");
        dovecot.deliver("idle", &format!("3.now{number}"), &bounce(&about));
        let begin = Instant::now();
        server.wait_until_stopped(&about);
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
    eventually("all are moved", || count(&processed) == 4, log);
    assert_eq!(count(&dovecot.maildir("idle", None)), 1, "the letter stays");
    dovecot.end();
    server.wait_for("imap own: ");
    dovecot.deliver("idle", "4.meanwhile", &bounce("meanwhile@gone.example"));
    dovecot.begin();
    server.wait_until_stopped("meanwhile@gone.example");
    server.wait_for("imap own: works again");
    // A new process knows what was seen: the letter is not counted again, and still there.
    let folder = server.kill();
    dovecot.deliver("idle", "5.after", &bounce("after@gone.example"));
    let server = Server::start(folder, &settings);
    server.wait_until_stopped("after@gone.example");
    assert_eq!(server.counts(), (7, 6));
    eventually("it is moved", || count(&processed) == 6, || server.said());
    assert_eq!(count(&dovecot.maildir("idle", None)), 1, "the letter stays");
    let state = fs::read_to_string(server.folder.path().join("abprall.db.imap-own")).unwrap();
    assert!(state.contains("\"uid\":"), "{state}");
    // It ends at once although it waits for the server to tell something.
    let mut server = server;
    let begin = Instant::now();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_wrong_password_is_told_and_tried_again_and_never_shown() {
    let dovecot = Dovecot::start();
    dovecot.deliver("wrong", "1.a", &bounce("imap@gone.example"));
    dovecot.deliver("wrong3", "1.a", &bounce("pop3@gone.example"));
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "not-the-password-5\n").unwrap();
    let authority = dovecot.authority();
    let settings = format!(
        "[intake.imap.own]\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\nuser = \"wrong\"\npassword_file = \"password\"\n\
         ca_file = \"{ca}\"\nretry = \"100 ms\"\n\
         [intake.pop3.own]\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\nuser = \"wrong3\"\npassword_file = \"password\"\n\
         ca_file = \"{ca}\"\nretry = \"100 ms\"\n\
         [intake.imap.stranger]\nhost = \"localhost\"\nport = {}\nuser = \"wrong\"\npassword_file = \"password\"\nretry = \"100 ms\"\n",
        dovecot.imap,
        dovecot.pop3,
        dovecot.imaps,
        ca = authority.display(),
    );
    let server = Server::start(folder, &settings);
    server.wait_for("imap own: the IMAP server refuses (login): ");
    server.wait_for("pop3 own: the POP3 server refuses (login): ");
    // Nobody we trust vouches for it: nothing secret was said to it.
    server.wait_for("imap stranger: no TLS with localhost");
    fs::write(&password, PASSWORD).unwrap();
    server.wait_until_stopped("imap@gone.example");
    server.wait_until_stopped("pop3@gone.example");
    let said = server.said();
    assert_eq!(said.matches("imap own: the IMAP server refuses").count(), 1, "{said}");
    for secret in [PASSWORD, "not-the-password-5"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_token_opens_imap_and_pop3_and_is_asked_for_at_each_login() {
    let dovecot = Dovecot::start();
    dovecot.deliver("token", "1.a", &bounce("imap@gone.example"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "expired-token-3").unwrap();
    let settings = format!(
        "[intake.imap.own]\nhost = \"localhost\"\nport = {}\nuser = \"token\"\ntoken_file = \"token\"\nca_file = \"{ca}\"\n\
         processed = \"Processed\"\nretry = \"100 ms\"\n\
         [intake.pop3.own]\nhost = \"localhost\"\nport = {}\nuser = \"token\"\ntoken_command = [\"cat\", \"{}\"]\nca_file = \"{ca}\"\n\
         retry = \"100 ms\"\ninterval = \"200 ms\"\n",
        dovecot.imaps,
        dovecot.pop3s,
        file.display(),
        ca = dovecot.authority().display(),
    );
    let server = Server::start(folder, &settings);
    server.wait_for("imap own: the IMAP server refuses (login): ");
    server.wait_for("pop3 own: the POP3 server refuses (login): ");
    fs::write(&file, TOKEN).unwrap();
    server.wait_until_stopped("imap@gone.example");
    server.wait_for("imap own: works again");
    server.wait_for("pop3 own: works again");
    assert!(!server.said().contains("token-"), "{}", server.said());
}

#[test]
fn pop3_deletes_what_was_understood_and_leaves_the_rest() {
    let dovecot = Dovecot::start();
    let inbox = dovecot.maildir("pop", None);
    for number in 0..3 {
        dovecot.deliver("pop", &format!("{number}.a"), &bounce(&format!("pop{number}@gone.example")));
    }
    dovecot.deliver("pop", "4.letter", LETTER);
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "[intake.pop3.own]\nhost = \"localhost\"\nport = {}\nuser = \"pop\"\npassword_env = \"ABPRALL_TEST_PASSWORD\"\nca_file = \"{}\"\n\
         interval = \"200 ms\"\nretry = \"100 ms\"\n",
        dovecot.pop3s,
        dovecot.authority().display()
    );
    let server = Server::start(folder, &settings);
    let count = || names(&inbox.join("new")).len() + names(&inbox.join("cur")).len();
    eventually("three are deleted", || count() == 1, || format!("{}\n{}", server.said(), dovecot.log()));
    dovecot.deliver("pop", "5.later", &bounce("later@gone.example"));
    server.wait_until_stopped("later@gone.example");
    eventually("it is deleted", || count() == 1, || server.said());
    assert_eq!(server.counts(), (5, 4));
    let letter = names(&inbox.join("cur")).into_iter().chain(names(&inbox.join("new"))).next().unwrap();
    assert!(letter.starts_with("4.letter"), "{letter}");
    // It is fetched once: Dovecot counts what it hands out in each conversation.
    let conversations = dovecot.log().matches("Disconnected: Logged out").count();
    eventually(
        "it is looked again",
        || dovecot.log().matches("Disconnected: Logged out").count() > conversations + 1,
        || server.said(),
    );
    let last = dovecot.log().lines().rfind(|line| line.contains("Logged out")).unwrap().to_owned();
    assert!(last.contains("retr=0/0"), "{last}");
}

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_counted_twice() {
    const ROUNDS: usize = 5;
    const EACH: usize = 60;
    let dovecot = Dovecot::start();
    let mut folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), PASSWORD).unwrap();
    // It outlives the folders of the rounds.
    let own = tempfile::tempdir().unwrap();
    maildir(own.path());
    let account = |user: &str, port: u16| {
        format!(
            "host = \"localhost\"\nport = {port}\nuser = \"{user}\"\npassword_file = \"password\"\nca_file = \"{}\"\nretry = \"100 ms\"\n",
            dovecot.authority().display()
        )
    };
    let settings = format!(
        "[intake.maildir.own]\npath = \"{}\"\ninterval = \"50 ms\"\n[intake.pop3.own]\n{}interval = \"100 ms\"\n\
         [intake.imap.own]\n{}processed = \"Processed\"\n",
        own.path().display(),
        account("kill3", dovecot.pop3s),
        account("kill4", dovecot.imaps),
    );
    let (pop3, imap) = (dovecot.maildir("kill3", None), dovecot.maildir("kill4", None));
    let left = |root: &Path| names(&root.join("new")).len() + names(&root.join("cur")).len();
    let mut in_the_middle = 0;
    for round in 0..ROUNDS {
        for number in 0..EACH {
            let name = format!("{round}.{number}");
            fs::write(own.path().join("tmp").join(&name), bounce(&format!("m{name}@gone.example"))).unwrap();
            fs::rename(own.path().join("tmp").join(&name), own.path().join("new").join(&name)).unwrap();
            dovecot.deliver("kill3", &name, &bounce(&format!("p{name}@gone.example")));
            dovecot.deliver("kill4", &name, &bounce(&format!("i{name}@gone.example")));
        }
        let before = (names(&own.path().join("cur")).len(), left(&pop3), left(&imap));
        let server = Server::start(folder, &settings);
        // Each round is killed when another thing has happened: the first file is moved, the first message of POP3 or IMAP is on the disk.
        match round % 3 {
            0 => eventually(
                "a file moves",
                || names(&own.path().join("cur")).len() > before.0,
                || server.said(),
            ),
            1 => server.wait_until_stopped(&format!("p{round}.0@gone.example")),
            _ => server.wait_until_stopped(&format!("i{round}.0@gone.example")),
        }
        folder = server.kill();
        in_the_middle +=
            usize::from(left(&pop3) > 0 || left(&imap) > 0 || !names(&own.path().join("new")).is_empty());
    }
    // It could not fail if every kill came after the work was done.
    assert!(in_the_middle > 0, "no kill came in the middle");
    let server = Server::start(folder, &settings);
    let log = || format!("{}\n{}", server.said(), dovecot.log());
    eventually("the Maildir is taken", || names(&own.path().join("cur")).len() == ROUNDS * EACH, log);
    eventually("POP3 is empty", || left(&pop3) == 0, log);
    eventually("IMAP is empty", || left(&imap) == 0, log);
    let all = (ROUNDS * EACH * 3) as u64;
    assert_eq!(server.counts(), (all, all));
    let processed = dovecot.maildir("kill4", Some("Processed"));
    assert_eq!(left(&processed), ROUNDS * EACH, "moved once each");
}

#[test]
fn while_the_database_takes_nothing_all_stays_where_it_is() {
    let dovecot = Dovecot::start();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Maildir");
    maildir(&root);
    let account = |user: &str, port: u16| {
        format!(
            "host = \"localhost\"\nport = {port}\nuser = \"{user}\"\npassword_env = \"ABPRALL_TEST_PASSWORD\"\nca_file = \"{}\"\n\
             retry = \"100 ms\"\n",
            dovecot.authority().display()
        )
    };
    let settings = format!(
        "[intake.maildir.own]\npath = \"Maildir\"\ninterval = \"100 ms\"\n[intake.pop3.own]\n{}interval = \"100 ms\"\n[intake.imap.own]\n{}\
         processed = \"Processed\"\n",
        account("full3", dovecot.pop3s),
        account("full4", dovecot.imaps)
    );
    let server = Server::start(folder, &settings);
    let database = rusqlite::Connection::open(server.folder.path().join("abprall.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    fs::write(root.join("new/1.a"), bounce("maildir@gone.example")).unwrap();
    dovecot.deliver("full3", "1.a", &bounce("pop3@gone.example"));
    dovecot.deliver("full4", "1.a", &bounce("imap@gone.example"));
    for source in ["maildir", "pop3", "imap"] {
        server.wait_for(&format!(
            "{source} own: the database does not take the messages; they stay where they are"
        ));
    }
    let (pop3, imap) = (dovecot.maildir("full3", None), dovecot.maildir("full4", None));
    let left = |root: &Path| names(&root.join("new")).len() + names(&root.join("cur")).len();
    assert_eq!((names(&root.join("new")).len(), left(&pop3), left(&imap)), (1, 1, 1));
    database.execute_batch("ROLLBACK").unwrap();
    for about in ["maildir", "pop3", "imap"] {
        server.wait_until_stopped(&format!("{about}@gone.example"));
    }
    eventually(
        "all is put away",
        || left(&pop3) == 0 && left(&imap) == 0 && names(&root.join("new")).is_empty(),
        || server.said(),
    );
    assert_eq!(server.counts(), (3, 3));
}

/// An IMAP server that can do little and does worse; gives its port, and what it was told to do.
fn poor_imap_server(talk: fn(&str, &[u32]) -> Option<String>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let mut uids = vec![1, 2];
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(b"* OK ready\r\n").unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let Ok(line) = line else { break };
                let (tag, command) = line.split_once(' ').unwrap();
                if let Some(uid) = command.strip_prefix("UID EXPUNGE ") {
                    uids.retain(|there| there.to_string() != uid);
                }
                tell.lock().unwrap().push(command.to_owned());
                let answer = talk(command, &uids).unwrap_or_default();
                // The client may be gone.
                if stream.write_all(format!("{answer}{tag} OK done\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (port, told)
}

#[test]
fn an_imap_server_that_can_neither_wait_nor_move_and_withholds_a_message_does_not_hold_up_the_next_one() {
    let (port, told) = poor_imap_server(|command, uids| match command {
        "CAPABILITY" => Some("* CAPABILITY IMAP4rev1 UIDPLUS\r\n".to_owned()),
        _ if command.starts_with("SELECT") => Some("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n".to_owned()),
        _ if command.ends_with("(UID RFC822.SIZE)") => Some(
            // Whatever is asked for: as RFC 3501 has it, the last one is always there.
            uids.iter().map(|uid| format!("* {uid} FETCH (UID {uid} RFC822.SIZE 800)\r\n")).collect(),
        ),
        _ if command.ends_with("(UID BODY.PEEK[])") && command.contains('2') => {
            let body = bounce("second@gone.example").replace('\n', "\r\n");
            Some(format!("* 2 FETCH (UID 2 BODY[] {{{}}}\r\n{body})\r\n", body.len()))
        }
        _ => None,
    });
    let settings = format!(
        "[intake.imap.own]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"a\"\npassword_env = \"ABPRALL_TEST_PASSWORD\"\n\
         processed = \"Done with\"\ninterval = \"50 ms\"\n"
    );
    let server = Server::start(tempfile::tempdir().unwrap(), &settings);
    server.wait_until_stopped("second@gone.example");
    server.wait_for("the message with UID 1: the server lists it and does not give it");
    let was_told = |command: &str| told.lock().unwrap().iter().any(|told| told == command);
    eventually("it is moved", || was_told("UID EXPUNGE 2"), || format!("{:?}", told.lock().unwrap()));
    assert!(was_told("UID COPY 2 \"Done with\"") && was_told("UID STORE 2 +FLAGS.SILENT (\\Deleted)"));
    // It goes on asking, and nothing more is moved.
    let count = |end: &str| told.lock().unwrap().iter().filter(|told| told.ends_with(end)).count();
    let listings = count("(UID RFC822.SIZE)");
    eventually("it asks", || count("(UID RFC822.SIZE)") > listings + 2, || server.said());
    assert_eq!((count("EXPUNGE 2"), server.counts()), (1, (1, 1)));
}

#[test]
fn a_mail_server_that_talks_without_end_does_not_fill_the_memory() {
    let (port, _) = poor_imap_server(|command, _| {
        command.starts_with("SELECT").then(|| format!("* OK {}\r\n", "x".repeat(1_000_000)))
    });
    let settings = format!(
        "[intake.imap.own]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"a\"\npassword_env = \"ABPRALL_TEST_PASSWORD\"\n"
    );
    let server = Server::start(tempfile::tempdir().unwrap(), &settings);
    server.wait_for("imap own: the IMAP server says too much (SELECT)");
    assert!(!server.said().contains("xxx"), "what it says is not repeated");
}

#[test]
fn what_is_wrong_with_an_account_is_told_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[intake.imap.a]\nhost = \"imap.example.org\"\nuser = \"a\"\npassword = \"geheim-4711\"\n\
                    [intake.pop3.b]\nhost = \"192.0.2.1\"\nuser = \"b\"\ntls = \"none\"\npassword_file = \"x\"\ntoken_env = \"geheim-4712\"\n\
                    [intake.imap.c]\nhost = \"h\"\nuser = \"c\"\npassword_file = \"x\"\nprocessed = \"inbox\"\n\
                    [intake.maildir.d]\ninterval = \"soon\"\n";
    fs::write(folder.path().join("abprall.toml"), settings).unwrap();
    let ran = run(folder.path(), ["serve", "--check"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    for part in [
        "line 4: intake.imap.a.password: there is no such key; here are: ",
        "intake.imap.a.password_file: one of password_file, password_env,",
        "intake.pop3.b.tls: without TLS the password could be read on the way",
        "intake.pop3.b.password_file: one of password_file, password_env,",
        "intake.imap.c.processed: another mailbox is wanted",
        "intake.maildir.d.path: is wanted",
        "intake.maildir.d.interval: \"soon\" is no length of time",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    assert!(!ran.err.contains("geheim"), "{}", ran.err);
}
