use crate::common::run;
use crate::server::Server;

const ANNA: &str =
    r#"{"id":"1","kind":"failed","recipient":"anna@b.example","diagnostic":"550 5.1.1 no such user"}"#;
const BERT: &str = r#"{"id":"2","kind":"failed","recipient":"bert@b.example","diagnostic":"550 5.4.3 Routing server failure"}"#;

#[test]
fn one_a_list_and_lines_are_taken_and_what_comes_twice_counts_once() {
    let server = Server::new("");
    let one = server.post("/v1/events", &[], ANNA.as_bytes());
    let json = one.json();
    assert_eq!((one.status, &json["results"][0]["new"]), (200, &true.into()), "{}", one.body);
    assert_eq!(json["results"][0]["outcome"], "suppress");
    assert_eq!(server.state("anna@b.example"), "suppressed");
    for body in
        [format!("[{ANNA},{BERT}]"), format!("{ANNA}\n{BERT}\n"), format!("{{\"events\":[{ANNA},{BERT}]}}")]
    {
        let again = server.post("/v1/events", &[], body.as_bytes()).json();
        assert_eq!(again["results"][0]["new"], false, "{again}");
        assert_eq!(again["results"].as_array().unwrap().len(), 2);
    }
    assert_eq!(server.state("bert@b.example"), "held");
    assert_eq!(server.remembered(), 2);
}

#[test]
fn what_is_wrong_with_an_event_is_said_with_its_number_and_the_others_are_taken() {
    let server = Server::new("");
    let body = format!(
        r#"[{{"kind":"failed"}},{ANNA},{{"kind":"failed","recipient":"a@b.example","status":"9.9"}}]"#
    );
    let some = server.post("/v1/events", &[], body.as_bytes());
    let json = some.json();
    assert_eq!((some.status, &json["results"][0]["index"]), (200, &1.into()), "{}", some.body);
    assert_eq!((&json["problems"][1]["index"], &json["problems"][1]["path"]), (&2.into(), &"/status".into()));
    assert_eq!(json["problems_in_all"], 2);
    let none = server.post("/v1/events", &[], br#"{"kind":"failed"}"#);
    assert_eq!((none.status, &none.json()["problems"][0]["index"]), (422, &0.into()), "{}", none.body);
    assert_eq!(server.post("/v1/events", &[], b"hello").status, 400);
    let many = format!("[{}]", vec![ANNA; 20_001].join(","));
    assert_eq!(server.post("/v1/events", &[], many.as_bytes()).status, 413);
    assert_eq!(server.remembered(), 1);
}

#[test]
fn events_are_for_the_list_that_is_named() {
    let server = Server::new("tenant = \"shop\"\n");
    let leaves = r#"{"kind":"unsubscribe","recipient":"carl@b.example"}"#;
    assert_eq!(server.post("/v1/events?tenant=shop&list=news", &[], leaves.as_bytes()).status, 200);
    let check = |list: &str| {
        run(server.folder(), ["check", "carl@b.example", "--tenant", "shop", "--list", list]).status
    };
    assert_eq!((check("news"), check("other")), (1, 0));
}

#[test]
fn as_long_as_the_database_takes_nothing_nothing_is_acknowledged() {
    let server = Server::new("[intake.webhook.pm]\nservice = \"postmark\"\nuser = \"u\"\npassword = \"p\"\n");
    let blocker = rusqlite::Connection::open(server.path("abprall.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = server.post("/v1/events", &[], ANNA.as_bytes());
    assert_eq!(refused.status, 503, "{}", refused.body);
    let bounce = br#"{"RecordType":"Bounce","ID":1,"Type":"HardBounce","Details":"smtp;550 5.1.1 no","Email":"bert@b.example","BouncedAt":"2016-04-27T16:28:50Z"}"#;
    let basic = [("Authorization", "Basic dTpw")];
    assert_eq!(server.post("/hooks/pm", &basic, bounce).status, 503);
    blocker.execute_batch("ROLLBACK").unwrap();
    drop(blocker);
    assert_eq!(server.remembered(), 0);
    assert_eq!(server.post("/v1/events", &[], ANNA.as_bytes()).json()["results"][0]["new"], true);
    assert_eq!(server.post("/hooks/pm", &basic, bounce).json()["new"], 1);
}
