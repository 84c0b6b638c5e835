use super::*;

const TERMS: BreakerTerms = BreakerTerms {
    failures: 3,
    open_for: Duration::from_secs(1),
    longest: Duration::from_secs(5),
    successes: 2,
};
const ORDINARY: Admission = Admission::Ordinary { opened: 0 };
const SECOND: Duration = Duration::from_secs(1);

/// Where a breaker can stand, apart from times.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    Closed,
    /// One failure more opens it.
    Tense,
    Open,
    /// Its time is over.
    Due,
    /// A trial is out.
    Trying,
    /// One success, none out.
    Half,
    /// One success, one out.
    HalfTrying,
}
use Stands::*;

/// Brings a new breaker there by what it is told, and says what time it is then.
fn breaker(stands: Stands, start: Instant) -> (Breaker, Instant) {
    let mut breaker = Breaker::new(TERMS);
    let failures = match stands {
        Closed => 0,
        Tense => 2,
        _ => 3,
    };
    for _ in 0..failures {
        breaker.failed(ORDINARY, start);
    }
    if matches!(stands, Closed | Tense | Open) {
        return (breaker, start);
    }
    let due = start + SECOND;
    if stands != Due {
        assert_eq!(breaker.admit(due), Ok(Admission::Trial));
    }
    if matches!(stands, Half | HalfTrying) {
        breaker.succeeded(Admission::Trial, due);
    }
    if stands == HalfTrying {
        assert_eq!(breaker.admit(due), Ok(Admission::Trial));
    }
    (breaker, due)
}

/// Where it stands, found out by what it does to a copy.
fn look(breaker: &Breaker, now: Instant) -> (BreakerState, u64, Option<Admission>) {
    let admitted = breaker.clone().admit(now).ok();
    (breaker.state(now), breaker.opened(), admitted)
}

#[test]
fn each_state_lets_through_what_the_table_says() {
    let start = Instant::now();
    use BreakerState as S;
    let table = [
        (Closed, S::Closed, Ok(ORDINARY)),
        (Tense, S::Closed, Ok(ORDINARY)),
        (Open, S::Open, Err(SECOND)),
        (Due, S::HalfOpen, Ok(Admission::Trial)),
        (Trying, S::HalfOpen, Err(SECOND)),
        (Half, S::HalfOpen, Ok(Admission::Trial)),
        (HalfTrying, S::HalfOpen, Err(SECOND)),
    ];
    for (stands, state, admitted) in table {
        let (mut breaker, now) = breaker(stands, start);
        assert_eq!(breaker.state(now), state, "{stands:?}");
        let admitted = admitted.map_err(|retry_after| Refusal { retry_after });
        assert_eq!(breaker.admit(now), admitted, "{stands:?}");
    }
}

#[test]
fn each_end_of_a_request_changes_what_the_table_says() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        Succeeded,
        Failed,
        Abandoned,
    }
    use End::*;
    let trial = Admission::Trial;
    let (open, closed, half) = (
        BreakerState::Open,
        BreakerState::Closed,
        BreakerState::HalfOpen,
    );
    // Only what changes something.
    let changes = [
        (Tense, ORDINARY, Failed, (open, 1, None)),
        (Trying, trial, Failed, (open, 2, None)),
        (Trying, trial, Succeeded, (half, 1, Some(trial))),
        (Trying, trial, Abandoned, (half, 1, Some(trial))),
        (HalfTrying, trial, Failed, (open, 2, None)),
        (
            HalfTrying,
            trial,
            Succeeded,
            (closed, 1, Some(Admission::Ordinary { opened: 1 })),
        ),
        (HalfTrying, trial, Abandoned, (half, 1, Some(trial))),
    ];
    let start = Instant::now();
    for stands in [Closed, Tense, Open, Due, Trying, Half, HalfTrying] {
        for admission in [ORDINARY, Admission::NONE, trial] {
            for end in [Succeeded, Failed, Abandoned] {
                // Nobody has a trial unless it is out.
                if admission == trial && !matches!(stands, Trying | HalfTrying) {
                    continue;
                }
                let (mut breaker, now) = breaker(stands, start);
                let before = look(&breaker, now);
                match end {
                    Succeeded => breaker.succeeded(admission, now),
                    Failed => breaker.failed(admission, now),
                    Abandoned => breaker.abandoned(admission),
                }
                let listed = changes
                    .iter()
                    .find(|change| (change.0, change.1, change.2) == (stands, admission, end));
                let expected = listed.map_or(before, |change| change.3);
                assert_eq!(
                    look(&breaker, now),
                    expected,
                    "{stands:?} {admission:?} {end:?}"
                );
            }
        }
    }
}

#[test]
fn only_failures_in_a_row_open_it() {
    let now = Instant::now();
    let mut breaker = Breaker::new(TERMS);
    for _ in 0..10 {
        breaker.failed(ORDINARY, now);
        breaker.failed(ORDINARY, now);
        breaker.succeeded(ORDINARY, now);
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
    // What tells nothing does not break the row.
    breaker.failed(ORDINARY, now);
    breaker.failed(ORDINARY, now);
    breaker.abandoned(ORDINARY);
    breaker.failed(ORDINARY, now);
    assert_eq!(breaker.state(now), BreakerState::Open);
}

#[test]
fn each_trial_that_fails_doubles_the_wait_up_to_the_longest_and_closing_forgets_it() {
    let (mut breaker, mut now) = breaker(Due, Instant::now());
    for seconds in [2, 4, 5, 5] {
        assert_eq!(breaker.admit(now), Ok(Admission::Trial));
        breaker.failed(Admission::Trial, now);
        let retry_after = Duration::from_secs(seconds);
        assert_eq!(breaker.admit(now), Err(Refusal { retry_after }));
        now += retry_after - Duration::from_nanos(1);
        assert_eq!(breaker.state(now), BreakerState::Open);
        now += Duration::from_nanos(1);
    }
    for _ in 0..2 {
        assert_eq!(breaker.admit(now), Ok(Admission::Trial));
        breaker.succeeded(Admission::Trial, now);
    }
    let admission = breaker.admit(now).unwrap();
    for _ in 0..3 {
        breaker.failed(admission, now);
    }
    let retry_after = SECOND;
    assert_eq!(breaker.admit(now), Err(Refusal { retry_after }));
}

#[test]
fn requests_from_before_it_opened_neither_open_nor_protect_a_breaker_that_has_closed_again() {
    let (mut breaker, now) = breaker(HalfTrying, Instant::now());
    breaker.succeeded(Admission::Trial, now);
    assert_eq!(breaker.state(now), BreakerState::Closed);
    for _ in 0..10 {
        breaker.failed(ORDINARY, now);
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
    let current = breaker.admit(now).unwrap();
    breaker.failed(current, now);
    breaker.failed(current, now);
    breaker.succeeded(ORDINARY, now);
    breaker.failed(current, now);
    assert_eq!(breaker.state(now), BreakerState::Open);
}

#[test]
fn terms_of_nothing_and_of_everything_are_borne() {
    let now = Instant::now();
    let mut hasty = Breaker::new(BreakerTerms {
        failures: 0,
        open_for: Duration::MAX,
        longest: Duration::MAX,
        successes: 0,
    });
    hasty.failed(ORDINARY, now);
    assert_eq!(hasty.state(now + SECOND), BreakerState::Open);
    let mut instant = Breaker::new(BreakerTerms {
        open_for: Duration::ZERO,
        failures: 1,
        ..TERMS
    });
    for _ in 0..100 {
        instant.failed(ORDINARY, now);
        assert_eq!(instant.admit(now), Ok(Admission::Trial));
        instant.failed(Admission::Trial, now);
    }
    // A clock that seems to go back.
    assert_eq!(instant.opened(), 101);
    assert!(hasty.admit(now - SECOND).is_err());
}
