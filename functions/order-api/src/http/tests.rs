mod bad_input;
mod calls;
mod document;
mod edges;
mod fuzz;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::testing::on_sale;
use boxoffice_domain::testing::World;

/// An answer as a client sees it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Checks that this is a well-formed problem of this status, and gives its fields.
    #[track_caller]
    fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        problem
    }

    /// The fields that a 422 names.
    #[track_caller]
    fn invalid_fields(&self) -> Vec<String> {
        let problem = self.problem(422);
        let errors = problem["errors"].as_array().expect("errors");
        errors.iter().map(|each| each["field"].as_str().unwrap().to_owned()).collect()
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), 10 * 1024 * 1024).await.unwrap();
    Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, body: impl Into<Body>) -> Answer {
    post_with(router, path, body, &[]).await
}

async fn post_with(router: &Router, path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(body.into()).unwrap()).await
}

/// Fakes with a ticket on sale, and the API on them.
fn api() -> (World, Router) {
    let (world, service) = on_sale();
    (world, router(service, RouterSettings::default()))
}

fn limited(limits: HttpLimits) -> RouterSettings {
    RouterSettings { limits, ..RouterSettings::default() }
}

/// The body of an order that is accepted.
const GOOD: &str = r#"{"userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2}"#;

/// Percent-encodes every byte.
fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    })
}
