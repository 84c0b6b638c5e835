//! The page's files, as they are in the crate. No build step, and nothing from elsewhere.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

/// A file, by its path below the page's folder.
struct File {
    path: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        [$(File { path: $path, text: include_str!(concat!("../page/", $path)) }),*]
    };
}

const FILES: &[File] = &files![
    "index.html",
    "icon.svg",
    "page.css",
    "cards.css",
    "plots.css",
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
    "cards/models.js",
    "cards/own.js",
    "cards/pools.js",
    "cards/processes.js",
    "cards/queues.js",
    "cards/reasons.js",
    "cards/unreadable.js",
    "cards/workers.js",
];

/// The file that is served at `path`.
pub(super) fn file(path: &str) -> Option<Response> {
    let path = match path.strip_prefix('/')? {
        "" => "index.html",
        "index.html" => return None,
        path => path,
    };
    let file = FILES.iter().find(|file| file.path == path)?;
    Some(answer(path, file.text))
}

/// The text of the file at `path`, with the type that its name says.
pub(super) fn answer(path: &str, text: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, kind(path))], text).into_response()
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn files_of(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_of(&path, root, found);
            } else {
                let path = path.strip_prefix(root).unwrap();
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let mut found = BTreeSet::new();
        files_of(&root, &root, &mut found);
        let served: BTreeSet<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(served, found);
        for file in FILES {
            assert!(!kind(file.path).starts_with("text/plain"), "{}", file.path);
        }
    }
}
