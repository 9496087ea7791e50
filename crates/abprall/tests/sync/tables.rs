use mysql::prelude::Queryable;

use crate::databases::{mariadb, postgres};
use crate::house::House;

/// One table that has members, with what we write into it.
const TABLE: &str = "CREATE TABLE member (email varchar(200) PRIMARY KEY, active int NOT NULL, why varchar(200), since varchar(40), decision bigint)";
const MEMBERS: &str = "INSERT INTO member (email, active) VALUES ('a@x.example', 1), ('o''hara@x.example', 1), ('b@y.example', 1), ('left@x.example', 0)";

fn settings(url: &str, since: &str) -> String {
    format!(
        r#"[sync.table]
kind = "sql"
url = "{url}"
stop = "UPDATE member SET active = 0, why = :reason, since = {since}, decision = :decision WHERE email = :email AND active = 1"
release = "UPDATE member SET active = 1, why = NULL, since = NULL WHERE email = :email AND why IS NOT NULL"
verify = "SELECT email, CASE WHEN active = 1 THEN 0 WHEN why IS NULL THEN 2 ELSE 1 END FROM member"
retry_min = "1ms"
"#
    )
}

/// What the table holds: the address, whether it is active, why it is not.
type Rows = Vec<(String, i32, Option<String>)>;

fn facts(settings: &str, rows: &mut dyn FnMut() -> Rows, meddle: &mut dyn FnMut(&str)) {
    let house = House::new(settings);
    // A quotation mark is a value like others.
    house.stop(&["a@x.example", "o'hara@x.example", "left@x.example", "stranger@x.example"], &[]);
    assert_eq!(house.tell_all(), 4);
    let why = || Some("user_unknown".to_owned());
    let row = |email: &str, active, why| (email.to_owned(), active, why);
    let stopped = vec![
        row("a@x.example", 0, why()),
        row("b@y.example", 1, None),
        row("left@x.example", 0, None),
        row("o'hara@x.example", 0, why()),
    ];
    assert_eq!(rows(), stopped);
    assert_eq!(house.reconcile("table", &[]), (0, vec![]));
    // The address that is known of the domain goes with it; who left by itself is not brought back.
    house.stop(&["b@y.example"], &["--hold"]);
    house.stop(&["y.example"], &[]);
    house.lift(&["a@x.example", "o'hara@x.example", "left@x.example", "b@y.example"]);
    house.tell_all();
    let domain = vec![
        row("a@x.example", 1, None),
        row("b@y.example", 0, why()),
        row("left@x.example", 0, None),
        row("o'hara@x.example", 1, None),
    ];
    assert_eq!(rows(), domain);
    house.lift(&["y.example"]);
    house.tell_all();
    assert_eq!(rows()[1], row("b@y.example", 1, None));
    // Drift in both directions.
    house.stop(&["a@x.example"], &[]);
    house.tell_all();
    meddle("UPDATE member SET active = 1 - active, why = 'x' WHERE email IN ('a@x.example', 'b@y.example')");
    let drift = vec!["a@x.example suppressed/ok".to_owned(), "b@y.example ok/stopped".to_owned()];
    assert_eq!(house.reconcile("table", &[]), (1, drift.clone()));
    assert_eq!(house.reconcile("table", &["--mend"]), (0, drift));
    assert_eq!(house.reconcile("table", &[]), (0, vec![]));
    // One that the table refuses holds up nobody.
    let long = format!("{}@{}.example", "l".repeat(64), "d".repeat(60));
    meddle(&format!("INSERT INTO member (email, active) VALUES ('{long}', 1)"));
    house.configure(&settings.replace(
        "why = :reason",
        "why = concat(:reason, CASE WHEN email LIKE 'lll%' THEN repeat('x', 300) ELSE '' END)",
    ));
    house.stop(&[long.as_str(), "b@y.example"], &[]);
    let told = house.tell().remove(0);
    assert_eq!((&told["told"], &told["error"]), (&serde_json::json!(1), &serde_json::Value::Null), "{told}");
    assert!(rows().contains(&row("b@y.example", 0, why())));
    house.configure(&settings.replace("UPDATE member SET active = 0", "UPDATE nobody SET active = 0"));
    house.stop(&["z@x.example"], &[]);
    assert_eq!(house.tell().remove(0)["told"], 0);
}

#[test]
fn any_table_of_postgresql_is_told() {
    let Some(place) = postgres("table") else { return };
    let mut client = ::postgres::Client::connect(&place, ::postgres::NoTls).unwrap();
    client.batch_execute(&format!("{TABLE}; {MEMBERS}")).unwrap();
    let other = std::cell::RefCell::new(::postgres::Client::connect(&place, ::postgres::NoTls).unwrap());
    facts(
        &settings(&place, ":since::timestamptz::text"),
        &mut || {
            let rows = other.borrow_mut().query("SELECT email, active, why FROM member WHERE email NOT LIKE 'lll%' ORDER BY email COLLATE \"C\"", &[]);
            rows.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
        },
        &mut |sql| client.batch_execute(sql).unwrap(),
    );
}

#[test]
fn any_table_of_mariadb_is_told() {
    let Some(place) = mariadb() else { return };
    let mut connection = mysql::Conn::new(mysql::Opts::from_url(place).unwrap()).unwrap();
    connection.query_drop(TABLE).unwrap();
    connection.query_drop(MEMBERS).unwrap();
    let other = std::cell::RefCell::new(mysql::Conn::new(mysql::Opts::from_url(place).unwrap()).unwrap());
    facts(
        &settings(place, "cast(:since AS datetime)"),
        &mut || {
            other
                .borrow_mut()
                .query("SELECT email, active, why FROM member WHERE email NOT LIKE 'lll%' ORDER BY email")
                .unwrap()
        },
        &mut |sql| connection.query_drop(sql).unwrap(),
    );
}

#[test]
fn any_table_of_sqlite_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lists.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    // SQLite knows no lengths: the table says it itself. It has no `repeat` either.
    connection
        .execute_batch(&format!(
            "{}; {MEMBERS}",
            TABLE.replace("why varchar(200)", "why text CHECK (length(why) < 200)")
        ))
        .unwrap();
    let settings = settings(&format!("sqlite:{}", path.display()), ":since");
    let house = House::new(&settings);
    house.stop(&["o'hara@x.example"], &["--until", "2999-01-01"]);
    assert_eq!(house.tell_all(), 1);
    let read = || -> (i64, Option<String>, i64) {
        let sql = "SELECT active, why, decision FROM member WHERE email = 'o''hara@x.example'";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    assert_eq!(read(), (0, Some("user_unknown".to_owned()), 1));
    house.lift(&["o'hara@x.example"]);
    assert_eq!(house.tell_all(), 1);
    assert_eq!(read().0, 1);
    assert_eq!(house.reconcile("table", &[]), (0, vec![]));
    // A list of the stopped: who is missing in it is sent to.
    connection.execute_batch("CREATE TABLE stopped (email text PRIMARY KEY)").unwrap();
    house.configure(&format!(
        "[sync.stopped]\nkind = \"sql\"\nurl = \"sqlite:{}\"\nstop = \"INSERT INTO stopped (email) VALUES (:email) ON CONFLICT DO NOTHING\"\n\
         release = [\"DELETE FROM stopped WHERE email = :email\"]\nverify = \"SELECT email FROM stopped\"\ntable = \"stops\"\nstart = \"now\"\n",
        path.display()
    ));
    house.tell_all();
    house.stop(&["a@x.example", "b@x.example"], &[]);
    house.tell_all();
    connection
        .execute_batch(
            "DELETE FROM stopped WHERE email LIKE 'a@%'; INSERT INTO stopped VALUES ('z@x.example')",
        )
        .unwrap();
    let drift = vec!["a@x.example suppressed/ok".to_owned(), "z@x.example ok/stopped".to_owned()];
    assert_eq!(house.reconcile("stopped", &["--mend"]), (0, drift));
    assert_eq!(house.reconcile("stopped", &[]), (0, vec![]));
}

/// Subscribers with their flag, the blacklist, and the reasons.
type Phplist = (Vec<(String, i32)>, Vec<String>, Vec<(String, String)>);

#[test]
fn phplist_blacklists_as_it_does_itself_and_takes_only_that_back() {
    let Some(place) = mariadb() else { return };
    let mut connection = mysql::Conn::new(mysql::Opts::from_url(place).unwrap()).unwrap();
    for sql in [
        "CREATE TABLE phplist_user_user (id integer PRIMARY KEY AUTO_INCREMENT, email varchar(255) NOT NULL UNIQUE, blacklisted tinyint DEFAULT 0)",
        "CREATE TABLE phplist_user_blacklist (email varchar(255) NOT NULL UNIQUE, added datetime)",
        "CREATE TABLE phplist_user_blacklist_data (email varchar(150) NOT NULL UNIQUE, name varchar(25) NOT NULL, data text)",
        "INSERT INTO phplist_user_user (email, blacklisted) VALUES ('a@x.example', 0), ('left@x.example', 1)",
        "INSERT INTO phplist_user_blacklist VALUES ('left@x.example', now())",
        "INSERT INTO phplist_user_blacklist_data VALUES ('left@x.example', 'reason', 'by herself')",
    ] {
        connection.query_drop(sql).unwrap();
    }
    let mut rows = || -> Phplist {
        (
            connection.query("SELECT email, blacklisted FROM phplist_user_user ORDER BY email").unwrap(),
            connection.query("SELECT email FROM phplist_user_blacklist ORDER BY email").unwrap(),
            connection.query("SELECT email, data FROM phplist_user_blacklist_data ORDER BY email").unwrap(),
        )
    };
    let before = rows();
    let house = House::new(&format!("[sync.php]\nkind = \"phplist\"\nurl = \"{place}\"\n"));
    house.stop(&["a@x.example", "left@x.example", "stranger@x.example"], &[]);
    assert_eq!(house.tell_all(), 3);
    let (users, listed, data) = rows();
    assert_eq!(users, [("a@x.example".to_owned(), 1), ("left@x.example".to_owned(), 1)]);
    assert_eq!(listed, ["a@x.example", "left@x.example", "stranger@x.example"]);
    assert_eq!(data[0], ("a@x.example".to_owned(), "abprall: user_unknown".to_owned()));
    assert_eq!(data[1].1, "by herself");
    assert_eq!(house.reconcile("php", &[]), (0, vec![]));
    house.lift(&["a@x.example", "left@x.example", "stranger@x.example"]);
    assert_eq!(house.tell_all(), 3);
    assert_eq!(rows(), before);
}
