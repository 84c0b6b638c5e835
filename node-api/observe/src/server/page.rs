//! The page's files, as they are in the crate. No build step, and nothing from elsewhere.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

/// A file by its path, with its type.
struct File(&'static str, &'static str, &'static str);

const FILES: [File; 3] = [
    File(
        "/",
        "text/html; charset=utf-8",
        include_str!("../page/index.html"),
    ),
    File(
        "/page.css",
        "text/css; charset=utf-8",
        include_str!("../page/page.css"),
    ),
    File(
        "/page.js",
        "text/javascript; charset=utf-8",
        include_str!("../page/page.js"),
    ),
];

/// The file that is served at `path`.
pub(super) fn file(path: &str) -> Option<Response> {
    let File(_, kind, text) = FILES.iter().find(|file| file.0 == path)?;
    Some(([(CONTENT_TYPE, *kind)], *text).into_response())
}
