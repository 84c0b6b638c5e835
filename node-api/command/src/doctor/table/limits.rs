//! What this process and its user may have: locked memory, open files, memory cgroups, this library's own budget, and the
//! environment variables that change it.

use zenoh_pinned::{
    HostUsage, Pressure,
    bindings::surroundings::{Limit, LimitedCgroup, Surroundings},
};

use super::{
    Line,
    memory::{CAMERA_BYTES, too_little},
};
use crate::{doctor::variables::Variable, words};

/// A group that leaves less than this is soon full.
const LITTLE: u64 = 4 * CAMERA_BYTES;
/// A pool takes a few for each segment, a session some dozens.
const FEW_FILES: u64 = 64;

const LOCKING: &str = "lockable memory";
const FILES: &str = "open files";
const CGROUP: &str = "memory cgroup";
const BUDGET: &str = "budget";
const VARIABLES: &str = "variables";

pub(super) fn lines(
    surroundings: &Surroundings,
    usage: Result<&HostUsage, &String>,
    variables: &[Variable],
) -> Vec<Line> {
    let mut lines = vec![locking(surroundings), files(surroundings)];
    match surroundings.cgroups.is_empty() {
        true => lines.push(Line::ok(CGROUP, "none with a limit is seen from here")),
        false => lines.extend(surroundings.cgroups.iter().map(cgroup)),
    }
    lines.push(budget(usage));
    match variables.is_empty() {
        true => lines.push(Line::ok(VARIABLES, "none of ZENOH_PINNED_* is malformed")),
        false => lines.extend(variables.iter().map(variable)),
    }
    lines
}

fn locking(surroundings: &Surroundings) -> Line {
    let locking = &surroundings.locking;
    let limit = of_limit(locking.limit.soft, words::bytes);
    let needed = words::bytes(locking.needed_bytes);
    if locking.is_allowed {
        let lifted = locking
            .limit
            .soft
            .is_some_and(|limit| limit < locking.needed_bytes);
        let fact = match lifted {
            true => format!("CAP_IPC_LOCK lifts the limit of {limit}"),
            false => format!("{limit}, zenoh's shared memory needs {needed}"),
        };
        return Line::ok(LOCKING, fact);
    }
    // What the hard limit allows, a shell can have by itself.
    let remedy = match can_be_raised_to(locking.limit, locking.needed_bytes) {
        true => "raise RLIMIT_MEMLOCK: ulimit -l unlimited in the shell that starts the program",
        false => {
            "raise RLIMIT_MEMLOCK where processes get it (docker run --ulimit memlock=-1, systemd LimitMEMLOCK=infinity, \
             memlock in /etc/security/limits.conf), or grant CAP_IPC_LOCK"
        }
    };
    Line::fails(
        LOCKING,
        format!("this process may lock {limit}, zenoh's shared memory needs {needed}"),
        remedy,
    )
}

fn can_be_raised_to(limit: Limit, bytes: u64) -> bool {
    limit.hard.is_none_or(|hard| hard >= bytes)
}

fn of_limit(limit: Option<u64>, words: impl FnOnce(u64) -> String) -> String {
    limit.map_or_else(|| String::from("no limit"), words)
}

fn files(surroundings: &Surroundings) -> Line {
    let limit = surroundings.open_files;
    let said = of_limit(limit.soft, |limit| limit.to_string());
    let open = surroundings.open_now.unwrap_or(0);
    let left = limit.soft.unwrap_or(u64::MAX).saturating_sub(open);
    match left < FEW_FILES {
        false => Line::ok(FILES, said),
        true => Line::fails(
            FILES,
            format!("{left} left of {said}: too few for sessions and pools"),
            match can_be_raised_to(limit, 1024) {
                true => "raise RLIMIT_NOFILE: ulimit -n 1024 in the shell that starts the program",
                false => {
                    "raise RLIMIT_NOFILE where processes get it (docker run --ulimit nofile=1024, systemd \
                     LimitNOFILE=1024)"
                }
            },
        ),
    }
}

fn cgroup(group: &LimitedCgroup) -> Line {
    let left = group.limit_bytes.saturating_sub(group.used_bytes);
    let fact = format!(
        "{} leaves {} of {}",
        words::tame(&group.path),
        words::bytes(left),
        words::bytes(group.limit_bytes)
    );
    let remedy = "raise its limit (docker run --memory, systemd MemoryMax=), or make pools smaller: what it has no room \
                  for is refused";
    let line = match left < LITTLE {
        true => Line::note(CGROUP, &*fact, remedy),
        false => Line::ok(CGROUP, &*fact),
    };
    too_little(CGROUP, left, &fact, remedy).unwrap_or(line)
}

fn budget(usage: Result<&HostUsage, &String>) -> Line {
    let usage = match usage {
        Ok(usage) => usage,
        Err(why) => {
            return Line::fails(
                BUDGET,
                format!("what others hold cannot be read: {why}"),
                "put right what is said of /dev/shm and /proc above, and see that a descriptor is left",
            );
        }
    };
    let fact = format!(
        "{} of memory and {} registered of {}",
        words::bytes(usage.memory_bytes),
        words::bytes(usage.registered_bytes),
        words::bytes(usage.limit_bytes)
    );
    let remedy = "end a process that needs less (zenoh-pinned top shows them), or raise ZENOH_PINNED_HOST_BYTES";
    let held = usage.memory_bytes.max(usage.registered_bytes);
    let left = usage.limit_bytes.saturating_sub(held);
    if let Some(line) = too_little(BUDGET, left, &fact, remedy) {
        return line;
    }
    match usage.pressure {
        Pressure::Low | Pressure::Normal => Line::ok(BUDGET, fact),
        high => Line::note(
            BUDGET,
            format!("{fact}; the pressure on memory is {high}"),
            format!("{remedy}; it counts /dev/shm and memory cgroups too"),
        ),
    }
}

fn variable(variable: &Variable) -> Line {
    let Variable {
        name,
        value,
        expected,
    } = variable;
    let value = words::tame(value);
    let fact = format!("{name} is ignored: {value:?} is not {expected}");
    Line::note(
        VARIABLES,
        fact,
        format!("set it to {expected}, or unset it"),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    fn with(change: impl FnOnce(&mut Surroundings)) -> Surroundings {
        let mut surroundings = Surroundings::default();
        surroundings.locking.is_allowed = true;
        change(&mut surroundings);
        surroundings
    }

    fn remedy_of(line: &Line, state: State) -> &str {
        assert_eq!(line.state, state, "{line:?}");
        line.remedy.as_deref().unwrap()
    }

    #[test]
    fn little_lockable_memory_fails_and_the_remedy_knows_who_can_raise_it() {
        let of = |hard| {
            locking(&with(|here| {
                here.locking.is_allowed = false;
                here.locking.needed_bytes = 2 << 20;
                here.locking.limit.soft = Some(64 << 10);
                here.locking.limit.hard = hard;
            }))
        };
        assert!(remedy_of(&of(None), State::Fails).contains("ulimit -l"));
        let by_others = of(Some(64 << 10));
        assert!(remedy_of(&by_others, State::Fails).contains("--ulimit memlock"));
        assert!(by_others.fact.contains("64.0 KiB"), "{}", by_others.fact);
        assert_eq!(locking(&with(|_| ())).state, State::Ok);
    }

    #[test]
    fn few_files_left_fail() {
        let of = |soft, open| {
            files(&with(|here| {
                here.open_files = Limit {
                    soft: Some(soft),
                    hard: Some(soft),
                };
                here.open_now = Some(open);
            }))
        };
        assert!(remedy_of(&of(64, 12), State::Fails).contains("RLIMIT_NOFILE"));
        assert_eq!(of(1024, 12).state, State::Ok);
    }

    #[test]
    fn a_cgroup_is_judged_by_what_it_leaves() {
        let of = |limit, used| {
            cgroup(&LimitedCgroup {
                path: String::from("/sys/fs/cgroup/x"),
                limit_bytes: limit,
                used_bytes: used,
            })
        };
        assert_eq!(of(4 << 30, 1 << 30).state, State::Ok);
        assert!(remedy_of(&of(96 << 20, 12 << 20), State::Note).contains("--memory"));
        let for_small_frames = of(96 << 20, 80 << 20);
        assert!(remedy_of(&for_small_frames, State::Note).contains("MemoryMax"));
        assert!(for_small_frames.fact.contains("8 slots"));
        assert!(remedy_of(&of(96 << 20, 95 << 20), State::Fails).contains("MemoryMax"));
        let none = lines(&with(|_| ()), Ok(&HostUsage::default()), &[]);
        assert!(none.iter().any(|line| line.about == CGROUP));
    }

    #[test]
    fn a_budget_without_room_fails_and_one_with_little_or_under_pressure_is_noted() {
        let mut usage = HostUsage::default();
        assert_eq!(budget(Ok(&usage)).state, State::Fails);
        usage.limit_bytes = 16 << 20;
        assert_eq!(budget(Ok(&usage)).state, State::Note);
        usage.limit_bytes = 1 << 30;
        assert_eq!(budget(Ok(&usage)).state, State::Ok);
        usage.pressure = Pressure::Critical;
        let line = budget(Ok(&usage));
        assert!(remedy_of(&line, State::Note).contains("ZENOH_PINNED_HOST_BYTES"));
        usage.registered_bytes = 1 << 30;
        assert_eq!(budget(Ok(&usage)).state, State::Fails);
        assert_eq!(budget(Err(&String::from("no"))).state, State::Fails);
    }

    #[test]
    fn a_variable_that_is_not_obeyed_is_a_note_with_what_it_may_say() {
        let line = variable(&Variable {
            name: String::from("ZENOH_PINNED_RECLAIM"),
            value: String::from("al\x1bways"),
            expected: "proven, namespace or never",
        });
        assert!(line.fact.contains("\"al?ways\""), "{}", line.fact);
        assert!(remedy_of(&line, State::Note).contains("unset it"));
    }
}
