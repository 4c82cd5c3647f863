//! A gateway on 127.0.0.1 that records what it is sent and answers as its path says.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One request as it arrived.
#[derive(Debug)]
pub struct Arrived {
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Arrived {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub struct Gateway {
    address: std::net::SocketAddr,
    arrived: UnboundedReceiver<Arrived>,
}

#[derive(Clone)]
struct Shared {
    arrived: UnboundedSender<Arrived>,
    /// Requests to `/busy-twice` so far.
    busy: Arc<AtomicU32>,
}

impl Gateway {
    pub async fn start() -> Self {
        let (sender, arrived) = unbounded_channel();
        let shared = Shared { arrived: sender, busy: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, arrived }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request; waits for it.
    pub async fn next(&mut self) -> Arrived {
        super::support::soon(self.arrived.recv()).await.unwrap()
    }

    /// How many requests arrived that no test has looked at.
    pub fn unread(&self) -> usize {
        self.arrived.len()
    }
}

async fn answer(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    shared.arrived.send(Arrived { headers: headers.collect(), body: body.to_vec() }).unwrap();
    match uri.path() {
        "/ok" => StatusCode::ACCEPTED.into_response(),
        "/redirect" => (StatusCode::TEMPORARY_REDIRECT, [("location", "/ok")]).into_response(),
        "/wait-7" => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "slow down").into_response(),
        "/wait-until" => {
            let until = [("retry-after", "Sun, 22 Nov 2026 10:16:30 GMT")];
            (StatusCode::SERVICE_UNAVAILABLE, until).into_response()
        }
        "/long" => (StatusCode::BAD_REQUEST, "x".repeat(5_000_000)).into_response(),
        "/echo" => {
            let said = format!("cannot reach\r\n{}", String::from_utf8_lossy(&body));
            (StatusCode::UNPROCESSABLE_ENTITY, said).into_response()
        }
        "/busy-twice" if shared.busy.fetch_add(1, Ordering::SeqCst) < 2 => {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        "/busy-twice" => StatusCode::OK.into_response(),
        "/never" => std::future::pending().await,
        status => status.trim_start_matches('/').parse::<StatusCode>().unwrap().into_response(),
    }
}
