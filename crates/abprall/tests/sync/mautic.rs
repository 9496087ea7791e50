use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use crate::house::House;
use crate::server::{Asked, Server};

/// Contacts: their address, and who does not want them to be contacted.
type Contacts = Vec<(i64, &'static str, Option<(i64, String)>)>;

fn contact((id, email, mark): &(i64, &'static str, Option<(i64, String)>)) -> Value {
    let marks: Vec<_> = mark
        .iter()
        .map(|(reason, comments)| json!({"id": 9, "reason": reason, "comments": comments, "channel": "email", "channelId": null}))
        .collect();
    json!({"id": id, "fields": {"core": {"email": {"value": email}}, "all": {"id": id, "email": email}}, "doNotContact": marks})
}

fn answer(contacts: &mut Contacts, asked: &Asked) -> (u16, String) {
    // abprall:secret
    assert_eq!(asked.headers["authorization"], "Basic YWJwcmFsbDpzZWNyZXQ=");
    let line = asked.line.as_str();
    let all = line == "GET /api/contacts?orderBy=id&orderByDir=asc&limit=100&start=0";
    if let Some(email) = line.strip_prefix("GET /api/contacts?limit=10&search=email%3A").or(all.then_some(""))
    {
        let email = email.replace("%40", "@");
        let found: Vec<_> = contacts.iter().filter(|one| one.1.contains(&email)).collect();
        let shown = if found.is_empty() {
            json!([])
        } else {
            Value::Object(found.iter().map(|one| (one.0.to_string(), contact(one))).collect())
        };
        return (200, json!({"total": found.len().to_string(), "contacts": shown}).to_string());
    }
    let rest = line.strip_prefix("POST /api/contacts/").unwrap();
    let (id, action) = rest.split_once("/dnc/email/").unwrap();
    let one = contacts.iter_mut().find(|one| one.0.to_string() == id).unwrap();
    match action {
        "add" => {
            assert_eq!(asked.json()["reason"], 2);
            one.2 = Some((2, asked.json()["comments"].as_str().unwrap().to_owned()));
        }
        "remove" => one.2 = None,
        other => panic!("{other}"),
    }
    (200, json!({"contact": contact(one)}).to_string())
}

#[test]
fn mautic_gets_do_not_contact_with_our_comment_and_loses_only_that() {
    let own: Contacts = vec![
        (7, "a@x.example", None),
        (8, "aa@x.example", None),
        (9, "left@x.example", Some((1, "unsubscribed by link".to_owned()))),
    ];
    let contacts = Arc::new(Mutex::new(own.clone()));
    let at_work = Arc::clone(&contacts);
    let server = Server::start(move |asked| answer(&mut at_work.lock().unwrap(), asked));
    let house = House::new(&format!(
        "[sync.mautic]\nkind = \"mautic\"\nurl = \"{}\"\nallow_network = [\"127.0.0.1/32\"]\nuser = \"abprall\"\npassword = \"secret\"\n",
        server.url("")
    ));
    house.stop(&["a@x.example", "left@x.example", "stranger@x.example"], &[]);
    assert_eq!(house.tell_all(), 3);
    let marked = Some((2, "abprall: user_unknown, decision 1".to_owned()));
    assert_eq!(*contacts.lock().unwrap(), vec![(7, "a@x.example", marked), own[1].clone(), own[2].clone()]);
    assert_eq!(house.reconcile("mautic", &[]), (0, vec![]));
    house.lift(&["a@x.example", "left@x.example"]);
    assert_eq!(house.tell_all(), 2);
    assert_eq!(*contacts.lock().unwrap(), own);
    house.stop(&["aa@x.example"], &[]);
    assert_eq!(house.reconcile("mautic", &["--mend"]), (0, vec!["aa@x.example suppressed/ok".to_owned()]));
    assert!(contacts.lock().unwrap()[1].2.is_some());
}
