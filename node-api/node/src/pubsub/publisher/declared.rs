//! What a session has of a publisher, and how it comes about.

use std::{sync::Arc, time::Duration};

use zenoh::{
    Session, Wait,
    key_expr::KeyExpr,
    liveliness::LivelinessToken,
    pubsub::{Publisher, Subscriber},
    sample::SampleKind,
};
use zenoh_pinned::{PinnedPool, bindings::line::NoLine};

use super::builder::Terms;
use crate::pubsub::meeting::{self, AloneToken, InboxToken, Lines, source_of};

/// How long a new publisher waits at most to learn of the subscribers that are there.
const MEETING_PATIENCE: Duration = Duration::from_millis(200);
/// What a session has of a publisher. The lines go first, so that nothing is missed in between.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) lines: Arc<Lines>,
    pub(super) publisher: Publisher<'static>,
    pub(super) session: Session,
    pub(super) stamps: bool,
    _tokens: Option<Subscriber<()>>,
    _alone: Option<LivelinessToken>,
}

pub(super) fn declare(
    session: &Session,
    key: &str,
    pool: &PinnedPool,
    terms: Terms,
) -> zenoh::Result<Declared> {
    let publisher = session.declare_publisher(key.to_owned());
    let publisher = publisher.congestion_control(terms.congestion).wait()?;
    let source = source_of(&publisher.id());
    let off = match (terms.line && meeting::is_wanted(), pool.reason()) {
        (false, _) => Some(NoLine::SwitchedOff),
        (true, Some(reason)) => Some(NoLine::NoSharedMemory(reason.clone())),
        (true, None) => None,
    };
    let has_lines = off.is_none();
    let alone = terms.alone && !KeyExpr::new(key)?.is_wild();
    let lines = Arc::new(Lines::new(
        publisher.key_expr().clone().into(),
        source,
        alone,
        off,
    ));
    let mut declared = Declared {
        lines: lines.clone(),
        session: session.clone(),
        stamps: stamps(session),
        publisher,
        _tokens: None,
        _alone: None,
    };
    if !has_lines {
        return Ok(declared);
    }
    if lines.is_alone() {
        // zenoh calls back at once where somebody matches.
        lines.set_matched(false);
        let matched = lines.clone();
        let listener = declared.publisher.matching_listener();
        listener
            .callback(move |status| matched.set_matched(status.matching()))
            .background()
            .wait()?;
        let token = AloneToken::key(source, declared.publisher.key_expr());
        declared._alone = Some(session.liveliness().declare_token(token).wait()?);
    }
    let appearing = Arc::downgrade(&lines);
    let tokens = session
        .liveliness()
        .declare_subscriber(InboxToken::ALL)
        .history(true)
        .callback(move |sample| {
            if let Some(lines) = appearing.upgrade() {
                match sample.kind() {
                    SampleKind::Put => lines.appeared(sample.key_expr()),
                    SampleKind::Delete => lines.disappeared(sample.key_expr()),
                }
            }
        })
        .wait()?;
    declared._tokens = Some(tokens);
    // So that the first frame finds those that are there. Opening a line twice is no matter.
    let known = session.liveliness().get(InboxToken::ALL);
    let known = known.timeout(MEETING_PATIENCE).wait()?;
    while let Ok(reply) = known.recv() {
        if let Ok(sample) = reply.result() {
            lines.appeared(sample.key_expr());
        }
    }
    Ok(declared)
}

/// Whether zenoh stamps what this session puts.
fn stamps(session: &Session) -> bool {
    let config = session.config();
    let mode = config.get("mode").unwrap_or_default();
    let mode = mode.trim_matches('"');
    let enabled = config.get("timestamping/enabled").unwrap_or_default();
    enabled == "true" || enabled.contains(&format!(r#""{mode}":true"#))
}
