//! Database servers, each started once for all tests of this file.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use mysql::prelude::Queryable;

/// A MariaDB on a socket of its own, which ends with the tests. `None` where none is installed.
pub(crate) fn mariadb() -> Option<&'static str> {
    static PLACE: OnceLock<Option<String>> = OnceLock::new();
    PLACE.get_or_init(start_mariadb).as_deref()
}

fn start_mariadb() -> Option<String> {
    let program =
        ["/usr/sbin/mariadbd", "/usr/sbin/mysqld"].into_iter().find(|path| PathBuf::from(path).exists());
    let Some(program) = program else {
        eprintln!("no MariaDB is installed (Debian: mariadb-server): not tried");
        return None;
    };
    // It has to stay as long as the tests, and a static is never dropped: the server takes the folder along when its input ends.
    let folder = tempfile::tempdir().unwrap().keep();
    let place = folder.display();
    let script = format!(
        "mariadb-install-db --no-defaults --user=\"$(id -un)\" --datadir={place}/data --auth-root-authentication-method=normal >/dev/null 2>&1 || exit 3
         {program} --no-defaults --user=\"$(id -un)\" --datadir={place}/data --socket={place}/s --skip-networking --pid-file={place}/pid \
             --innodb-buffer-pool-size=16M --log-error={place}/log >/dev/null 2>&1 &
         server=$!; cat >/dev/null; kill -9 $server; rm -rf {place}"
    );
    let child = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
    // Its input ends with this process.
    std::mem::forget(child);
    let url = format!("mysql://root@localhost/?socket={}", format!("{place}/s").replace('/', "%2F"));
    let mut connection = None;
    crate::house::until("MariaDB answers", || {
        connection = mysql::Conn::new(mysql::Opts::from_url(&url).unwrap()).ok();
        connection.is_some()
    });
    let mut connection = connection.unwrap();
    connection.query_drop("CREATE DATABASE lists").unwrap();
    Some(format!("mysql://root@localhost/lists?socket={}", format!("{place}/s").replace('/', "%2F")))
}

/// The PostgreSQL that the tests of the store use, with a schema of our own. `None` where none is named.
pub(crate) fn postgres(schema: &str) -> Option<String> {
    let Ok(place) = std::env::var("ABPRALL_TEST_POSTGRES") else {
        eprintln!("ABPRALL_TEST_POSTGRES names no PostgreSQL: not tried");
        return None;
    };
    let schema = format!("sync_{schema}_{}", std::process::id());
    let mut client = postgres::Client::connect(&place, postgres::NoTls).unwrap();
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).unwrap();
    Some(format!("{place} options='-c search_path={schema}'"))
}
