use std::fs;

use crate::house::House;

#[test]
fn a_file_gets_a_line_an_event_and_may_be_moved_away_at_any_time() {
    let house = House::new(
        "[sync.log]\nkind = \"file\"\npath = \"events.csv\"\nformat = \"csv\"\n[sync.json]\nkind = \"file\"\npath = \"events.ndjson\"\ndomains = \"addresses\"\n",
    );
    house.stop(&["a@x.example"], &["--list", "news"]);
    house.stop(&["x.example"], &[]);
    house.tell_all();
    let path = house.path().join("events.csv");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0],
        "address,domain,state,scope,reason,since,until,tenant,list,decision,outcome,rule,decided_at"
    );
    assert!(lines[1].starts_with("a@x.example,x.example,suppressed,"), "{}", lines[1]);
    assert!(lines[2].starts_with(",x.example,suppressed,domain,user_unknown,"), "{}", lines[2]);
    // By addresses: the domain's decision is told of the one that is known.
    let text = fs::read_to_string(house.path().join("events.ndjson")).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["address"].as_str().unwrap(), event["decision"]["id"].as_i64().unwrap()))
        .collect();
    assert_eq!(told, [("a@x.example", 1), ("a@x.example", 2)]);
    // Moved away, and what a crash left behind in the new one.
    fs::rename(&path, house.path().join("events.csv.1")).unwrap();
    fs::write(&path, "address,domain\nhalf a li").unwrap();
    house.stop(&["b@x.example"], &[]);
    house.tell_all();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("address,domain\nb@x.example,x.example,"), "{text}");
    assert_eq!(fs::read_to_string(house.path().join("events.csv.1")).unwrap().lines().count(), 3);
}
