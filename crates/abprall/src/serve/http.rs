//! The routes for programs.
//!
//! - `caller`: who asks, and what that may be. `keys` (beside this module) knows the keys.
//! - `request`, `answer`, `problem`: how requests are read and answers written.
//! - One file for each thing that can be asked for; `openapi` describes all of them.

mod answer;
mod app;
mod audit;
mod bounces;
mod caller;
mod check;
mod condition;
mod decisions;
mod domains;
mod events;
mod flow;
mod hosts;
mod incidents;
mod messages;
mod openapi;
mod pending;
mod problem;
mod recipients;
mod report;
mod request;
mod suppressions;
mod webhooks;
mod why;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::gate::Gate;
use super::intake::webhook::Webhooks;
use super::keeper::Keeper;
use super::limits::{ANSWER_IDLE_MAX, DRAIN};
use super::listen::{Connection, Socket};
use super::stop::Stop;
use app::App;
pub(super) use app::{Desk, Seen, Stores};
use caller::Client;
use flow::Flow;
use problem::Problem;

/// Everything that can be asked for, for one server.
#[derive(Clone)]
pub(super) struct Routes {
    app: App,
    router: Router,
}

pub(super) fn routes(
    gate: Arc<Gate>,
    keeper: Keeper,
    hooks: Arc<Webhooks>,
    desk: Arc<Desk>,
    stop: Stop,
) -> Routes {
    let app = App::new(gate, keeper, hooks, desk, stop);
    let router = Router::new()
        .route("/health", get(condition::health))
        .route("/ready", get(condition::ready))
        .route("/metrics", get(condition::metrics))
        .route("/v1/openapi.json", get(openapi::openapi))
        .route("/v1/check/{address}", get(check::check))
        .route("/v1/check", post(check::check_many))
        .route("/v1/bounces", post(bounces::bounces))
        .route("/v1/events", post(events::events))
        .route("/hooks/{name}", get(webhooks::is_there).post(webhooks::take))
        .route("/v1/suppressions", get(suppressions::list).post(suppressions::add))
        .route("/v1/suppressions/{subject}", get(suppressions::one).delete(suppressions::remove))
        .route("/v1/decisions", get(decisions::stream))
        .route("/v1/decisions/{id}", get(decisions::one))
        .route("/v1/why/{subject}", get(why::why))
        .route("/v1/domains", get(domains::list))
        .route("/v1/domains/{domain}", get(domains::one))
        .route("/v1/hosts", get(hosts::list))
        .route("/v1/hosts/{host}", get(hosts::one))
        .route("/v1/incidents", get(incidents::list))
        .route("/v1/incidents/{id}", get(incidents::one))
        .route("/v1/pending", get(pending::list))
        .route("/v1/pending/{incident}/apply", post(pending::apply))
        .route("/v1/pending/{incident}/drop", post(pending::drop))
        .route("/v1/report", get(report::report))
        .route("/v1/recipients/{address}", get(recipients::export).delete(recipients::erase))
        .route("/v1/messages/{content}", get(messages::message))
        .route("/v1/audit", get(audit::list))
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This can be done otherwise only: see `Allow`.")
        })
        .fallback(|| async { Problem::not_found("There is no such resource.") })
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app.clone());
    Routes { app, router }
}

/// Counts requests by route, never by what stands in a path.
async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", |route| route.as_str());
    app.desk.metrics.request(route, method, response.status().as_u16());
    response
}

/// Answers at a socket until the server is to end.
pub(super) async fn serve(socket: Socket, routes: Routes, mut stop: Stop) -> anyhow::Result<()> {
    let mut connections = tokio::task::JoinSet::new();
    while let Some(connection) = socket.accept(&mut stop).await {
        while connections.try_join_next().is_some() {}
        connections.spawn(one(connection, routes.clone(), stop.clone()));
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
    Ok(())
}

async fn one(connection: Connection, Routes { app, router }: Routes, mut stop: Stop) {
    let router = TowerToHyperService::new(router);
    let client = connection.client;
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        // What is asked most goes past the routes.
        let at_once = check::at_once(&app, &request, client);
        let routed = at_once.is_none().then(|| {
            request.extensions_mut().insert(Client(client));
            router.call(request.map(Body::new))
        });
        async move {
            match (at_once, routed) {
                (Some(response), _) => Ok::<_, Infallible>(response),
                (None, Some(routed)) => routed.await,
                (None, None) => Ok(Response::default()),
            }
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(hyper_util::rt::TokioTimer::new());
    let io = hyper_util::rt::TokioIo::new(Flow::new(connection.stream, ANSWER_IDLE_MAX));
    let talk = http.serve_connection(io, service);
    tokio::pin!(talk);
    tokio::select! {
        _ = talk.as_mut() => return,
        () = stop.wanted() => talk.as_mut().graceful_shutdown(),
    }
    // A client that breaks off is nobody's concern.
    let _ = talk.await;
}
