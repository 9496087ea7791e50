//! The routes for programs.

mod app;
mod bounces;
mod check;
mod events;
mod problem;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::gate::Gate;
use super::intake::webhook::Webhooks;
use super::keeper::Keeper;
use super::limits::DRAIN;
use super::listen::{Connection, Socket};
use super::stop::Stop;
use app::App;
use problem::Problem;

pub(super) fn router(gate: Arc<Gate>, keeper: Keeper, hooks: Arc<Webhooks>) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/v1/check/{address}", get(check::check))
        .route("/v1/check", post(check::check_many))
        .route("/v1/bounces", post(bounces::bounces))
        .route("/v1/events", post(events::events))
        .route("/hooks/{name}", get(webhooks::is_there).post(webhooks::take))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "There is no such resource.") })
        .with_state(App::new(gate, keeper, hooks))
}

/// Answers at a socket until the server is to end.
pub(super) async fn serve(socket: Socket, router: Router, mut stop: Stop) -> anyhow::Result<()> {
    let mut connections = tokio::task::JoinSet::new();
    while let Some(connection) = socket.accept(&mut stop).await {
        while connections.try_join_next().is_some() {}
        connections.spawn(one(connection, router.clone(), stop.clone()));
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
    Ok(())
}

async fn one(connection: Connection, router: Router, mut stop: Stop) {
    let service = hyper_util::service::TowerToHyperService::new(router);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(hyper_util::rt::TokioTimer::new());
    let Connection { stream, .. } = &connection;
    let _ = stream;
    let io = hyper_util::rt::TokioIo::new(connection.stream);
    let talk = http.serve_connection(io, service);
    tokio::pin!(talk);
    tokio::select! {
        _ = talk.as_mut() => return,
        () = stop.wanted() => talk.as_mut().graceful_shutdown(),
    }
    // A client that breaks off is nobody's concern.
    let _ = talk.await;
}
