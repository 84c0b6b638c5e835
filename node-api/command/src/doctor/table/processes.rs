//! The other processes: whether they and this one can share memory and see each other's ends, what killed ones have left,
//! and what nobody honest can have written.

use zenoh_pinned::{
    ReclaimPolicy,
    bindings::{
        observation::Observation,
        surroundings::{LooseFile, Neighbour, Surroundings},
    },
};

use super::Line;
use crate::{doctor::facts::Facts, words};

const NAMESPACE: &str = "pid namespace";
const OTHERS: &str = "other processes";
const LEFTOVERS: &str = "leftovers";
const CONTENTS: &str = "shared pages";

/// How many things of a kind are named.
const NAMED: usize = 3;

pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let surroundings = &facts.surroundings;
    let mut lines = vec![namespace(surroundings, facts.reclaim)];
    // Without /proc, which has its own line, nobody is seen.
    if let Some(neighbours) = &surroundings.neighbours {
        lines.extend(others(surroundings, neighbours));
    }
    if let Some(loose) = &surroundings.loose_files {
        let still = facts.still_loose.as_deref().unwrap_or_default();
        lines.extend(leftovers(loose, still));
    }
    if let Ok(observation) = &facts.observation {
        lines.extend(contents(observation));
    }
    lines
}

fn namespace(surroundings: &Surroundings, reclaim: ReclaimPolicy) -> Line {
    if surroundings.sees_every_process {
        return Line::ok(NAMESPACE, "every process of the machine is seen from here");
    }
    if surroundings.pid_namespace.is_none() {
        return Line::note(
            NAMESPACE,
            "unknown, so nobody can tell whether a process that held a slot has ended",
            "put right what is said of /proc above",
        );
    }
    match reclaim {
        ReclaimPolicy::ProvenInNamespace => Line::ok(
            NAMESPACE,
            "one of its own, and ZENOH_PINNED_RECLAIM=namespace says that nobody outside uses the same memory",
        ),
        _ => Line::note(
            NAMESPACE,
            "one of its own: who uses the same /dev/shm outside is not seen, so slots of killed consumers are not taken back",
            "use the host's (docker run --pid=host) or share one (--pid=container:NAME); where nobody outside uses this \
             /dev/shm, say ZENOH_PINNED_RECLAIM=namespace",
        ),
    }
}

fn others(surroundings: &Surroundings, neighbours: &[Neighbour]) -> Vec<Line> {
    let named = |of: &dyn Fn(&&Neighbour) -> bool| {
        let names = neighbours.iter().filter(of);
        let names = names.map(|one| format!("{} (pid {})", words::tame(&one.name), one.pid));
        names.collect::<Vec<_>>()
    };
    let elsewhere = named(&|one| !one.shares_memory);
    let foreign =
        named(&|one| one.shares_memory && one.pid_namespace != surroundings.pid_namespace);
    let mut lines = Vec::new();
    if !elsewhere.is_empty() {
        lines.push(Line::note(
            OTHERS,
            format!(
                "with another /dev/shm, so that frames to and from them are copied through sockets: {}",
                words::list(&elsewhere, NAMED)
            ),
            "let them share one: docker run --ipc=host for each, or --ipc=container:NAME",
        ));
    }
    if !foreign.is_empty() {
        lines.push(Line::note(
            OTHERS,
            format!(
                "in another pid namespace, so that frames go to and from them by zenoh's sockets alone, and slots that they \
                 held when killed are not taken back: {}",
                words::list(&foreign, NAMED)
            ),
            "let them share one: docker run --pid=host for each, or --pid=container:NAME",
        ));
    }
    let unseen = surroundings.loose_files.iter().flatten();
    let unseen = unseen.filter(|file| file.owner_lives).count();
    if unseen > 0 {
        lines.push(Line::note(
            OTHERS,
            format!(
                "{} with memory in this /dev/shm cannot be seen from here: another pid namespace",
                words::count(unseen, "process", "processes")
            ),
            "let them share one: docker run --pid=host for each, or --pid=container:NAME",
        ));
    }
    if lines.is_empty() {
        lines.push(Line::ok(
            OTHERS,
            match neighbours.len() {
                0 => String::from("none of this user uses zenoh's shared memory"),
                number => format!(
                    "{} of this user with zenoh's shared memory, all in reach",
                    words::count(number, "process", "processes")
                ),
            },
        ));
    }
    lines
}

/// `still`: what was there after the trial, whose session has removed what it could.
fn leftovers(loose: &[LooseFile], still: &[LooseFile]) -> Option<Line> {
    // An owner that lives unseen is said above, and may have other files too.
    if loose.iter().any(|file| file.owner_lives) {
        return None;
    }
    let size = |files: &[LooseFile]| {
        let bytes = files.iter().map(|file| file.bytes).sum();
        format!(
            "{} in {}",
            words::bytes(bytes),
            words::count(files.len(), "file", "files")
        )
    };
    let left: Vec<_> = loose
        .iter()
        .filter(|file| still.contains(file))
        .cloned()
        .collect();
    let line = match (loose.is_empty(), left.is_empty()) {
        (true, _) => Line::ok(LEFTOVERS, "none of killed processes"),
        (false, true) => Line::note(
            LEFTOVERS,
            format!(
                "{} of processes that were killed; zenoh has removed them when the trial below began",
                size(loose)
            ),
            "nothing now: each zenoh process does so at its start. Until then they take room in /dev/shm",
        ),
        (false, false) => {
            let paths: Vec<_> = left.iter().map(|file| file.path.clone()).collect();
            Line::note(
                LEFTOVERS,
                format!(
                    "{} that nobody seen from here has open, and zenoh does not remove: {}",
                    size(&left),
                    words::list(&paths, NAMED)
                ),
                "where no container shares this /dev/shm, remove them by hand (rm)",
            )
        }
    };
    Some(line)
}

fn contents(observation: &Observation) -> Vec<Line> {
    let unreadable = &observation.unreadable;
    if unreadable.is_empty() {
        let pools = observation.segments.len();
        let fact = format!(
            "{} and {} make sense",
            words::count(pools, "segment", "segments"),
            words::count(observation.processes.len(), "account", "accounts")
        );
        return vec![Line::ok(CONTENTS, fact)];
    }
    let files: Vec<_> = unreadable
        .iter()
        .map(|one| format!("{}: {}", words::tame(&one.file), one.why))
        .collect();
    vec![Line::note(
        CONTENTS,
        format!(
            "what cannot have been written by this library: {}",
            words::list(&files, NAMED)
        ),
        "find out who writes there (fuser -v FILE), end it, and remove the file; nothing of it is believed meanwhile, and \
         the budget counts all that its process could hold",
    )]
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    fn neighbour(shares_memory: bool, pid_namespace: u64) -> Neighbour {
        Neighbour {
            pid: 17,
            name: String::from("came\x1bra"),
            pid_namespace: Some(pid_namespace),
            shares_memory,
            libraries: Vec::new(),
        }
    }

    fn surroundings() -> Surroundings {
        let mut surroundings = Surroundings::default();
        surroundings.pid_namespace = Some(1);
        surroundings
    }

    #[test]
    fn a_neighbour_out_of_reach_is_named_with_how_to_reach_it() {
        let of = |neighbours: &[Neighbour]| others(&surroundings(), neighbours);
        assert_eq!(of(&[])[0].state, State::Ok);
        assert_eq!(of(&[neighbour(true, 1)])[0].state, State::Ok);
        let lines = of(&[neighbour(true, 2), neighbour(false, 1)]);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.state == State::Note));
        let remedies: Vec<_> = lines.iter().flat_map(|line| &line.remedy).collect();
        assert!(remedies[0].contains("--ipc=host") && remedies[1].contains("--pid=host"));
        assert!(
            lines[0].fact.contains("came?ra (pid 17)"),
            "{}",
            lines[0].fact
        );
    }

    #[test]
    fn a_pid_namespace_of_its_own_is_a_note_until_somebody_says_that_it_is_all_there_is() {
        let mut here = surroundings();
        let noted = namespace(&here, ReclaimPolicy::Proven);
        assert_eq!(noted.state, State::Note);
        let remedy = noted.remedy.unwrap();
        assert!(remedy.contains("ZENOH_PINNED_RECLAIM=namespace") && remedy.contains("--pid=host"));
        assert_eq!(
            namespace(&here, ReclaimPolicy::ProvenInNamespace).state,
            State::Ok
        );
        here.pid_namespace = None;
        assert_eq!(namespace(&here, ReclaimPolicy::Proven).state, State::Note);
        here.sees_every_process = true;
        assert_eq!(namespace(&here, ReclaimPolicy::Proven).state, State::Ok);
    }
}
