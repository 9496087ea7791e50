use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:bounces";
const CERTIFICATE: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem";

/// Stands in for Amazon: a key, its certificate at the place where SNS has it, and a note of whatever is asked for.
struct Amazon {
    key: RsaKeyPair,
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Amazon {
    fn new() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let pair = rcgen::KeyPair::try_from(der.as_ref()).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
        let pem = parameters.self_signed(&pair).unwrap().pem();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let path = head.next().unwrap().split(' ').nth(1).unwrap().to_owned();
                head.find(String::is_empty);
                let (status, more, body) = match path.as_str() {
                    "/SimpleNotificationService-ab12.pem" => ("200 OK", "", pem.as_str()),
                    "/SimpleNotificationService-cd34.pem" => {
                        ("302 Found", "Location: /SimpleNotificationService-ab12.pem\r\n", "")
                    }
                    path if path.starts_with("/?Action=ConfirmSubscription") => {
                        ("200 OK", "", "<Confirmed/>")
                    }
                    _ => ("404 Not Found", "", ""),
                };
                noted.lock().unwrap().push(path);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { key, port, asked }
    }

    fn server(&self) -> Server {
        Server::new(&format!(
            "[intake.webhook.ses]\nservice = \"ses\"\ntopics = [\"{TOPIC}\"]\nsns_endpoint = \"http://127.0.0.1:{}\"\n",
            self.port
        ))
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// With SHA-256.
    fn sign(&self, body: &mut Value) {
        body["SignatureVersion"] = "2".into();
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), canonical(body).as_bytes(), &mut signature)
            .unwrap();
        body["Signature"] = STANDARD.encode(signature).into();
    }

    /// With SHA-1, which the library does not sign with any more.
    fn sign_as_in_the_old_days(&self, body: &mut Value) {
        body["SignatureVersion"] = "1".into();
        let folder = tempfile::tempdir().unwrap();
        let der: Pkcs8V1Der<'_> = self.key.as_der().unwrap();
        fs::write(folder.path().join("key.der"), der.as_ref()).unwrap();
        fs::write(folder.path().join("text"), canonical(body)).unwrap();
        let openssl = Command::new("openssl")
            .current_dir(folder.path())
            .args(["dgst", "-sha1", "-sign", "key.der", "-keyform", "DER", "text"])
            .output()
            .unwrap();
        assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
        body["Signature"] = STANDARD.encode(openssl.stdout).into();
    }
}

/// By the words of Amazon's guide.
fn canonical(body: &Value) -> String {
    let names: &[&str] = if body["Type"] == "Notification" {
        &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    } else {
        &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    };
    let lines = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", body[name].as_str()?)));
    lines.collect()
}

fn bounce(id: &str, to: &str) -> Value {
    let message = json!({
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f", "timestamp": "2026-11-25T09:59:00.000Z",
            "bouncedRecipients": [{"emailAddress": to, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user"}],
        },
        "mail": {"timestamp": "2026-11-25T09:58:00.000Z", "source": "n@a.example", "messageId": id},
    });
    json!({
        "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message.to_string(),
        "Timestamp": "2026-11-25T09:59:00.000Z", "SigningCertURL": CERTIFICATE,
    })
}

fn confirmation(topic: &str) -> Value {
    json!({
        "Type": "SubscriptionConfirmation", "MessageId": "c", "Token": "t0k", "TopicArn": topic,
        "Message": "You have chosen to subscribe.", "Timestamp": "2026-11-25T09:59:00.000Z", "SigningCertURL": CERTIFICATE,
        "SubscribeURL": format!("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=t0k"),
    })
}

fn post(server: &Server, body: &Value) -> Answer {
    server.post("/hooks/ses", &[("Content-Type", "text/plain; charset=UTF-8")], body.to_string().as_bytes())
}

#[test]
fn notifications_of_both_versions_are_taken_with_a_certificate_that_is_fetched_once() {
    let amazon = Amazon::new();
    let server = amazon.server();
    let (mut new, mut old) = (bounce("m1", "anna@b.example"), bounce("m2", "bert@b.example"));
    amazon.sign(&mut new);
    amazon.sign_as_in_the_old_days(&mut old);
    for (body, to) in [(&new, "anna@b.example"), (&old, "bert@b.example")] {
        let taken = post(&server, body);
        assert_eq!((taken.status, &taken.json()["new"]), (200, &1.into()), "{}", taken.body);
        assert_eq!(server.state(to), "suppressed");
        assert_eq!(post(&server, body).json()["new"], 0);
    }
    assert_eq!(amazon.asked(), ["/SimpleNotificationService-ab12.pem"]);
    // The sentence after a confirmation is no event.
    let mut sentence = bounce("m3", "x@b.example");
    sentence["Message"] = "Successfully validated SNS topic for Amazon SES event publishing.".into();
    amazon.sign(&mut sentence);
    assert_eq!(post(&server, &sentence).json()["skipped"], 1);
    assert_eq!(server.remembered(), 2);
}

#[test]
fn what_is_not_signed_so_is_not_taken_and_nothing_is_fetched_from_elsewhere() {
    let amazon = Amazon::new();
    let server = amazon.server();
    let mut good = bounce("m1", "anna@b.example");
    amazon.sign(&mut good);
    let with = |name: &str, value: &str| {
        let mut body = good.clone();
        body[name] = value.into();
        body
    };
    let other = Amazon::new();
    let mut of_another_key = bounce("m1", "anna@b.example");
    other.sign(&mut of_another_key);
    let mut of_another_topic = with("TopicArn", "arn:aws:sns:eu-central-1:666:bounces");
    amazon.sign(&mut of_another_topic);
    let mut unsigned = good.clone();
    unsigned.as_object_mut().unwrap().remove("Signature");
    for wrong in [
        with("MessageId", "m2"),
        with("Message", "{}"),
        with("SignatureVersion", "3"),
        of_another_key,
        of_another_topic,
        unsigned,
        json!({"notificationType": "Bounce"}),
    ] {
        let answer = post(&server, &wrong);
        assert_eq!(answer.status, 401, "{wrong}: {}", answer.body);
    }
    amazon.asked();
    for url in [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ef56.pem",
        "https://sns.eu-central-1.amazonaws.com.mallory.example/SimpleNotificationService-ef56.pem",
        "https://mallory.example/SimpleNotificationService-ef56.pem",
        "https://sns.eu-central-1.amazonaws.com@127.0.0.1/SimpleNotificationService-ef56.pem",
        "https://sns.eu-central-1.amazonaws.com/../SimpleNotificationService-ef56.pem",
        "https://169.254.169.254/SimpleNotificationService-ef56.pem",
    ] {
        assert_eq!(post(&server, &with("SigningCertURL", url)).status, 401, "{url}");
    }
    assert_eq!(amazon.asked(), [""; 0]);
    assert_eq!((server.remembered(), server.state("anna@b.example")), (0, "ok".to_owned()));
}

#[test]
fn a_redirect_is_not_followed_and_what_cannot_be_checked_now_is_to_come_again() {
    let amazon = Amazon::new();
    let server = amazon.server();
    let mut body = bounce("m1", "anna@b.example");
    for name in ["cd34", "ffff"] {
        body["SigningCertURL"] =
            format!("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-{name}.pem").into();
        amazon.sign(&mut body);
        assert_eq!(post(&server, &body).status, 503);
        // It is not asked for again at once.
        assert_eq!(post(&server, &body).status, 503);
        assert_eq!(amazon.asked(), [format!("/SimpleNotificationService-{name}.pem")]);
    }
    assert_eq!(server.remembered(), 0);
}

#[test]
fn made_up_certificates_of_one_client_are_fetched_three_a_minute_and_told_once() {
    let amazon = Amazon::new();
    let server = amazon.server();
    for number in 0..10 {
        let mut body = bounce("m1", "anna@b.example");
        body["SigningCertURL"] =
            format!("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ffff{number}.pem")
                .into();
        amazon.sign(&mut body);
        assert_eq!(post(&server, &body).status, 503);
    }
    // One more may be due while they are posted.
    let asked = amazon.asked().len();
    assert!((3..=4).contains(&asked), "{asked}");
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("certificate")).count();
    assert_eq!(told, 1, "{log}");
}

#[test]
fn a_subscription_is_confirmed_for_a_topic_that_is_named_and_for_no_other() {
    let amazon = Amazon::new();
    let server = amazon.server();
    let mut good = confirmation(TOPIC);
    amazon.sign(&mut good);
    assert_eq!(post(&server, &good).status, 200);
    let asked = amazon.asked();
    assert_eq!(asked[1], format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0k"), "{asked:?}");
    let mut stranger = confirmation("arn:aws:sns:eu-central-1:666:bounces");
    amazon.sign(&mut stranger);
    assert_eq!(post(&server, &stranger).status, 401);
    for url in [
        "https://mallory.example/?Action=ConfirmSubscription",
        "https://sns.eu-central-1.amazonaws.com/?Action=DeleteTopic",
    ] {
        let mut wrong = confirmation(TOPIC);
        wrong["SubscribeURL"] = url.into();
        amazon.sign(&mut wrong);
        assert_eq!(post(&server, &wrong).status, 401, "{url}");
    }
    let mut forged = confirmation(TOPIC);
    forged["Signature"] = "AAAA".into();
    assert_eq!(post(&server, &forged).status, 401);
    assert_eq!(amazon.asked(), [""; 0]);
    assert_eq!(server.remembered(), 0);
}
