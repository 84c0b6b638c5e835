//! The page's files, as they are in the crate. No build step, and nothing from elsewhere.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

/// A file by its path, with its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$((concat!("/", $name), include_str!(concat!("../page/", $name)))),*]
    };
}

const INDEX: &str = "/index.html";
const FILES: &[File] = files![
    "index.html",
    "icon.svg",
    "page.css",
    "page.js",
    "elements.js",
    "history.js",
    "live.js",
    "plots.js",
    "words.js",
    "cards/all.js",
    "cards/flow.js",
    "cards/generic.js",
    "cards/host.js",
    "cards/pools.js",
    "cards/processes.js",
    "cards/queues.js",
    "cards/reasons.js",
    "cards/unreadable.js",
];

/// The file that is served at `path`.
pub(super) fn file(path: &str) -> Option<Response> {
    let path = if path == "/" { INDEX } else { path };
    let (name, text) = FILES.iter().find(|(name, _)| *name == path)?;
    Some(([(CONTENT_TYPE, kind(name))], *text).into_response())
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(folder: &Path, within: &str, found: &mut Vec<String>) {
        for entry in folder.read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = format!("{within}/{}", entry.file_name().to_str().unwrap());
            match entry.path().is_dir() {
                true => names(&entry.path(), &name, found),
                false => found.push(name),
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let mut there = Vec::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        names(&folder, "", &mut there);
        there.sort();
        let mut served: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
    }

    #[test]
    fn a_file_goes_out_as_what_it_is() {
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/page.css", "text/css; charset=utf-8"),
            ("/cards/all.js", "text/javascript; charset=utf-8"),
            ("/icon.svg", "image/svg+xml"),
        ] {
            assert_eq!(file(path).unwrap().headers()[CONTENT_TYPE], kind);
        }
        assert!(file("/cards/../page.js").is_none());
        assert!(file("/cards").is_none());
    }
}
