use std::time::Duration;

use super::{PostgresPlace, Session, migrate};
use crate::StoreError;
use crate::limits::{CONNECT_WAIT, KEEPALIVE};

/// `xid8` and `pg_xact_status` of it came with 13.
const VERSION_MIN: i64 = 130_000;

impl Session {
    /// Opens the database that a connection string names, brings it to the newest schema.
    pub(crate) fn open(place: &str) -> Result<Self, StoreError> {
        let (session, shown) = connect(place)?;
        migrate::migrate(&session, &shown)?;
        Ok(session)
    }

    /// As [`Session::open`], where there is something already.
    pub(crate) fn open_existing(place: &str) -> Result<Self, StoreError> {
        let (session, shown) = connect(place)?;
        if !migrate::is_ours(&session)? {
            return Err(StoreError::Missing { path: shown.into() });
        }
        migrate::migrate(&session, &shown)?;
        Ok(session)
    }
}

pub(super) fn connect(place: &str) -> Result<(Session, String), StoreError> {
    let mut place = PostgresPlace::parse(place)
        .map_err(|error| StoreError::CannotOpen { path: "postgres".into(), detail: error.to_string() })?;
    let shown = place.shown();
    let cannot_open = |detail: String| StoreError::CannotOpen { path: shown.clone().into(), detail };
    let config = place.config();
    if config.get_application_name().is_none() {
        config.application_name("abprall");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_WAIT);
    }
    config.keepalives_idle(KEEPALIVE);
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(60));
    }
    let session = Session::connect(place).map_err(|error| match error {
        StoreError::ServerGone { detail } | StoreError::Server { message: detail, .. } => cannot_open(detail),
        other => other,
    })?;
    let rows = session.query("SELECT current_setting('server_version_num')::bigint", &[])?;
    let version: i64 = rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    if version < VERSION_MIN {
        return Err(cannot_open("its server is older than PostgreSQL 13".to_owned()));
    }
    Ok((session, shown))
}
