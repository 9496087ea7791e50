//! Bodies as the services post them, and what they say.

use abprall_bounce::webhook::{Events, Provider, WebhookError, read_webhook};
use abprall_bounce::{Classifier, Kind, limits};
use abprall_mail::{Action, Reason};
use proptest::prelude::*;
use strum::IntoEnumIterator;

fn events(provider: Provider, body: &str) -> Events {
    assert_eq!(Provider::sniff(body.as_bytes()), Some(provider), "{body}");
    read_webhook(provider, body.as_bytes(), None).expect("the body can be read")
}

/// One line an event: id, kind, recipient, codes, reason, action.
fn rows(provider: Provider, body: &str) -> Vec<String> {
    let classifier = Classifier::built_in();
    let events = events(provider, body);
    assert_eq!(events.refused, [], "{body}");
    let row = |event: &abprall_bounce::webhook::Event| {
        let report = &event.report;
        assert!(report.last_attempt_at.is_some(), "{body}");
        let judged = classifier.classify(report);
        format!(
            "{} {} {} {}{} {} {}",
            event.id.as_deref().unwrap_or("-"),
            report.kind,
            report.recipient.as_ref().map_or("-", |address| address.as_str()),
            report.reply_code.map(|code| format!("{code} ")).unwrap_or_default(),
            report.status.map_or("-".to_owned(), |status| status.to_string()),
            judged.reason,
            judged.action
        )
    };
    events.events.iter().map(row).collect()
}

fn check(provider: Provider, body: &str, expected: &[&str]) {
    assert_eq!(rows(provider, body), expected, "{body}");
}

fn in_sns(message: &str) -> String {
    let envelope = serde_json::json!({
        "Type": "Notification", "MessageId": "22b8", "TopicArn": "arn:aws:sns:eu-central-1:1:ses", "Message": message,
        "Timestamp": "2026-11-25T09:00:00.000Z", "SignatureVersion": "1", "Signature": "AA==",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
    });
    envelope.to_string()
}

const SES_MAIL: &str = r#""mail":{"timestamp":"2026-11-25T08:59:00Z","source":"news@a.example","messageId":"0107","destination":["x@b.example","anna@b.example"],"headers":[{"name":"Message-ID","value":"<1@a.example>"}],"commonHeaders":{"subject":"Hi","messageId":"<1@a.example>"}}"#;

#[test]
fn ses_bounces_name_the_bounced_and_not_the_first_recipient() {
    let bounce = format!(
        r#"{{"notificationType":"Bounce","bounce":{{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{{"emailAddress":"anna@b.example","action":"failed","status":"5.4.3","diagnosticCode":"smtp; 550 5.4.3 Routing server failure"}}],"timestamp":"2026-11-25T09:00:00.101Z","feedbackId":"f1","remoteMtaIp":"192.0.2.1","reportingMTA":"dns; mail.example.com"}},{SES_MAIL}}}"#
    );
    let expected = ["22b8/anna@b.example failed anna@b.example 550 5.4.3 routing_server_failure hold"];
    check(Provider::Ses, &in_sns(&bounce), &expected);
    check(
        Provider::Ses,
        &bounce,
        &["f1/anna@b.example failed anna@b.example 550 5.4.3 routing_server_failure hold"],
    );
    let report = &events(Provider::Ses, &bounce).events[0].report;
    assert_eq!(report.message_id.as_deref(), Some("1@a.example"));
    assert_eq!(report.sender.as_deref(), Some("news@a.example"));
    assert_eq!(report.reporting_mta.as_deref(), Some("mail.example.com"));
}

#[test]
fn ses_events_of_every_kind_are_read() {
    for (event, expected) in [
        (
            r#""eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"anna@b.example"}],"timestamp":"2026-11-25T09:00:00Z","feedbackId":"f"}"#,
            "complaint anna@b.example - complaint suppress",
        ),
        (
            r#""eventType":"Delivery","delivery":{"timestamp":"2026-11-25T09:00:00Z","recipients":["anna@b.example"],"smtpResponse":"250 2.0.0 OK"}"#,
            "delivered anna@b.example 250 2.0.0 delivered none",
        ),
        (
            r#""eventType":"DeliveryDelay","deliveryDelay":{"timestamp":"2026-11-25T09:00:00Z","delayType":"TransientCommunicationFailure","delayedRecipients":[{"emailAddress":"anna@b.example","status":"4.4.1","diagnosticCode":"smtp; 421 4.4.1 Unable to connect to remote host"}]}"#,
            "delayed anna@b.example 421 4.4.1 host_unreachable retry",
        ),
        (
            r#""eventType":"Reject","reject":{"reason":"Bad content"}"#,
            "failed x@b.example - content_rejected fix_message",
        ),
        (
            r#""notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"OnAccountSuppressionList","bouncedRecipients":[{"emailAddress":"anna@b.example"}],"timestamp":"2026-11-25T09:00:00Z","feedbackId":"f"}"#,
            "failed anna@b.example - already_suppressed none",
        ),
        (
            r#""notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"NoEmail","bouncedRecipients":[{"emailAddress":"anna@b.example"}],"timestamp":"2026-11-25T09:00:00Z","feedbackId":"f"}"#,
            "failed anna@b.example - user_unknown suppress",
        ),
    ] {
        let body = in_sns(&format!("{{{event},{SES_MAIL}}}"));
        let row = &rows(Provider::Ses, &body)[0];
        assert_eq!(row.split_once(' ').unwrap().1, expected, "{event}");
    }
}

#[test]
fn confirmations_and_the_sentence_after_them_are_no_events() {
    let sentence = in_sns("Successfully validated SNS topic for Amazon SES event publishing.");
    assert_eq!(events(Provider::Ses, &sentence).skipped["text"], 1);
    let confirmation =
        in_sns("You have chosen to subscribe").replace("\"Notification\"", "\"SubscriptionConfirmation\"");
    assert_eq!(events(Provider::Ses, &confirmation).skipped["SubscriptionConfirmation"], 1);
}

#[test]
fn sendgrid_tells_bounces_from_blocks_by_the_reply() {
    check(
        Provider::Sendgrid,
        r#"[{"email":"a@b.example","timestamp":1513299569,"smtp-id":"<1@a.example>","event":"bounce","sg_event_id":"e1","sg_message_id":"m","reason":"550 5.1.1 no such user here","status":"5.1.1","type":"bounce","bounce_classification":"Invalid Address"},
            {"email":"b@b.example","timestamp":1513299569,"event":"bounce","sg_event_id":"e2","reason":"554 5.7.1 blocked using zen.spamhaus.org","status":"5.7.1","type":"blocked","bounce_classification":"Reputation"},
            {"email":"c@b.example","timestamp":1513299569,"event":"dropped","sg_event_id":"e3","reason":"Bounced Address"},
            {"email":"d@b.example","timestamp":1513299569,"event":"deferred","sg_event_id":"e4","response":"450 4.7.28 rate limit exceeded","attempt":"1"},
            {"email":"e@b.example","timestamp":1513299569,"event":"spamreport","sg_event_id":"e5"},
            {"email":"f@b.example","timestamp":1513299569,"event":"open","sg_event_id":"e6"}]"#,
        &[
            "e1 failed a@b.example 550 5.1.1 user_unknown suppress",
            "e2 failed b@b.example 554 5.7.1 blocklisted fix_sender",
            "e3 failed c@b.example - already_suppressed none",
            "e4 delayed d@b.example 450 4.7.28 rate_limited retry",
            "e5 complaint e@b.example - complaint suppress",
        ],
    );
}

#[test]
fn a_class_counts_only_where_the_reply_says_nothing() {
    let body = |reason: &str| {
        format!(
            r#"[{{"email":"a@b.example","timestamp":1,"event":"bounce","sg_event_id":"e","reason":"{reason}","type":"bounce","bounce_classification":"Invalid Address"}}]"#
        )
    };
    check(Provider::Sendgrid, &body(""), &["e failed a@b.example - user_unknown suppress"]);
    check(
        Provider::Sendgrid,
        &body("552 5.2.2 mailbox full"),
        &["e failed a@b.example 552 5.2.2 mailbox_full retry"],
    );
}

#[test]
fn mailgun_is_read_with_its_own_codes() {
    let body = |code: u16, message: &str, severity: &str| {
        format!(
            r#"{{"signature":{{"timestamp":"1534110422","token":"tok","signature":"ab"}},"event-data":{{"event":"failed","severity":"{severity}","reason":"bounce","id":"x","timestamp":1534110422.38,"recipient":"a@b.example","message":{{"headers":{{"message-id":"1@a.example"}}}},"delivery-status":{{"code":{code},"message":"{message}","mx-host":"mx.b.example"}}}}}}"#
        )
    };
    check(
        Provider::Mailgun,
        &body(550, "5.1.1 The email account that you tried to reach does not exist", "permanent"),
        &["tok failed a@b.example 550 5.1.1 user_unknown suppress"],
    );
    let own = rows(Provider::Mailgun, &body(498, "No MX for b.example", "permanent"));
    assert!(own[0].starts_with("tok failed a@b.example - no_mail_route"), "{own:?}");
    assert!(rows(Provider::Mailgun, &body(421, "4.7.0 later", "temporary"))[0].starts_with("tok delayed "));
    let form = b"event=bounced&recipient=a%40b.example&code=550&error=5.1.1+unknown+user&timestamp=1534110422&token=t&signature=x";
    let events = read_webhook(Provider::Mailgun, form, None).unwrap();
    assert_eq!(events.events[0].report.recipient.as_ref().unwrap().as_str(), "a@b.example");
    assert_eq!(events.events[0].report.status.unwrap().to_string(), "5.1.1");
}

#[test]
fn postmark_is_read() {
    check(
        Provider::Postmark,
        r#"{"RecordType":"Bounce","ID":901542550,"Type":"HardBounce","TypeCode":1,"Details":"smtp;550 5.1.1 no such user","Email":"a@b.example","From":"n@a.example","BouncedAt":"2016-04-27T16:28:50.3963933-04:00","MessageID":"u"}"#,
        &["Bounce/901542550 failed a@b.example 550 5.1.1 user_unknown suppress"],
    );
    check(
        Provider::Postmark,
        r#"{"RecordType":"SpamComplaint","ID":2,"Type":"SpamComplaint","TypeCode":512,"Email":"a@b.example","BouncedAt":"2016-04-27T16:28:50Z"}"#,
        &["SpamComplaint/2 complaint a@b.example - complaint suppress"],
    );
    let change = r#"{"RecordType":"SubscriptionChange","MessageID":"u","Recipient":"a@b.example","Origin":"Recipient","SuppressSending":true,"SuppressionReason":"ManualSuppression","ChangedAt":"2020-02-01T10:53:34Z"}"#;
    assert!(rows(Provider::Postmark, change)[0].contains(" unsubscribe a@b.example"));
    let by_bounce = change.replace("ManualSuppression", "HardBounce");
    assert_eq!(events(Provider::Postmark, &by_bounce).skipped["SubscriptionChange"], 1);
}

#[test]
fn sparkpost_is_read() {
    check(
        Provider::Sparkpost,
        r#"[{"msys":{"message_event":{"type":"bounce","bounce_class":"10","error_code":"550","event_id":"e1","rcpt_to":"a@b.example","raw_reason":"550 5.1.1 no such user","timestamp":"1464824548"}}},
            {"msys":{"message_event":{"type":"bounce","bounce_class":"25","error_code":"554","event_id":"e2","rcpt_to":"b@b.example","raw_reason":"554 5.7.1 recipient address was suppressed due to customer policy","timestamp":"1464824548"}}},
            {"msys":{"message_event":{"type":"delay","error_code":"454","event_id":"e3","rcpt_to":"c@b.example","raw_reason":"454 4.4.4 [internal] no MX or A for domain","timestamp":"2026-11-25T09:00:00.000Z"}}},
            {"msys":{"track_event":{"type":"open","event_id":"e4"}}},
            {"msys":{}}]"#,
        &[
            "e1 failed a@b.example 550 5.1.1 user_unknown suppress",
            "e2 failed b@b.example 554 5.7.1 already_suppressed none",
            "e3 delayed c@b.example 454 4.4.4 no_mail_route retry",
        ],
    );
}

#[test]
fn brevo_mailjet_and_mandrill_are_read() {
    check(
        Provider::Brevo,
        r#"{"event":"hard_bounce","email":"a@b.example","id":9,"date":"2018-03-06 19:10:23","ts":1,"ts_event":1520363423,"ts_epoch":1520363423000,"message-id":"<1@a.example>","reason":" RecipientError: 550 5.1.1 no such user"}"#,
        &[
            "1@a.example/hard_bounce/a@b.example/1520363423000 failed a@b.example 550 5.1.1 user_unknown suppress",
        ],
    );
    check(
        Provider::Mailjet,
        r#"[{"event":"bounce","time":1498093527,"MessageID":19421777396190490,"Message_GUID":"g","email":"a@b.example","hard_bounce":true,"blocked":false,"error_related_to":"recipient","error":"user unknown","comment":""}]"#,
        &["19421777396190490/bounce/a@b.example/1498093527 failed a@b.example - user_unknown suppress"],
    );
    let json = r#"[{"event":"hard_bounce","_id":"i","ts":1461095246,"msg":{"ts":1461095245,"email":"a@b.example","sender":"n@a.example","state":"bounced","_id":"i","bounce_description":"bad_mailbox","diag":"smtp;550 5.1.1 no such user"}},{"type":"blacklist","action":"add","reject":{"email":"a@b.example"}}]"#;
    let expected = ["i/hard_bounce/1461095246 failed a@b.example 550 5.1.1 user_unknown suppress"];
    check(Provider::Mandrill, json, &expected);
    let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    check(Provider::Mandrill, &format!("mandrill_events={escaped}"), &expected);
    assert_eq!(read_webhook(Provider::Mandrill, b"", None).unwrap(), Events::default());
}

#[test]
fn resend_acts_only_where_it_is_clear_whom_it_means() {
    let body = |to: &str| {
        format!(
            r#"{{"type":"email.bounced","created_at":"2026-11-25T09:00:00.000Z","data":{{"email_id":"m","from":"n@a.example","to":[{to}],"subject":"x","bounce":{{"type":"Permanent","subType":"General","message":"m","diagnosticCode":["smtp; 550 5.1.1 <b@b.example> user unknown"]}}}}}}"#
        )
    };
    let one = read_webhook(Provider::Resend, body(r#""a@b.example""#).as_bytes(), Some("msg_1")).unwrap();
    assert_eq!(one.events[0].id.as_deref(), Some("msg_1"));
    let named = events(Provider::Resend, &body(r#""a@b.example","b@b.example""#));
    assert_eq!(named.events[0].report.recipient.as_ref().unwrap().as_str(), "b@b.example");
    let unclear = events(Provider::Resend, &body(r#""a@b.example","c@b.example""#));
    assert!(unclear.events.is_empty() && unclear.skipped["email.bounced about one of several"] == 1);
}

#[test]
fn postal_and_kumomta_are_read() {
    check(
        Provider::Postal,
        r#"{"event":"MessageDeliveryFailed","timestamp":1477945177.1,"uuid":"u","payload":{"message":{"id":1,"token":"t","direction":"outgoing","message_id":"1@a.example","to":"a@b.example","from":"n@a.example"},"status":"HardFail","details":"Permanent SMTP delivery error when sending","output":"550 5.1.1 no such user","timestamp":1477945179.1}}"#,
        &["u failed a@b.example 550 5.1.1 user_unknown suppress"],
    );
    check(
        Provider::Postal,
        r#"{"event":"MessageBounced","timestamp":1477945177.1,"uuid":"u","payload":{"original_message":{"id":1,"direction":"outgoing","message_id":"1@a.example","to":"a@b.example"},"bounce":{"id":2}}}"#,
        &["u failed a@b.example - undetermined review"],
    );
    check(
        Provider::Kumomta,
        r#"{"type":"Bounce","id":"k","sender":"n@a.example","recipient":["a@b.example","b@b.example"],"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no such user","command":"RCPT TO:<a@b.example>"},"peer_address":{"name":"mx.b.example.","addr":"192.0.2.1"},"timestamp":1757070003,"event_time":1757070003.5,"bounce_classification":"InvalidRecipient"}"#,
        &[
            "k/failed/a@b.example/1757070003500 failed a@b.example 550 5.1.1 user_unknown suppress",
            "k/failed/b@b.example/1757070003500 failed b@b.example 550 5.1.1 user_unknown suppress",
        ],
    );
}

#[test]
fn our_own_format_takes_one_a_list_an_object_of_events_and_lines() {
    let one = r#"{"id":"1","kind":"failed","recipient":"a@b.example","diagnostic":"550 5.4.3 Routing server failure","at":"2026-11-25T09:00:00Z","message_id":"<1@a.example>"}"#;
    let expected = "1 failed a@b.example 550 5.4.3 routing_server_failure hold";
    check(Provider::Abprall, one, &[expected]);
    check(Provider::Abprall, &format!("[{one},{one}]"), &[expected, expected]);
    check(Provider::Abprall, &format!("{{\"events\":[{one}]}}"), &[expected]);
    check(Provider::Abprall, &format!("{one}\n{one}\n"), &[expected, expected]);
}

#[test]
fn a_malformed_event_is_named_by_number_and_path_and_the_others_are_read() {
    let body = r#"[{"kind":"failed","recipient":"a@b.example"},{"kind":"failed","recipient":"nobody"},{"kind":"gone","recipient":"a@b.example"},{"kind":"failed","recipient":"a@b.example","status":"9.9"},{"kind":"failed"},{"kind":"delayed","recipient":"b@b.example"},7]"#;
    let events = read_webhook(Provider::Abprall, body.as_bytes(), None).unwrap();
    let refused: Vec<String> = events.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "event 1: /recipient is no mail address",
            "event 2: /kind is none of the known kinds",
            "event 3: /status is no enhanced status code (such as 5.1.1)",
            "event 4: /recipient is missing, as is /original_recipient",
            "event 6: /kind is missing",
        ]
    );
    assert_eq!(events.events.iter().map(|event| event.number).collect::<Vec<_>>(), [0, 5]);
    let error = read_webhook(Provider::Sendgrid, b"{", None).unwrap_err();
    assert!(matches!(error, WebhookError::NotJson(_)));
    let error = read_webhook(Provider::Sendgrid, b"7", None).unwrap_err();
    assert_eq!(error.to_string(), " is neither an object nor a list of objects");
}

#[test]
fn thousands_of_events_in_one_body_are_read_and_too_many_are_refused() {
    let one = r#"{"email":"a@b.example","timestamp":1,"event":"bounce","sg_event_id":"e","reason":"550 5.1.1 no such user"}"#;
    let body = format!("[{}]", vec![one; 5000].join(","));
    assert_eq!(read_webhook(Provider::Sendgrid, body.as_bytes(), None).unwrap().events.len(), 5000);
    let body = format!("[{}]", vec!["{}"; limits::WEBHOOK_EVENTS_MAX + 1].join(","));
    let error = read_webhook(Provider::Sendgrid, body.as_bytes(), None).unwrap_err();
    assert!(matches!(error, WebhookError::TooManyEvents));
    let events =
        read_webhook(Provider::Sendgrid, format!("[{}]", vec!["{}"; 500].join(",")).as_bytes(), None)
            .unwrap();
    assert_eq!((events.refused.len(), events.refused_count), (limits::WEBHOOK_REFUSALS_MAX, 500));
}

#[test]
fn nobody_is_suppressed_by_a_class_that_speaks_of_the_sender() {
    let body = r#"[{"email":"a@b.example","timestamp":1,"event":"bounce","sg_event_id":"e","type":"blocked","bounce_classification":"Reputation"}]"#;
    let event = &events(Provider::Sendgrid, body).events[0];
    let judged = Classifier::built_in().classify(&event.report);
    assert_eq!((judged.reason, judged.action), (Reason::BadReputation, Action::FixSender));
    assert_eq!(event.report.kind, Kind::Failed);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        for provider in Provider::iter() {
            for body in [&body[..], text.as_bytes()] {
                let _events = read_webhook(provider, body, Some("x"));
                let _provider = Provider::sniff(body);
            }
        }
    }

    #[test]
    fn no_wrong_type_of_a_field_makes_a_reader_panic(
        name in prop::sample::select(vec![
            "event", "kind", "type", "RecordType", "email", "recipient", "msys", "msg", "data", "payload", "bounce", "mail",
            "eventType", "event-data", "response", "ts_epoch", "timestamp", "to", "headers", "id",
        ]),
        value in prop::sample::select(vec!["null", "true", "-1", "1e308", "\"\"", "\"bounce\"", "[]", "{}", "[[{}]]", "\"Bounce\"", "{\"to\":7}"]),
        event in prop::sample::select(vec!["bounce", "Bounce", "failed", "hard_bounce", "email.bounced", "MessageBounced"]),
    ) {
        let body = format!(
            "[{{\"event\":\"{event}\",\"type\":\"{event}\",\"kind\":\"{event}\",\"RecordType\":\"{event}\",\"eventType\":\"{event}\",\"email\":\"a@b.example\",\"{name}\":{value}}}]"
        );
        for provider in Provider::iter() {
            let _events = read_webhook(provider, body.as_bytes(), None);
        }
    }
}
