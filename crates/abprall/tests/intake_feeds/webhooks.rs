use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::server::Server;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn sendgrid_event(id: &str, to: &str) -> String {
    format!(
        r#"{{"email":"{to}","timestamp":1513299569,"event":"bounce","sg_event_id":"{id}","reason":"550 5.1.1 no such user","type":"bounce"}}"#
    )
}

fn seconds() -> String {
    jiff::Timestamp::now().as_second().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hook, a post that is genuine, and posts that are not: each is a list of headers and a body.
struct Case {
    service: &'static str,
    settings: String,
    genuine: Post,
    wrong: Vec<Post>,
    stopped: &'static str,
}

#[derive(Clone)]
struct Post {
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Post {
    fn new(headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { headers, body: body.to_owned() }
    }

    fn to(&self, server: &Server, service: &str) -> crate::server::Answer {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.post(&format!("/hooks/{service}"), &headers, self.body.as_bytes())
    }
}

fn sendgrid() -> Case {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    // SubjectPublicKeyInfo of a P-256 key (RFC 5480), as the panel shows it.
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let key = STANDARD.encode([&head[..], pair.public_key().as_ref()].concat());
    let body = format!("[{}]\r\n", sendgrid_event("e1", "sendgrid@b.example"));
    let at = seconds();
    let sign = |body: &str| {
        STANDARD.encode(pair.sign(&SystemRandom::new(), format!("{at}{body}").as_bytes()).unwrap())
    };
    let post = |signature: &str, body: &str| {
        let names = ["X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"];
        Post::new(&[(names[0], signature), (names[1], &at)], body)
    };
    Case {
        service: "sendgrid",
        settings: format!("key = \"{key}\""),
        genuine: post(&sign(&body), &body),
        wrong: vec![post(&sign(&body), body.trim_end()), post("AAAA", &body), Post::new(&[JSON], &body)],
        stopped: "sendgrid@b.example",
    }
}

fn mailgun_body(token: &str, event: &str) -> String {
    let at = seconds();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"mgkey"), format!("{at}{token}").as_bytes());
    format!(
        r#"{{"signature":{{"timestamp":"{at}","token":"{token}","signature":"{}"}},"event-data":{{"event":"{event}","severity":"permanent","id":"x","timestamp":1534110422.38,"recipient":"mailgun@b.example","message":{{"headers":{{"message-id":"1@a.example"}}}},"delivery-status":{{"code":550,"message":"5.1.1 no such user"}}}}}}"#,
        hex(tag.as_ref())
    )
}

fn mailgun() -> Case {
    let body = mailgun_body("tok1", "failed");
    Case {
        service: "mailgun",
        settings: "key = \"mgkey\"".to_owned(),
        wrong: vec![Post::new(&[JSON], &body.replace("tok1", "tok2")), Post::new(&[JSON], "{}")],
        genuine: Post::new(&[JSON], &body),
        stopped: "mailgun@b.example",
    }
}

fn mandrill() -> Case {
    let url = "https://bounces.example.org/hooks/mandrill";
    let json = r#"[{"event":"hard_bounce","_id":"i","ts":1461095246,"msg":{"ts":1461095245,"email":"mandrill@b.example","_id":"i","bounce_description":"bad_mailbox","diag":"smtp;550 5.1.1 no such user"}}]"#;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"mdkey");
    let signature = STANDARD.encode(hmac::sign(&key, format!("{url}mandrill_events{json}").as_bytes()));
    let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = format!("mandrill_events={escaped}");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    Case {
        service: "mandrill",
        settings: format!("key = \"mdkey\"\nurl = \"{url}\""),
        genuine: Post::new(&[form, ("X-Mandrill-Signature", &signature)], &body),
        wrong: vec![
            Post::new(
                &[form, ("X-Mandrill-Signature", &signature)],
                &body.replace("%62%65%72", "%62%65%73").replace("%69", "%6A"),
            ),
            Post::new(&[form], &body),
        ],
        stopped: "mandrill@b.example",
    }
}

fn resend() -> Case {
    let secret = b"a secret of the test's own";
    let body = r#"{"type":"email.bounced","created_at":"2026-11-25T09:00:00.000Z","data":{"email_id":"m","from":"n@a.example","to":["resend@b.example"],"subject":"x","bounce":{"type":"Permanent","subType":"General","message":"m","diagnosticCode":["smtp; 550 5.1.1 user unknown"]}}}"#;
    let post = |at: &str, id: &str| {
        let tag =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), format!("msg_1.{at}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(tag));
        Post::new(&[("svix-id", id), ("svix-timestamp", at), ("svix-signature", &signature)], body)
    };
    let old = (jiff::Timestamp::now().as_second() - 3600).to_string();
    Case {
        service: "resend",
        settings: format!("key = \"whsec_{}\"", STANDARD.encode(secret)),
        genuine: post(&seconds(), "msg_1"),
        wrong: vec![post(&seconds(), "msg_2"), post(&old, "msg_1"), Post::new(&[JSON], body)],
        stopped: "resend@b.example",
    }
}

fn postal() -> Case {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&key);
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = public.as_der().unwrap();
    let body = r#"{"event":"MessageDeliveryFailed","timestamp":1477945177.1,"uuid":"u","payload":{"message":{"id":1,"token":"t","direction":"outgoing","message_id":"1@a.example","to":"postal@b.example","from":"n@a.example"},"status":"HardFail","output":"550 5.1.1 no such user","timestamp":1477945179.1}}"#;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body.as_bytes(), &mut signature).unwrap();
    let signature = STANDARD.encode(signature);
    Case {
        service: "postal",
        settings: format!("key = \"{}\"", STANDARD.encode(der.as_ref())),
        genuine: Post::new(&[("X-Postal-Signature-256", &signature)], body),
        wrong: vec![
            Post::new(&[("X-Postal-Signature-256", &signature)], &body.replace("550", "450")),
            Post::new(&[JSON], body),
        ],
        stopped: "postal@b.example",
    }
}

/// Those who sign nothing, each with another kind of credentials.
fn with_credentials() -> Vec<Case> {
    let case = |service,
                settings: &str,
                right: (&'static str, &str),
                wrong: (&'static str, &str),
                body: &str,
                stopped| Case {
        service,
        settings: settings.to_owned(),
        genuine: Post::new(&[right], body),
        wrong: vec![Post::new(&[wrong], body), Post::new(&[JSON], body)],
        stopped,
    };
    let basic = "user = \"hook\"\npassword = \"pass:word\"";
    let right = format!("Basic {}", STANDARD.encode("hook:pass:word"));
    let wrong = format!("Basic {}", STANDARD.encode("hook:pass"));
    let (right, wrong) = (("Authorization", right.as_str()), ("Authorization", wrong.as_str()));
    vec![
        case(
            "postmark",
            basic,
            right,
            wrong,
            r#"{"RecordType":"Bounce","ID":9,"Type":"HardBounce","Details":"smtp;550 5.1.1 no","Email":"postmark@b.example","BouncedAt":"2016-04-27T16:28:50Z"}"#,
            "postmark@b.example",
        ),
        case(
            "sparkpost",
            "token = \"t0ken\"\ntoken_header = \"X-MessageSystems-Webhook-Token\"",
            ("X-MessageSystems-Webhook-Token", "t0ken"),
            ("X-MessageSystems-Webhook-Token", "t0ke"),
            r#"[{"msys":{"message_event":{"type":"bounce","bounce_class":"10","error_code":"550","event_id":"e1","rcpt_to":"sparkpost@b.example","raw_reason":"550 5.1.1 no","timestamp":"1464824548"}}}]"#,
            "sparkpost@b.example",
        ),
        case(
            "brevo",
            "token = \"t0ken\"",
            ("Authorization", "Bearer t0ken"),
            ("Authorization", "Bearer other"),
            r#"{"event":"hard_bounce","email":"brevo@b.example","id":9,"ts_epoch":1520363423000,"message-id":"<1@a.example>","reason":" RecipientError: 550 5.1.1 no"}"#,
            "brevo@b.example",
        ),
        case(
            "mailjet",
            basic,
            right,
            wrong,
            r#"[{"event":"bounce","time":1498093527,"MessageID":19421777396190490,"email":"mailjet@b.example","hard_bounce":true,"blocked":false,"error_related_to":"recipient","error":"user unknown","comment":"550 5.1.1 no"}]"#,
            "mailjet@b.example",
        ),
        case(
            "kumomta",
            basic,
            right,
            wrong,
            r#"{"type":"Bounce","id":"k","sender":"n@a.example","recipient":"kumomta@b.example","response":{"code":550,"content":"5.1.1 no such user"},"timestamp":1757070003,"event_time":1757070003}"#,
            "kumomta@b.example",
        ),
    ]
}

#[test]
fn what_is_genuine_is_stored_once_and_what_is_not_is_not_stored() {
    let mut cases = vec![sendgrid(), mailgun(), mandrill(), resend(), postal()];
    cases.extend(with_credentials());
    let settings: String = cases
        .iter()
        .map(|case| format!("[intake.webhook.{0}]\nservice = \"{0}\"\n{1}\n", case.service, case.settings))
        .collect();
    let server = Server::new(&settings);
    for (number, case) in cases.iter().enumerate() {
        for wrong in &case.wrong {
            let answer = wrong.to(&server, case.service);
            assert_eq!(answer.status, 401, "{}: {}", case.service, answer.body);
        }
        assert_eq!(
            (server.state(case.stopped), server.remembered()),
            ("ok".to_owned(), number as u64),
            "{}",
            case.service
        );
        let first = case.genuine.to(&server, case.service);
        assert_eq!(
            (first.status, first.json()["new"].as_u64()),
            (200, Some(1)),
            "{}: {}",
            case.service,
            first.body
        );
        assert_eq!(server.state(case.stopped), "suppressed", "{}", case.service);
        let again = case.genuine.to(&server, case.service);
        assert_eq!(
            (again.status, again.json()["new"].as_u64()),
            (200, Some(0)),
            "{}: {}",
            case.service,
            again.body
        );
    }
    assert_eq!(server.remembered(), cases.len() as u64);
}

#[test]
fn a_body_that_is_not_understood_is_refused_in_the_words_of_its_service() {
    let server = Server::new(
        "[intake.webhook.mailgun]\nservice = \"mailgun\"\nunsigned = \"accept\"\n[intake.webhook.postmark]\nservice = \"postmark\"\nunsigned = \"accept\"\n\
         [intake.webhook.sendgrid]\nservice = \"sendgrid\"\nunsigned = \"accept\"\nbytes_max = 2048\n",
    );
    for (service, status) in [("mailgun", 406), ("postmark", 403), ("sendgrid", 400)] {
        let answer = server.post(&format!("/hooks/{service}"), &[JSON], b"[{");
        assert_eq!(answer.status, status, "{service}: {}", answer.body);
        assert!(answer.body.contains(service), "{}", answer.body);
    }
    // One of several: it is told, and the others are taken.
    let some =
        format!("[{},{{\"event\":\"bounce\"}},{{\"event\":\"open\"}}]", sendgrid_event("e1", "a@b.example"));
    let answer = server.post("/hooks/sendgrid", &[JSON], some.as_bytes()).json();
    assert_eq!(
        (&answer["new"], &answer["skipped"], &answer["problems"][0]["index"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(server.post("/hooks/sendgrid", &[JSON], &[b' '; 4096]).status, 413);
    assert_eq!(server.post("/hooks/nobody", &[JSON], b"[]").status, 404);
    assert_eq!((server.get("/hooks/sendgrid").status, server.get("/hooks/nobody").status), (200, 404));
    assert_eq!(server.remembered(), 1);
}

#[test]
fn a_token_of_mailgun_is_taken_once_whatever_it_came_with() {
    let server = Server::new("[intake.webhook.mailgun]\nservice = \"mailgun\"\nkey = \"mgkey\"\n");
    let opened = mailgun_body("tok1", "opened");
    assert_eq!(server.post("/hooks/mailgun", &[JSON], opened.as_bytes()).json()["skipped"], 1);
    // Whoever has seen it puts another event in: the signature holds, for Mailgun does not sign the event.
    let forged = opened.replace("opened", "failed");
    let answer = server.post("/hooks/mailgun", &[JSON], forged.as_bytes());
    assert_eq!((answer.status, &answer.json()["new"]), (200, &0.into()), "{}", answer.body);
    assert_eq!(server.state("mailgun@b.example"), "ok");
}

#[test]
fn a_new_webhook_of_mandrill_is_tried_with_nothing_in_it() {
    let server = Server::new(
        "[intake.webhook.m]\nservice = \"mandrill\"\nkey = \"k\"\nurl = \"https://b.example/hooks/m\"\n",
    );
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(server.get("/hooks/m").status, 200);
    assert_eq!(server.post("/hooks/m", &[form], b"mandrill_events=%5B%5D").status, 200);
    assert_eq!(server.remembered(), 0);
}

#[test]
fn a_thousand_events_in_one_body_are_stored_together_and_given_to_process_count_once() {
    let server =
        Server::new("[intake.webhook.s]\nservice = \"sendgrid\"\nunsigned = \"accept\"\ntenant = \"shop\"\n");
    let events: Vec<_> = (0..1000)
        .map(|number| sendgrid_event(&format!("e{number}"), &format!("u{number}@b.example")))
        .collect();
    let body = format!("[{}]", events.join(","));
    assert_eq!(server.post("/hooks/s", &[JSON], body.as_bytes()).json()["new"], 1000);
    assert_eq!(server.post("/hooks/s", &[JSON], body.as_bytes()).json()["new"], 0);
    std::fs::write(server.path("body.json"), body).unwrap();
    let processed = crate::common::run(server.folder(), ["process", "--format", "json", "body.json"]).json();
    assert_eq!((&processed["messages"], &processed["known"]), (&1000.into(), &1000.into()), "{processed}");
}

#[test]
fn killed_under_posts_it_has_lost_none_that_it_acknowledged() {
    const HOOK: &str = "[intake.webhook.s]\nservice = \"sendgrid\"\nunsigned = \"accept\"\n";
    let mut folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let server = Server::start(folder, HOOK);
        let port = server.port();
        let (tell, told) = std::sync::mpsc::channel();
        let poster = std::thread::spawn(move || {
            for number in 0.. {
                let events: Vec<_> = (0..20)
                    .map(|event| {
                        let id = format!("{round}-{number}-{event}");
                        sendgrid_event(&id, &format!("u{id}@b.example"))
                    })
                    .collect();
                let body = format!("[{}]", events.join(","));
                match crate::server::ask(port, "POST", "/hooks/s", &[JSON], body.as_bytes()) {
                    Some(answer) if answer.status == 200 => {
                        tell.send(format!("u{round}-{number}-19@b.example")).unwrap();
                    }
                    _ => return,
                }
            }
        });
        acknowledged.extend(told.iter().take(1 + round * 2));
        folder = server.kill();
        acknowledged.extend(told.iter());
        poster.join().unwrap();
    }
    let server = Server::start(folder, HOOK);
    for address in &acknowledged {
        assert_eq!(server.state(address), "suppressed", "{address} was acknowledged");
    }
    assert_eq!(server.remembered() % 20, 0, "a body is stored whole or not at all");
}

/// What is answered to the head of a post whose body never comes.
fn answer_to_head(server: &Server, hook: &str, headers: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!("POST /hooks/{hook} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("it is answered without its body");
    line
}

#[test]
fn nothing_of_a_body_is_read_for_who_cannot_be_the_service() {
    let server = Server::new(
        "[intake.webhook.brevo]\nservice = \"brevo\"\ntoken = \"t0ken\"\n\
         [intake.webhook.postmark]\nservice = \"postmark\"\nuser = \"u\"\npassword = \"p\"\n\
         [intake.webhook.resend]\nservice = \"resend\"\nkey = \"whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3QncyBvd24=\"\n\
         [intake.webhook.ses]\nservice = \"ses\"\ntopics = [\"arn:aws:sns:eu-central-1:1:t\"]\n",
    );
    for (hook, headers, length, status) in [
        ("brevo", "", 100_000, 401),
        ("brevo", "Authorization: Bearer wrong\r\n", 100_000, 401),
        ("brevo", "Authorization: Bearer t0ken\r\n", 100_000_000, 413),
        ("postmark", "Authorization: Basic dTpx\r\n", 100_000, 401),
        ("resend", "svix-id: a\r\nsvix-timestamp: 1\r\n", 100_000, 401),
        ("ses", "x-amz-sns-topic-arn: arn:aws:sns:eu-central-1:1:other\r\n", 100_000, 401),
        ("nobody", "", 100_000, 404),
    ] {
        let line = answer_to_head(&server, hook, headers, length);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{hook} {headers}: {line}");
    }
}

#[test]
fn a_client_posts_to_hooks_no_more_often_than_its_rate() {
    let settings = "[intake.webhook.brevo]\nservice = \"brevo\"\ntoken = \"t0ken\"\n";
    let server = Server::start_with(tempfile::tempdir().unwrap(), settings, "client_rate = 2");
    let lines: Vec<_> = (0..8).map(|_| answer_to_head(&server, "brevo", "", 100_000)).collect();
    assert!(lines[0].starts_with("HTTP/1.1 401 "), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("HTTP/1.1 429 ")), "{lines:?}");
}
