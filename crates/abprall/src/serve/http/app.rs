//! What all routes share.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::serve::gate::Gate;
use crate::serve::intake::webhook::Webhooks;
use crate::serve::keeper::Keeper;
use crate::serve::limits::{BODIES_AT_A_TIME, BODY_MAX};

#[derive(Clone)]
pub(super) struct App {
    pub(super) gate: Arc<Gate>,
    pub(super) keeper: Keeper,
    pub(super) hooks: Arc<Webhooks>,
    bodies: Arc<Semaphore>,
    /// Whoever posts from outside takes no place from our own programs.
    hook_bodies: Arc<Semaphore>,
}

impl App {
    pub(super) fn new(gate: Arc<Gate>, keeper: Keeper, hooks: Arc<Webhooks>) -> Self {
        Self {
            gate,
            keeper,
            hooks,
            bodies: Arc::new(Semaphore::new(BODIES_AT_A_TIME)),
            hook_bodies: Arc::new(Semaphore::new(BODIES_AT_A_TIME)),
        }
    }

    /// Reads a body, so many at a time: the others wait unread. The permit is to be held as long as the body.
    pub(super) async fn body(
        &self,
        body: Body,
        bytes_max: usize,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
        read(&self.bodies, body, bytes_max).await
    }

    /// As [`App::body`], of a post to a hook.
    pub(super) async fn hook_body(
        &self,
        body: Body,
        bytes_max: usize,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
        read(&self.hook_bodies, body, bytes_max).await
    }
}

async fn read(
    places: &Arc<Semaphore>,
    body: Body,
    bytes_max: usize,
) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let permit = Arc::clone(places).acquire_owned().await.map_err(|_| Problem::database())?;
    match tokio::time::timeout(BODY_MAX, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok((bytes, permit)),
        Ok(Err(_)) => {
            let text = format!("The body has to be complete and at most {bytes_max} bytes.");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The body took too long.")),
    }
}
