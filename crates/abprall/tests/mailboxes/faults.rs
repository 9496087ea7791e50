//! Kills, a database that takes nothing, and a mail server that does its worst.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::dovecot::{Dovecot, PASSWORD};
use crate::server::{Server, bounce, eventually, maildir, names};

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
            // The tag of the IDLE that DONE ends.
            let mut waiting = String::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let Ok(line) = line else { break };
                let (tag, command) = line.split_once(' ').unwrap_or((&waiting, &line));
                if let Some(uid) = command.strip_prefix("UID EXPUNGE ") {
                    uids.retain(|there| there.to_string() != uid);
                }
                tell.lock().unwrap().push(command.to_owned());
                let answer = talk(command, &uids).unwrap_or_default();
                if command == "IDLE" {
                    waiting = tag.to_owned();
                    stream.write_all(format!("{answer}+ idling\r\n").as_bytes()).unwrap();
                    continue;
                }
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

/// A server that can wait, with an empty mailbox.
fn waiting_server(talk: fn(&str, &[u32]) -> Option<String>, idle: &str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let (port, told) = poor_imap_server(talk);
    let settings = format!(
        "[intake.imap.own]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"a\"\npassword_env = \"ABPRALL_TEST_PASSWORD\"\n\
         idle = \"{idle}\"\n"
    );
    (Server::start(tempfile::tempdir().unwrap(), &settings), told)
}

#[test]
fn idle_is_renewed_and_news_from_before_it_began_are_not_missed() {
    let count = |told: &Mutex<Vec<String>>, end: &str| {
        told.lock().unwrap().iter().filter(|told| told.ends_with(end)).count()
    };
    let (server, told) = waiting_server(
        |command, _| (command == "CAPABILITY").then(|| "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned()),
        "100 ms",
    );
    eventually("it is renewed", || count(&told, "DONE") > 2, || server.said());
    // Told before the server says that it waits, and not again.
    let (server, told) = waiting_server(
        |command, _| match command {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned()),
            "IDLE" => Some("* 3 EXISTS\r\n".to_owned()),
            _ => None,
        },
        "10 min",
    );
    eventually("it looks", || count(&told, "(UID RFC822.SIZE)") > 2, || server.said());
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
