use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use sha2::{Digest as _, Sha256};

use crate::operator::{Command, Operations, OperatorError};

/// The largest command accepted, in bytes: a message of 4 MB as base64, with room to spare.
const MAX_COMMAND_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
struct Admin {
    operations: Arc<Operations>,
    token_hash: [u8; 32],
}

/// `POST /admin/commands`: a [`Command`] in, an answer or an [`OperatorError`] out, for who shows the token.
pub fn router(operations: Arc<Operations>, token: &str) -> Router {
    let state = Admin { operations, token_hash: Sha256::digest(token).into() };
    Router::new()
        .route("/admin/commands", post(run))
        .layer(DefaultBodyLimit::max(MAX_COMMAND_BYTES))
        .with_state(state)
}

async fn run(
    State(admin): State<Admin>,
    headers: HeaderMap,
    command: Result<Json<Command>, JsonRejection>,
) -> Response {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    // Hashes are compared, so that the duration reveals nothing about the token.
    if shown.is_none_or(|token| <[u8; 32]>::from(Sha256::digest(token)) != admin.token_hash) {
        let error = OperatorError::Invalid("the admin token is missing or wrong".to_owned());
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let Json(command) = match command {
        Ok(command) => command,
        Err(rejection) => {
            let error = OperatorError::Invalid(rejection.body_text());
            return (StatusCode::BAD_REQUEST, Json(error)).into_response();
        }
    };
    match admin.operations.run(command).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let status = match error {
                OperatorError::NotFound(_) => StatusCode::NOT_FOUND,
                OperatorError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                OperatorError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(error)).into_response()
        }
    }
}
