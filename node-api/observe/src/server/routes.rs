//! What is answered at which path. Nothing here has an effect but to ask for a look.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State, ws::WebSocketUpgrade},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::{application::Application, page, socket::Sockets};
use crate::looks::{Look, Looks, Overdue};

const JSON: &str = "application/json";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the routes have in common.
struct Shared {
    looks: Arc<Looks>,
    sockets: Sockets,
    application: Application,
}

pub(super) fn of(looks: Arc<Looks>, application: Application) -> Router {
    let shared = Shared {
        sockets: Sockets::of(Arc::clone(&looks)),
        looks,
        application,
    };
    Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/stats", get(stats))
        .route("/api/{source}", get(state))
        .route("/ws", get(socket))
        .fallback(get(file))
        .with_state(Arc::new(shared))
}

impl Shared {
    async fn look(&self) -> Result<Arc<Look>, Overdue> {
        self.looks.fresh(&mut self.looks.latest()).await
    }
}

impl IntoResponse for Overdue {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.to_string() });
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(CONTENT_TYPE, JSON)],
            body.to_string(),
        )
            .into_response()
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Overdue> {
    let look = shared.look().await?;
    Ok(([(CONTENT_TYPE, METRICS)], look.metrics.clone()).into_response())
}

async fn stats(State(shared): State<Arc<Shared>>) -> Result<Response, Overdue> {
    let look = shared.look().await?;
    Ok(([(CONTENT_TYPE, JSON)], look.stats.clone()).into_response())
}

async fn state(
    State(shared): State<Arc<Shared>>,
    Path(source): Path<String>,
) -> Result<Response, Overdue> {
    let look = shared.look().await?;
    // No source's name has a `-`; whoever writes an address likes one.
    let (status, state) = match look.states.get(&source.replace('-', "_")) {
        Some(Ok(state)) => (StatusCode::OK, state.clone()),
        Some(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.clone()),
        None => {
            let names: Vec<_> = look.states.keys().map(String::as_str).collect();
            let error = format!("there is no such source; there are: {}", names.join(", "));
            let error = json!({ "error": error }).to_string();
            (StatusCode::NOT_FOUND, error.into())
        }
    };
    Ok((status, [(CONTENT_TYPE, JSON)], state).into_response())
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let not_ready = match shared.look().await {
        Ok(look) => look.not_ready.clone(),
        Err(overdue) => [(overdue.source_name.clone(), overdue.to_string())].into(),
    };
    let status = match not_ready.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({ "ready": not_ready.is_empty(), "why": not_ready });
    (status, [(CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

async fn socket(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    shared.sockets.open(upgrade)
}

async fn file(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let not_found = || {
        let words = "Nothing is here. There are /, /metrics, /livez, /readyz, /api/stats, /api/SOURCE and /ws.\n";
        (StatusCode::NOT_FOUND, words).into_response()
    };
    let path = request.uri().path();
    let file = page::file(path).or_else(|| shared.application.file(path));
    file.unwrap_or_else(not_found)
}
