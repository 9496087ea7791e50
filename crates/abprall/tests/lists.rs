//! Lists in and out: scrub, import, export, and the signed return paths.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use tempfile::TempDir;

mod common;

use common::{Ran, abprall, run};

fn ask(folder: &TempDir, arguments: &[&str]) -> Ran {
    run(folder.path(), arguments)
}

/// A folder with a database: one address suppressed, one held, one domain suppressed.
fn stopped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["gone@example.com", "--reason", "user_unknown"].as_slice(),
        &["held@example.com", "--reason", "routing_server_failure", "--hold"],
        &["dead.example", "--reason", "null_mx"],
    ] {
        let ran = ask(&folder, &[["suppressions", "add"].as_slice(), arguments].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    folder
}

#[test]
fn a_list_is_cleaned_and_says_who_left_and_why() {
    let folder = stopped();
    let list = "Name;E-Mail\r\nA;ok@example.com\r\nB; GONE@example.com\r\nC;held@example.com\r\nD;x@dead.example\r\nE;nobody\r\n";
    fs::write(folder.path().join("list.csv"), list).unwrap();
    let ran = ask(&folder, &["scrub", "list.csv", "-o", "clean.csv", "--removed", "why.csv", "--lang", "de"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        fs::read_to_string(folder.path().join("clean.csv")).unwrap(),
        "Name;E-Mail\r\nA;ok@example.com\r\n"
    );
    let why = fs::read_to_string(folder.path().join("why.csv")).unwrap();
    let rows: Vec<Vec<&str>> = why.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0], ["line", "address", "state", "reason", "since", "scope"]);
    let short: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1], row[2], row[5])).collect();
    assert_eq!(
        short,
        [
            ("3", "GONE@example.com", "suppressed", "address"),
            ("4", "held@example.com", "held", "address"),
            ("5", "x@dead.example", "suppressed", "domain"),
            ("6", "nobody", "invalid", ""),
        ]
    );
    assert!(ran.err.contains("entfernt: gesperrt"), "{}", ran.err);
    let ran = ask(&folder, &["scrub", "list.csv", "-o", "-", "--keep-held", "--quiet"]);
    assert_eq!(ran.out, "Name;E-Mail\r\nA;ok@example.com\r\nC;held@example.com\r\n");
}

#[test]
fn gzip_and_utf_16_and_standard_input_are_lists_too() {
    let folder = stopped();
    let list: Vec<u8> = "\u{feff}Email\r\nok@example.com\r\ngone@example.com\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&list).unwrap();
    let mut child = abprall(folder.path())
        .args(["scrub", "-", "-o", "clean.csv.gz"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&packed.finish().unwrap()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let clean = fs::File::open(folder.path().join("clean.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(clean).read_to_string(&mut text).unwrap();
    assert_eq!(text, "\u{feff}Email\r\nok@example.com\r\n");
}

#[test]
fn a_column_without_addresses_is_refused_before_everybody_leaves() {
    let folder = stopped();
    fs::write(folder.path().join("list.csv"), "name,email\nA,ok@example.com\n").unwrap();
    for column in ["name", "phone"] {
        let ran = ask(&folder, &["scrub", "list.csv", "-o", "clean.csv", "--column", column]);
        assert_eq!(ran.status, 2, "{}", ran.err);
        assert!(ran.err.contains("name, email"), "{}", ran.err);
        assert!(!folder.path().join("clean.csv").exists());
    }
    assert_eq!(ask(&folder, &["scrub", "list.csv", "-o", "clean.csv", "--column", "2"]).status, 0);
    fs::write(folder.path().join("none.csv"), "Vorname,Nachname\nAnna,Beispiel\n").unwrap();
    let ran = ask(&folder, &["scrub", "none.csv", "-o", "clean2.csv"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(ran.err.contains("that has them: Vorname, Nachname"), "{}", ran.err);
}

#[test]
fn a_list_is_never_cleaned_into_itself_nor_mixed_with_the_reasons() {
    let folder = stopped();
    let here = folder.path();
    let list = "ok@example.com\nheld@example.com\n";
    fs::write(here.join("list.csv"), list).unwrap();
    fs::create_dir(here.join("sub")).unwrap();
    std::os::unix::fs::symlink("list.csv", here.join("link.csv")).unwrap();
    for (clean, why, at_fault) in [
        ("list.csv", "why.csv", "list.csv"),
        ("sub/../list.csv", "why.csv", "sub/../list.csv"),
        ("link.csv", "why.csv", "link.csv"),
        ("clean.csv", "./list.csv", "./list.csv"),
        ("clean.csv", "sub/../clean.csv", "sub/../clean.csv"),
    ] {
        for (lang, word) in [("en", "file"), ("de", "Datei")] {
            let ran = ask(&folder, &["scrub", "list.csv", "-o", clean, "--removed", why, "--lang", lang]);
            assert_eq!(ran.status, 2, "{clean} {why}: {}", ran.err);
            assert!(ran.err.contains(&format!("abprall: {at_fault} ")), "{}", ran.err);
            assert!(ran.err.contains(word), "{}", ran.err);
        }
    }
    assert_eq!(fs::read_to_string(here.join("list.csv")).unwrap(), list);
    assert!(!here.join("clean.csv").exists() && !here.join("why.csv").exists());
}

#[test]
fn every_exported_list_can_be_imported_again() {
    let folder = stopped();
    for format in [
        "ses",
        "sendgrid",
        "mailgun",
        "postmark",
        "sparkpost",
        "brevo",
        "mailchimp",
        "listmonk",
        "csv",
        "plain",
    ] {
        let list = format!("{format}.list");
        let ran = ask(&folder, &["suppressions", "export", "--format", format, "-o", &list]);
        assert_eq!(ran.status, 0, "{format}: {}", ran.err);
        let store = format!("{format}.db");
        let ran = ask(&folder, &["suppressions", "import", &list, "--store", &store]);
        assert_eq!(ran.status, 0, "{format}: {}{}", ran.out, ran.err);
        let standing =
            ask(&folder, &["check", "gone@example.com", "--format", "json", "--store", &store]).json();
        assert_eq!(standing["state"], "suppressed", "{format}");
        let held = ask(&folder, &["check", "held@example.com", "--format", "json", "--store", &store]).json();
        let expected = match format {
            "csv" => "held",
            "plain" => "suppressed",
            // A mail service would keep for good what is held for now: it is not told.
            _ => "ok",
        };
        assert_eq!(held["state"], expected, "{format}");
        let domain = ask(&folder, &["check", "x@dead.example", "--store", &store]).status;
        assert_eq!(domain == 1, ["csv", "plain"].contains(&format), "{format}");
    }
}

#[test]
fn the_hardest_stop_wins_and_bad_lines_are_named() {
    let folder = stopped();
    let list = "email,reason\nnew@example.com,bounce\nnew@example.com,complaint\nnew@example.com,bounce\nb@,bounce\nheld@example.com,hard bounce\n";
    fs::write(folder.path().join("list.csv"), list).unwrap();
    let ran = ask(&folder, &["suppressions", "import", "list.csv"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(ran.err.contains("list.csv:5: not a mail address"), "{}", ran.err);
    let standing = |address: &str| ask(&folder, &["check", address, "--format", "json"]).json();
    assert_eq!(standing("new@example.com")["reason"], "complaint");
    assert_eq!(standing("held@example.com")["state"], "suppressed");
}

#[test]
fn all_or_nothing_and_a_dry_run_store_nothing() {
    let folder = stopped();
    fs::write(folder.path().join("list.txt"), "new@example.com\nb@\n").unwrap();
    for (option, status) in [("--all-or-nothing", 3), ("--dry-run", 1)] {
        let ran = ask(&folder, &["suppressions", "import", "list.txt", option]);
        assert_eq!(ran.status, status, "{option}: {}", ran.err);
        assert!(ran.err.contains("list.txt:2"), "{}", ran.err);
        assert_eq!(ask(&folder, &["check", "new@example.com"]).status, 0, "{option}");
    }
    // Of standard input as well, which can be read only once.
    let mut child = abprall(folder.path())
        .args(["suppressions", "import", "-", "--all-or-nothing"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"new@example.com\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(ask(&folder, &["check", "new@example.com"]).status, 1);
}

#[test]
fn a_signed_return_path_is_believed_and_a_forged_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, "a 0123456789abcdef0123456789abcdef\n").unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let made = ask(&folder, &["token", "make", "anna@example.com", "--prefix", "b", "--key", "keys"]);
    assert_eq!((made.status, made.err.as_str()), (0, ""));
    let local_part = made.out.trim();
    let ran = ask(&folder, &["token", "check", &format!("{local_part}@bounces.example"), "--key", "keys"]);
    assert!(ran.status == 0 && ran.out.contains("anna@example.com"), "{}{}", ran.out, ran.err);
    let forged = local_part.replace("anna", "bert");
    assert_eq!(ask(&folder, &["token", "check", &forged, "--key", "keys"]).status, 1);
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ask(&folder, &["token", "check", local_part, "--key", "keys"]).err.contains("chmod 600"));
    fs::write(&keys, "a short\n").unwrap();
    assert_eq!(ask(&folder, &["token", "check", local_part, "--key", "keys"]).status, 2);
}
