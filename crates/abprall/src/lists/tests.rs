use std::convert::Infallible;
use std::io::Cursor;

use abprall_mail::{Domain, EmailAddress, Reason};
use abprall_policy::Stop;
use abprall_store::Audience;
use proptest::prelude::*;

use super::*;

/// What the tests say of a reply: three words of it decide.
fn classify(text: &str) -> Option<Reason> {
    [
        ("5.1.1", Reason::UserUnknown),
        ("full", Reason::MailboxFull),
        ("5.7.1", Reason::SpamContent),
        ("No MX", Reason::NoMailRoute),
    ]
    .into_iter()
    .find_map(|(words, reason)| text.contains(words).then_some(reason))
}

fn items(text: &[u8], format: Option<Format>) -> (Format, Vec<Item>) {
    let defaults = Defaults { reason: Reason::Unsubscribe, hard: Reason::UserUnknown, classify: &classify };
    let mut input = open(Cursor::new(text.to_vec())).unwrap();
    let mut items = Vec::new();
    let format = read_list(&mut input.bytes, format, &defaults, &mut |item| -> Result<(), Infallible> {
        items.push(item);
        Ok(())
    });
    (format.unwrap(), items)
}

/// Each item in a few words.
fn words(text: &str) -> (Format, Vec<String>) {
    let (format, items) = items(text.as_bytes(), None);
    let words = items.iter().map(|item| match item {
        Item::Stop(stop) => {
            let name = match &stop.subject {
                ListedSubject::Address(address) => address.to_string(),
                ListedSubject::Domain(domain) => format!("@{domain}"),
            };
            let hold = if stop.stop == Stop::Hold { " held" } else { "" };
            let since = stop.since.map(|at| format!(" {}", at.strftime("%F"))).unwrap_or_default();
            format!("{}: {name}{hold} {}{since}", stop.line, stop.reason)
        }
        Item::Other { line, why } => format!("{line}: {why:?}"),
        Item::Bad { line, problem, .. } => format!("{line}: {problem:?}"),
    });
    (format, words.collect())
}

fn reads(text: &str, format: Format, expected: &[&str]) {
    let (found, words) = words(text);
    assert_eq!(
        (found, words.iter().map(String::as_str).collect::<Vec<_>>()),
        (format, expected.to_vec()),
        "{text}"
    );
}

#[test]
fn amazon_ses_as_json_and_csv() {
    let json = r#"{"SuppressedDestinationSummaries":[
        {"EmailAddress":"a@example.com","Reason":"BOUNCE","LastUpdateTime":1795523405.12},
        {"EmailAddress":"b@example.com","Reason":"COMPLAINT","LastUpdateTime":"2026-11-24T12:00:00+01:00"}],"NextToken":"x"}"#;
    reads(
        json,
        Format::Ses,
        &["2: a@example.com user_unknown 2026-11-24", "3: b@example.com complaint 2026-11-24"],
    );
    reads(
        "a@example.com,BOUNCE\nb@example.com,COMPLAINT\n",
        Format::Ses,
        &["1: a@example.com user_unknown", "2: b@example.com complaint"],
    );
    reads(
        "Email address,Reason,Last updated\r\na@example.com,Bounce,2026-11-24T12:00:00Z\r\n",
        Format::Ses,
        &["2: a@example.com user_unknown 2026-11-24"],
    );
}

#[test]
fn sendgrid_bounces_and_blocks_are_told_apart_by_their_words() {
    let json = r#"[{"created":1795523405,"email":"a@example.com","reason":"550 5.1.1 no such user","status":"5.1.1"},
        {"created":1795523405,"email":"b@example.com","reason":"550 5.7.1 looks like spam","status":"5.7.1"},
        {"created":1795523405,"email":"c@example.com","ip":"192.0.2.1"},
        {"created":1795523405,"email":"d@example.com"}]"#;
    let expected = [
        "1: a@example.com user_unknown 2026-11-24",
        "2: SendersSide",
        "3: c@example.com complaint 2026-11-24",
        "4: d@example.com unsubscribe 2026-11-24",
    ];
    reads(json, Format::Sendgrid, &expected);
    reads(
        "status,reason,email,created\n5.2.2,mailbox full,a@example.com,1795523405\n",
        Format::Sendgrid,
        &["2: a@example.com mailbox_full 2026-11-24"],
    );
    reads(
        "email,created\na@example.com,1795523405\n",
        Format::Sendgrid,
        &["2: a@example.com unsubscribe 2026-11-24"],
    );
}

#[test]
fn mailgun_bounces_complaints_and_unsubscribes() {
    let time = "Tue, 24 Nov 2026 12:30:05 UTC";
    let json = format!(
        r#"{{"items":[{{"address":"a@example.com","code":"550","error":"5.1.1 gone","created_at":"{time}"}},
        {{"address":"b@example.org","code":"498","error":"No MX for example.org","created_at":"{time}"}}],"paging":{{"next":"https://x"}}}}"#
    );
    reads(
        &json,
        Format::Mailgun,
        &["1: a@example.com user_unknown 2026-11-24", "2: b@example.org held no_mail_route 2026-11-24"],
    );
    reads(
        "address,code,error,created_at\na@example.com,550,,\n",
        Format::Mailgun,
        &["2: a@example.com user_unknown"],
    );
    reads(
        &format!("address,created_at\na@example.com,\"{time}\"\n"),
        Format::Mailgun,
        &["2: a@example.com complaint 2026-11-24"],
    );
    reads(
        &format!("address,tags,created_at\na@example.com,*,\"{time}\"\n"),
        Format::Mailgun,
        &["2: a@example.com unsubscribe 2026-11-24"],
    );
}

#[test]
fn postmark_dump_and_table() {
    let json = r#"{"Suppressions":[{"EmailAddress":"a@example.com","SuppressionReason":"HardBounce","Origin":"Recipient","CreatedAt":"2026-11-24T10:58:33-05:00"},
        {"EmailAddress":"b@example.com","SuppressionReason":"SpamComplaint","Origin":"Recipient","CreatedAt":"2026-11-24T10:58:33.1234567-05:00"},
        {"EmailAddress":"c@example.com","SuppressionReason":"ManualSuppression","Origin":"Customer","CreatedAt":"soon"}]}"#;
    reads(
        json,
        Format::Postmark,
        &["1: a@example.com user_unknown 2026-11-24", "2: b@example.com complaint 2026-11-24", "3: BadTime"],
    );
    reads(
        "EmailAddress,SuppressionReason,Origin,CreatedAt\na@example.com,ManualSuppression,Customer,\n",
        Format::Postmark,
        &["2: a@example.com unsubscribe"],
    );
}

#[test]
fn sparkpost_by_source_description_and_type() {
    let json = r#"{"results":[{"recipient":"a@example.com","type":"transactional","source":"Bounce Rule","description":"550: 5.1.1 gone","created":"2026-11-24T12:00:00+00:00"},
        {"recipient":"b@example.com","type":"non_transactional","source":"Spam Complaint"},
        {"recipient":"c@example.com","type":"non_transactional","source":"Manually Added"}],"links":[{"href":"/x","rel":"next"}],"total_count":3}"#;
    reads(
        json,
        Format::Sparkpost,
        &[
            "1: a@example.com user_unknown 2026-11-24",
            "2: b@example.com complaint",
            "3: c@example.com unsubscribe",
        ],
    );
    reads(
        "recipient,type,description\na@example.com,transactional,550 5.1.1 gone\nb@example.com,non_transactional,left\n",
        Format::Sparkpost,
        &["2: a@example.com user_unknown", "3: b@example.com unsubscribe"],
    );
}

#[test]
fn brevo_blocked_contacts_and_domains() {
    let json = r#"{"count":2,"contacts":[{"email":"a@example.com","senderEmail":"n@example.net","reason":{"code":"hardBounce","message":"bounced"},"blockedAt":"2026-11-24T12:00:00.000Z"},
        {"email":"b@example.com","senderEmail":"","reason":{"code":"contactFlaggedAsSpam","message":"x"},"blockedAt":"2026-11-24T12:00:00Z"}]}"#;
    reads(
        json,
        Format::Brevo,
        &["1: a@example.com user_unknown 2026-11-24", "2: b@example.com complaint 2026-11-24"],
    );
    reads(
        "email;reason;blockedAt\na@example.com;unsubscribedViaMA;2026-11-24\n",
        Format::Brevo,
        &["2: a@example.com unsubscribe 2026-11-24"],
    );
    reads(r#"{"domains":["example.com"]}"#, Format::Plain, &["1: @example.com unsubscribe"]);
}

#[test]
fn mailchimp_cleaned_and_unsubscribed_but_not_subscribed() {
    reads(
        "Email Address,First Name,CLEAN_TIME,LEID\na@example.com,\"A, B\",2026-11-24 12:00:00,1\n",
        Format::Mailchimp,
        &["2: a@example.com user_unknown 2026-11-24"],
    );
    reads(
        "Email Address,UNSUB_TIME,UNSUB_REASON,LEID\na@example.com,2026-11-24 12:00:00,NORMAL,1\nb@example.com,2026-11-24 12:00:00,SPAM,2\n",
        Format::Mailchimp,
        &["2: a@example.com unsubscribe 2026-11-24", "3: b@example.com complaint 2026-11-24"],
    );
    reads(
        "Email Address,OPTIN_TIME,LEID\na@example.com,2026-11-24 12:00:00,1\n",
        Format::Mailchimp,
        &["2: Subscribed"],
    );
}

#[test]
fn listmonk_stops_only_who_is_blocklisted() {
    let json = r#"{"data":{"results":[{"id":1,"uuid":"u","email":"a@example.com","name":"A","attribs":{"city":"B"},"status":"blocklisted","lists":[{"id":3,"subscription_status":"confirmed"}],"updated_at":"2026-11-24T12:00:00Z"},
        {"id":2,"uuid":"v","email":"b@example.com","attribs":{},"status":"enabled","lists":[]}],"total":2}}"#;
    reads(json, Format::Listmonk, &["1: a@example.com unsubscribe 2026-11-24", "2: Subscribed"]);
    let csv = "uuid,email,name,attributes,status,created_at,updated_at\nu,a@example.com,A,\"{\"\"city\"\":\"\"B\"\"}\",blocklisted,2026-11-23T12:00:00Z,2026-11-24T12:00:00Z\nv,b@example.com,B,{},enabled,,\n";
    reads(csv, Format::Listmonk, &["2: a@example.com unsubscribe 2026-11-24", "3: Subscribed"]);
}

#[test]
fn tables_and_texts_of_ones_own() {
    reads(
        "Name;Kontakt\nAnna;Anna <a@example.com>\nBert;b@\n",
        Format::Csv,
        &["2: a@example.com unsubscribe", "3: BadAddress"],
    );
    reads(
        "# these left\na@example.com\n\n@example.org\nnonsense\n",
        Format::Plain,
        &["2: a@example.com unsubscribe", "4: @example.org unsubscribe", "5: BadAddress"],
    );
    reads(
        "email,reason\na@example.com,hard bounce\nb@example.com,soft bounce\nc@example.com,moved to Bonn\nd@example.com,complaint\n",
        Format::Csv,
        &[
            "2: a@example.com user_unknown",
            "3: Transient",
            "4: c@example.com unsubscribe",
            "5: d@example.com complaint",
        ],
    );
    reads("\u{feff}email\r\na@example.com\r\n", Format::Csv, &["2: a@example.com unsubscribe"]);
}

#[test]
fn line_numbers_count_lines_and_not_records() {
    reads(
        "email,note\na@example.com,\"two\nlines\"\nnobody,x\n",
        Format::Csv,
        &["2: a@example.com unsubscribe", "4: BadAddress"],
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_its_line() {
    reads(
        "email,note\n\"a@example.com,x\nb@example.com,y\n",
        Format::Csv,
        &["2: BadAddress", "3: b@example.com unsubscribe"],
    );
}

/// What a format keeps of a stop, by writing and reading it.
fn round(format: Format, stops: &[Listed]) -> Vec<Listed> {
    let mut bytes = Vec::new();
    let mut writer = ListWriter::new(format, &mut bytes).unwrap();
    for stop in stops {
        writer.write(&stop.into()).unwrap();
    }
    writer.finish().unwrap();
    let (found, items) = items(&bytes, None);
    assert_eq!(found, format, "{}", String::from_utf8_lossy(&bytes));
    let mut read: Vec<Listed> = items
        .into_iter()
        .map(|item| match item {
            Item::Stop(stop) => stop,
            Item::Other { .. } | Item::Bad { .. } => {
                panic!("{item:?} in {}", String::from_utf8_lossy(&bytes))
            }
        })
        .collect();
    // SparkPost has two lists, and so two lines.
    read.dedup_by(|a, b| a.subject == b.subject);
    read
}

fn listed(name: &str, stop: Stop, reason: Reason) -> Listed {
    let subject = match name.contains('@') {
        true => ListedSubject::Address(EmailAddress::parse(name).unwrap()),
        false => ListedSubject::Domain(Domain::parse(name).unwrap()),
    };
    let since = Some("2026-11-24T12:30:05Z".parse().unwrap());
    Listed { line: 0, subject, stop, reason, since, until: None, audience: Audience::default(), note: None }
}

#[test]
fn every_format_keeps_who_and_the_three_kinds_of_why() {
    let stops = [
        listed("a@example.com", Stop::Suppression, Reason::UserUnknown),
        listed("\"b, \\\"b\"@example.com", Stop::Suppression, Reason::Complaint),
        listed("c@xn--bcher-kva.example", Stop::Suppression, Reason::Unsubscribe),
    ];
    for format in <Format as clap::ValueEnum>::value_variants() {
        let read = round(*format, &stops);
        let reasons: Vec<_> = read.iter().map(|stop| stop.reason).collect();
        let expected = match format {
            // SES knows two words, a text file none.
            Format::Ses => [Reason::UserUnknown, Reason::Complaint, Reason::UserUnknown],
            Format::Plain => [Reason::Unsubscribe; 3],
            Format::Sendgrid
            | Format::Mailgun
            | Format::Postmark
            | Format::Sparkpost
            | Format::Brevo
            | Format::Mailchimp
            | Format::Listmonk
            | Format::Csv => [Reason::UserUnknown, Reason::Complaint, Reason::Unsubscribe],
        };
        assert_eq!(reasons, expected, "{format:?}");
        let keeps_time = !matches!(format, Format::Ses | Format::Plain | Format::Sparkpost);
        for (read, written) in read.iter().zip(&stops) {
            assert_eq!(read.subject, written.subject, "{format:?}");
            assert_eq!(read.since, written.since.filter(|_| keeps_time), "{format:?}");
        }
    }
}

#[test]
fn our_own_table_and_listmonks_attributes_keep_all_of_a_stop() {
    let mut hold = listed("a@example.com", Stop::Hold, Reason::RoutingServerFailure);
    hold.until = Some("2027-01-01T00:00:00Z".parse().unwrap());
    for format in [Format::Csv, Format::Listmonk] {
        let read = round(format, std::slice::from_ref(&hold));
        assert_eq!((read[0].stop, read[0].reason, read[0].until), (Stop::Hold, hold.reason, hold.until));
    }
    let domain = listed("example.org", Stop::Suppression, Reason::NullMx);
    assert_eq!(round(Format::Csv, std::slice::from_ref(&domain))[0].subject, domain.subject);
    let mut none = Vec::new();
    assert!(!ListWriter::new(Format::Ses, &mut none).unwrap().write(&(&domain).into()).unwrap());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = items(&bytes, None);
    }

    #[test]
    fn no_near_json_or_near_csv_makes_it_panic(text in "[\\[\\]{}\",:;\\\\\n\ra@.é 1<>|\t]{0,200}") {
        for format in [None, Some(Format::Ses), Some(Format::Listmonk), Some(Format::Mailchimp), Some(Format::Sendgrid)] {
            let _ = items(text.as_bytes(), format);
            let _ = items(format!("[{{\"email\":{text}").as_bytes(), format);
        }
    }
}
