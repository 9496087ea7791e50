use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use crate::house::House;
use crate::server::{Asked, Server};

/// What listmonk knows, and does with it.
#[derive(Default)]
struct Listmonk {
    subscribers: Vec<Value>,
    /// Some versions do so.
    subscribes_again: bool,
}

impl Listmonk {
    fn subscriber(id: i64, email: &str, status: &str, attribs: &Value) -> Value {
        json!({
            "id": id, "uuid": format!("u{id}"), "email": email, "name": "A \"name\"", "status": status, "attribs": attribs,
            "lists": [
                {"id": 3, "name": "News", "subscription_status": "confirmed"},
                {"id": 4, "name": "Club", "subscription_status": "unconfirmed"},
                {"id": 5, "name": "Old", "subscription_status": "unsubscribed"},
            ],
        })
    }

    fn answer(&mut self, asked: &Asked) -> (u16, String) {
        assert_eq!(asked.headers["authorization"], "token abprall:t0ken");
        let line = asked.line.as_str();
        if let Some(query) = line.strip_prefix("GET /api/subscribers?per_page=2&query=") {
            let quoted =
                query.strip_prefix("subscribers.email%20%3D%20%27").unwrap().strip_suffix("%27").unwrap();
            let email = quoted.replace("%40", "@").replace("%27%27", "'");
            let found: Vec<_> = self.subscribers.iter().filter(|one| one["email"] == email).collect();
            return page(&json!(found));
        }
        if line == "GET /api/subscribers?order_by=id&order=asc&per_page=100&page=1" {
            return page(&json!(self.subscribers));
        }
        if line == "PUT /api/subscribers/lists" {
            let body = asked.json();
            let status = match body["action"].as_str().unwrap() {
                "add" => body["status"].clone(),
                "unsubscribe" => json!("unsubscribed"),
                other => panic!("{other}"),
            };
            for one in self.subscribers.iter_mut().filter(|one| one["id"] == body["ids"][0]) {
                for list in one["lists"].as_array_mut().unwrap() {
                    if body["target_list_ids"].as_array().unwrap().contains(&list["id"]) {
                        list["subscription_status"] = status.clone();
                    }
                }
            }
            return (200, json!({"data": true}).to_string());
        }
        let id: i64 = line.strip_prefix("PUT /api/subscribers/").unwrap().parse().unwrap();
        let body = asked.json();
        assert_eq!(asked.headers["content-type"], "application/json");
        assert_eq!(body["lists"], json!([3, 4, 5]), "who is not named in it loses its lists");
        assert_eq!(body["name"], "A \"name\"");
        let one = self.subscribers.iter_mut().find(|one| one["id"] == id).unwrap();
        assert_eq!(body["email"], one["email"]);
        one["status"] = body["status"].clone();
        one["attribs"] = body["attribs"].clone();
        // As listmonk does it: whoever is blocklisted is unsubscribed from all lists, and enabling does not bring that back.
        if body["status"] == "blocklisted" {
            for list in one["lists"].as_array_mut().unwrap() {
                list["subscription_status"] = json!("unsubscribed");
            }
        } else if self.subscribes_again {
            for list in one["lists"].as_array_mut().unwrap() {
                if list["subscription_status"] == "unsubscribed" {
                    list["subscription_status"] = json!("unconfirmed");
                }
            }
        }
        (200, json!({"data": one}).to_string())
    }
}

fn page(results: &Value) -> (u16, String) {
    (
        200,
        json!({"data": {"results": results, "query": "", "total": 1, "per_page": 2, "page": 1}}).to_string(),
    )
}

#[test]
fn listmonk_blocklists_and_takes_back_with_all_subscriptions_and_leaves_others_alone() {
    let lists = Arc::new(Mutex::new(Listmonk::default()));
    let before = [
        Listmonk::subscriber(1, "a@x.example", "enabled", &json!({"city": "Bonn"})),
        Listmonk::subscriber(2, "o'hara@x.example", "enabled", &json!({})),
        Listmonk::subscriber(3, "theirs@x.example", "blocklisted", &json!({})),
        Listmonk::subscriber(4, "free@x.example", "enabled", &json!({})),
    ];
    lists.lock().unwrap().subscribers = before.to_vec();
    let at_work = Arc::clone(&lists);
    let server = Server::start(move |asked| at_work.lock().unwrap().answer(asked));
    let house = House::new(&format!(
        "[sync.monk]\nkind = \"listmonk\"\nurl = \"{}\"\nallow_network = [\"127.0.0.1/32\"]\nuser = \"abprall\"\ntoken = \"t0ken\"\n",
        server.url("/")
    ));
    house.stop(&["a@x.example", "o'hara@x.example", "theirs@x.example", "stranger@x.example"], &[]);
    // A tenant's affair, which this list knows nothing of.
    house.stop(&["free@x.example"], &["--tenant", "other"]);
    assert_eq!(house.tell_all(), 4);
    {
        let lists = lists.lock().unwrap();
        assert_eq!(lists.subscribers[0]["status"], "blocklisted");
        let mark = json!({"decision": 1, "reason": "user_unknown", "status": "enabled", "confirmed": [3], "unconfirmed": [4]});
        assert_eq!(lists.subscribers[0]["attribs"], json!({"city": "Bonn", "abprall": mark}));
        assert_eq!(lists.subscribers[1]["status"], "blocklisted");
        assert_eq!(lists.subscribers[2..], before[2..]);
    }
    assert_eq!(house.reconcile("monk", &[]), (0, vec![]));
    // Told twice, as after a crash, it changes nothing.
    house.run(&["sync", "forget", "monk"]);
    house.tell_all();
    house.lift(&["a@x.example", "o'hara@x.example", "theirs@x.example"]);
    assert_eq!(house.tell_all(), 3);
    assert_eq!(lists.lock().unwrap().subscribers, before, "all of it is as it was");

    // Of a version that subscribes again whom it enables, nobody gets mail who had left a list.
    lists.lock().unwrap().subscribes_again = true;
    house.stop(&["a@x.example"], &[]);
    house.tell_all();
    house.lift(&["a@x.example"]);
    house.tell_all();
    assert_eq!(lists.lock().unwrap().subscribers, before);

    // Somebody meddles with the list.
    house.stop(&["a@x.example"], &[]);
    house.tell_all();
    lists.lock().unwrap().subscribers[0]["status"] = json!("enabled");
    lists.lock().unwrap().subscribers[3]["status"] = json!("blocklisted");
    lists.lock().unwrap().subscribers[3]["attribs"] = json!({"abprall": {"status": "enabled"}});
    let drift = vec!["a@x.example suppressed/ok".to_owned(), "free@x.example ok/stopped".to_owned()];
    assert_eq!(house.reconcile("monk", &[]), (1, drift.clone()));
    assert_eq!(house.reconcile("monk", &["--mend"]), (0, drift));
    assert_eq!(house.reconcile("monk", &[]), (0, vec![]));
    assert_eq!(lists.lock().unwrap().subscribers[0]["status"], "blocklisted");
    assert_eq!(lists.lock().unwrap().subscribers[3]["status"], "enabled");
}
