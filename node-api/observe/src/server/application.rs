//! What an application adds to the page: a title, and cards of its own.
//!
//! `/application.js` tells the page what there is; each card's files lie below `/cards/own/`. All of it is text that the
//! application gave before it served, and nothing changes it. The title leaves as a string of JSON, never as markup.
//!
//! Knowingly weak: an own card runs as the page's own code, as far as the page's policy lets it. Whoever writes one takes
//! care that what a source says stays text; the functions of `elements.js` and `words.js` see to that.

use std::borrow::Cow;

use axum::response::Response;
use serde_json::json;

use super::page::answer;

/// What the page is called where nobody says otherwise.
const TITLE: &str = "zenoh-pinned";

/// A file of cards that an application brings for its own sources: they come first on the page.
///
/// The module is JavaScript that exports `cards`, a list of objects as in `src/page/cards/all.js`. It lies two folders
/// below the page's own files and may import them as of this version of the crate: `../../elements.js`, `../../words.js`,
/// `../../plots.js`; and its neighbours: `./NAME.js`. One that does not load, that throws, or that exports something else is
/// a warning in its place.
///
/// ```
/// use zenoh_pinned_observe::{Card, Observer};
///
/// const CHARGE: &str = r#"
/// import { element, figure } from "../../elements.js";
/// import { percent } from "../../words.js";
///
/// const draw = ({ charge }) => element("dl", { class: "figures battery" }, figure("charge", percent(charge, 1)));
/// export const cards = [{ id: "battery", title: "Battery", source: "robot", draw }];
/// "#;
///
/// let serving = Observer::builder()
///     .title("robot")
///     .card(Card::new("battery", CHARGE).style(".battery { font-size: 1.25rem; }"))
///     .address(([127, 0, 0, 1], 0).into())
///     .serve()?;
/// # Ok::<(), zenoh_pinned_observe::ServeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Card {
    pub(super) name: Cow<'static, str>,
    module: Cow<'static, str>,
    style: Option<Cow<'static, str>>,
}

impl Card {
    /// The module's text, served at `/cards/own/NAME.js`. A name is as a source's: small letters, digits and `_`, from a
    /// letter on.
    pub fn new(name: impl Into<Cow<'static, str>>, module: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            module: module.into(),
            style: None,
        }
    }

    /// The same with a style sheet, served at `/cards/own/NAME.css`; it counts on the whole page. The page's colours are its
    /// variables, as in `src/page/page.css`.
    #[must_use]
    pub fn style(mut self, style: impl Into<Cow<'static, str>>) -> Self {
        self.style = Some(style.into());
        self
    }
}

/// What the page is to know of the application that serves it.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) title: Cow<'static, str>,
    pub(super) cards: Vec<Card>,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            title: TITLE.into(),
            cards: Vec::new(),
        }
    }
}

impl Application {
    /// The file that is served at `path`.
    pub(super) fn file(&self, path: &str) -> Option<Response> {
        if path == "/application.js" {
            return Some(answer(path, self.module()));
        }
        let (name, kind) = path.strip_prefix("/cards/own/")?.rsplit_once('.')?;
        let card = self.cards.iter().find(|card| card.name == name)?;
        let text = match kind {
            "js" => card.module.clone(),
            "css" => card.style.clone()?,
            _ => return None,
        };
        Some(answer(path, text))
    }

    fn module(&self) -> String {
        let cards = self.cards.iter();
        let cards = cards.map(|card| json!({ "name": card.name, "style": card.style.is_some() }));
        format!(
            "export const title = {};\nexport const cards = {};\n",
            json!(self.title),
            cards.collect::<serde_json::Value>()
        )
    }
}
