//! What an application adds to the page: its cards and its title.

use serde_json::json;
use zenoh_pinned_observe::{Card, Figures, ServeError};

use crate::client::{builder, get, given, serve};

const MODULE: &str = "export const cards = [];\n";

#[test]
fn an_own_card_is_served_beside_those_of_the_page_which_is_told_of_it() {
    let style = ".robot { color: var(--accent); }";
    let serving = builder()
        .title("a \"robot\" </script>")
        .card(Card::new("robot", MODULE).style(style))
        .card(Card::new("arm_2", MODULE.to_owned()))
        .serve()
        .unwrap();
    let script = "content-type: text/javascript; charset=utf-8";
    for (path, kind, text) in [
        ("/cards/own/robot.js", script, MODULE),
        ("/cards/own/arm_2.js", script, MODULE),
        (
            "/cards/own/robot.css",
            "content-type: text/css; charset=utf-8",
            style,
        ),
        (
            "/application.js",
            script,
            "export const title = \"a \\\"robot\\\" </script>\";\n\
             export const cards = [{\"name\":\"robot\",\"style\":true},{\"name\":\"arm_2\",\"style\":false}];\n",
        ),
    ] {
        let answer = get(serving.address(), path);
        assert_eq!((answer.status, &*answer.body), (200, text), "{path}");
        assert!(answer.has(kind), "{path}: {}", answer.headers);
    }
    for path in [
        "/cards/own/arm_2.css",
        "/cards/own/leg.js",
        "/cards/own/robot",
        "/cards/own/robot.html",
        "/cards/own/../own/robot.js",
        "/cards/own/",
    ] {
        assert_eq!(get(serving.address(), path).status, 404, "{path}");
    }
}

#[test]
fn a_page_without_an_application_is_called_by_the_name_of_this() {
    let text = "export const title = \"zenoh-pinned\";\nexport const cards = [];\n";
    assert_eq!(get(serve([]).address(), "/application.js").body, text);
}

#[test]
fn a_name_that_is_none_and_one_that_is_there_twice_are_no_cards() {
    let long = "a".repeat(33);
    for name in ["", "Robot", "robot-arm", "../page", "2", "stats", &long] {
        let refused = builder().card(Card::new(name.to_owned(), MODULE)).serve();
        assert!(
            matches!(&refused, Err(ServeError::CardName { name: is }) if is == name),
            "{name}: {refused:?}"
        );
    }
    let twice = builder().card(Card::new("robot", MODULE));
    let refused = twice.card(Card::new("robot", "")).serve();
    assert!(
        matches!(&refused, Err(ServeError::CardTwice { name }) if name == "robot"),
        "{refused:?}"
    );
}

#[test]
fn a_source_may_be_asked_for_with_hyphens() {
    let source = given("pipeline_stats", |_| Ok(Figures::new(json!({ "done": 7 }))));
    let serving = serve([source]);
    for path in ["/api/pipeline-stats", "/api/pipeline_stats"] {
        let answer = get(serving.address(), path);
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "done": 7 })),
            "{path}"
        );
    }
    let other = get(serving.address(), "/api/pipeline-state");
    assert_eq!(other.status, 404);
    assert!(
        other.body.contains("there are: pipeline_stats"),
        "{}",
        other.body
    );
}
