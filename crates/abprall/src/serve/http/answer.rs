//! Answers that a client need not fetch twice.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

/// JSON with an `ETag`; only that it is the same still, where the client says that it has it (RFC 9110 §13.1.2).
pub(super) fn tagged<T: Serialize>(headers: &HeaderMap, value: &T) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| Problem::database())?;
    let hash = digest(&SHA256, &body);
    let tag: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|tags| tags.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    // Personal data: nobody between us and the client may keep it.
    let cache = (header::CACHE_CONTROL, "private, no-cache");
    if known.any(|known| known == tag || known == "*") {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.as_str()), cache]).into_response());
    }
    let json = (header::CONTENT_TYPE, "application/json");
    Ok((StatusCode::OK, [(header::ETAG, tag.as_str()), cache, json], body).into_response())
}
