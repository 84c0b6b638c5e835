//! What shares memory with whom: versions of zenoh and dora, and what became of a frame that was really sent.

use zenoh_pinned::DevicePath;

use super::{Line, device};
use crate::{
    doctor::{
        facts::Asked,
        trial::{Received, TrialError},
        versions::{Dora, OtherZenoh, Versions},
    },
    words,
};

/// The dora that the Python and Rust nodes of this library are made for.
const DORA: (u32, u32) = (1, 1);

const ZENOH: &str = "zenoh";
const TRIAL: &str = "trial";
const COPY: &str = "copy to device";

pub(super) fn versions(versions: &Versions) -> Vec<Line> {
    let mut lines: Vec<_> = versions
        .others
        .iter()
        .filter(|other| other.version.minor != versions.zenoh.minor)
        .map(|other| other_zenoh(versions, other))
        .collect();
    if lines.is_empty() {
        let others = versions.others.iter();
        let others: Vec<_> = others.map(|other| words::tame(&other.whose)).collect();
        lines.push(match others.is_empty() {
            true => Line::ok(ZENOH, versions.zenoh.to_string()),
            false => Line::ok(
                ZENOH,
                format!("{}, as {}", versions.zenoh, words::list(&others, 3)),
            ),
        });
    }
    lines.push(dora(&versions.dora));
    lines
}

fn other_zenoh(versions: &Versions, other: &OtherZenoh) -> Line {
    let (major, minor) = versions.zenoh.minor;
    let fact = format!(
        "{} here, {} of {}: the two share no memory, so frames between them are copied through sockets",
        versions.zenoh,
        other.version,
        words::tame(&other.whose)
    );
    let remedy = format!(
        "use zenoh {major}.{minor} there too (pip install 'eclipse-zenoh~={major}.{minor}.0', zenoh = \"~{major}.{minor}\")"
    );
    match other.is_running {
        true => Line::fails(ZENOH, fact, remedy),
        false => Line::note(ZENOH, fact, remedy),
    }
}

fn dora(dora: &Dora) -> Line {
    const ABOUT: &str = "dora";
    const REMEDY: &str = "use dora 1.1: pip install 'dora-rs~=1.1.0', cargo install dora-cli@~1.1";
    match dora {
        Dora::NotFound => Line::ok(ABOUT, "not on the PATH; it is not needed without dataflows"),
        Dora::Silent => Line::note(ABOUT, "dora --version does not answer", REMEDY),
        Dora::Found(version) if version.minor == DORA => Line::ok(ABOUT, version.to_string()),
        Dora::Found(version) => Line::note(
            ABOUT,
            format!(
                "{version}; pinned outputs are made for dora 1.1, whose zenoh shares memory with this one"
            ),
            REMEDY,
        ),
    }
}

pub(super) fn trial(trial: &Result<Received, TrialError>, asked: Option<&Asked>) -> Vec<Line> {
    let received = match trial {
        Ok(received) => received,
        Err(error) => {
            return vec![Line::fails(
                TRIAL,
                error.to_string(),
                "put right what fails above, then look again",
            )];
        }
    };
    let mut lines = vec![sent(received)];
    if asked.is_some_and(|asked| asked.device.is_ok()) {
        lines.push(copied(received));
    }
    lines
}

fn sent(received: &Received) -> Line {
    let why = received.no_pool.as_ref().or(received.reason.as_ref());
    if !received.is_shared {
        let why = why.map_or_else(String::new, |reason| format!(": {reason}"));
        return Line::fails(
            TRIAL,
            format!("a frame arrived, copied through a socket and not in shared memory{why}"),
            "put right what fails above, then look again",
        );
    }
    let fact = "a frame arrived in shared memory";
    match &received.no_line {
        None => Line::ok(TRIAL, format!("{fact}, past zenoh's sockets")),
        Some(reason) => Line::note(
            TRIAL,
            format!("{fact}, announced by zenoh's sockets: {reason}"),
            "put right what it says: by a line a frame wakes its subscriber once instead of four times",
        ),
    }
}

fn copied(received: &Received) -> Line {
    let path = received.path;
    let reason = received.reason.as_ref();
    match (&received.copied, path) {
        (Some(Err(error)), _) => Line::fails(
            COPY,
            error.clone(),
            reason.map_or_else(
                || String::from("see nvidia-smi and the kernel's log (dmesg | grep NVRM)"),
                device::remedy,
            ),
        ),
        (_, DevicePath::Direct) => Line::ok(COPY, "path direct: one DMA out of the slot, and back"),
        (_, path) => Line::fails(
            COPY,
            match reason {
                Some(reason) => format!("path {path}: {reason}"),
                None => format!("path {path}"),
            },
            reason.map_or_else(|| String::from("look again"), device::remedy),
        ),
    }
}

#[cfg(test)]
mod tests {
    use zenoh_pinned::FallbackReason;
    use zenoh_pinned_node::pubsub::NoLine;

    use super::{super::State, *};
    use crate::doctor::versions::Version;

    fn version(text: &str) -> Version {
        Version::in_text(text).unwrap()
    }

    fn with_other(text: &str, is_running: bool) -> Line {
        let other = OtherZenoh {
            whose: String::from("a package"),
            version: version(text),
            is_running,
        };
        let found = Versions {
            zenoh: version("1.10.2"),
            others: vec![other],
            dora: Dora::NotFound,
        };
        versions(&found).swap_remove(0)
    }

    #[test]
    fn another_minor_version_of_zenoh_is_a_note_and_fails_where_it_runs() {
        assert_eq!(with_other("1.10.0", true).state, State::Ok);
        let installed = with_other("1.9.0", false);
        assert_eq!(installed.state, State::Note);
        assert!(installed.remedy.unwrap().contains("eclipse-zenoh~=1.10.0"));
        assert_eq!(with_other("1.11.0", true).state, State::Fails);
    }

    #[test]
    fn another_dora_is_a_note() {
        assert_eq!(dora(&Dora::Found(version("1.1.3"))).state, State::Ok);
        assert_eq!(dora(&Dora::Found(version("0.3.12"))).state, State::Note);
        assert_eq!(dora(&Dora::Silent).state, State::Note);
        assert_eq!(dora(&Dora::NotFound).state, State::Ok);
    }

    fn received() -> Received {
        Received {
            is_shared: true,
            no_pool: None,
            no_line: None,
            path: DevicePath::Host,
            reason: Some(FallbackReason::HostOnly),
            copied: None,
        }
    }

    fn states(received: Received, device: bool) -> Vec<State> {
        let asked = device.then(|| Asked {
            ordinal: 0,
            device: Ok(String::from("Card")),
        });
        let lines = trial(&Ok(received), asked.as_ref());
        let remedies = lines.iter().map(|line| (line.state, line.remedy.is_some()));
        assert!(
            remedies
                .into_iter()
                .all(|(state, has)| has == (state != State::Ok))
        );
        lines.iter().map(|line| line.state).collect()
    }

    #[test]
    fn a_frame_that_was_copied_through_a_socket_fails() {
        assert_eq!(states(received(), false), [State::Ok]);
        let by_zenoh = Received {
            no_line: Some(NoLine::SwitchedOff),
            ..received()
        };
        assert_eq!(states(by_zenoh, false), [State::Note]);
        let copied = Received {
            is_shared: false,
            ..received()
        };
        assert_eq!(states(copied, false), [State::Fails]);
        let lines = trial(&Err(TrialError::Different), None);
        assert_eq!(lines[0].state, State::Fails);
    }

    #[test]
    fn with_a_device_only_the_direct_path_is_well() {
        let by = |path, reason, copied| Received {
            path,
            reason,
            copied: Some(copied),
            ..received()
        };
        let direct = by(DevicePath::Direct, None, Ok(()));
        assert_eq!(states(direct, true), [State::Ok, State::Ok]);
        let staged = by(
            DevicePath::Staged,
            Some(FallbackReason::RegistrationPending),
            Ok(()),
        );
        assert_eq!(states(staged, true), [State::Ok, State::Fails]);
        let refused = by(DevicePath::Direct, None, Err(String::from("no")));
        assert_eq!(states(refused, true), [State::Ok, State::Fails]);
    }
}
