//! IMAP and POP3 with a real Dovecot.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::run;
use crate::dovecot::{Dovecot, PASSWORD, TOKEN};
use crate::server::{LETTER, Server, bounce, eventually, names};

#[test]
fn imap_tells_of_a_bounce_at_once_and_survives_what_happens_to_the_server() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver("idle", "1.before", &bounce("before@gone.example"));
    dovecot.deliver("idle", "2.letter", LETTER);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let settings = format!(
        "[intake.imap.own]\nhost = \"localhost\"\nport = {}\nuser = \"idle\"\npassword_file = \"password\"\nca_file = \"{}\"\n\
         processed = \"Processed\"\nretry = \"200 ms\"\n",
        dovecot.imaps,
        dovecot.authority().display()
    );
    let server = Server::start(folder, &settings);
    server.wait_until_stopped("before@gone.example");
    let processed = dovecot.maildir("idle", Some("Processed"));
    let count = |folder: &Path| names(&folder.join("new")).len() + names(&folder.join("cur")).len();
    let log = || format!("{}\n{}", server.said(), dovecot.log());
    eventually("it is moved", || count(&processed) == 1, log);
    // It is told by IDLE: the next look would come in nine minutes.
    for number in 0..3 {
        let about = format!("now{number}@gone.example");
        dovecot.deliver("idle", &format!("3.now{number}"), &bounce(&about));
        let begin = Instant::now();
        server.wait_until_stopped(&about);
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
    eventually("all are moved", || count(&processed) == 4, log);
    eventually("only the letter stays", || count(&dovecot.maildir("idle", None)) == 1, log);
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
    eventually("only the letter stays", || count(&dovecot.maildir("idle", None)) == 1, || server.said());
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
