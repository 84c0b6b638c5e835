//! Actions that a data plane must not use: each is told by its fault, and the last one stays.

use zenoh_pinned_exchange::{Action, ActionError, ActionFault, Agent, AliasColumn, DataPlane};

use crate::harness::{
    name::Name,
    numbered::observation,
    words::{ACTIONS, Words},
};

const ACTIVE: u64 = 0b1111;

/// A data plane with four servers that has an action, and the region's words.
struct Victim {
    data_plane: DataPlane,
    _agent: Agent,
    words: Words,
    _name: Name,
}

impl Victim {
    fn new() -> Self {
        let name = Name::new();
        let mut data_plane = DataPlane::create(&name).unwrap();
        let mut agent = Agent::attach(&name).unwrap();
        let mut four = observation(1);
        four.active_as_bitmap = ACTIVE;
        data_plane.write_observation(&mut four).unwrap();
        agent.read_observation().unwrap().unwrap();
        agent.write_action(1, &[1.0, 2.0, 3.0, 4.0]).unwrap();
        data_plane.read_action().unwrap().unwrap();
        Self {
            words: Words::of(&name),
            data_plane,
            _agent: agent,
            _name: name,
        }
    }

    fn answer(&mut self, action: &Action) -> Result<bool, ActionError> {
        let number = self.words.get(ACTIONS.newest) + 1;
        self.words.write_action(number, action);
        self.data_plane.read_action().map(|action| action.is_some())
    }

    /// What it says of its own action after a change.
    fn fault_of(&mut self, change: impl FnOnce(&mut Action)) -> ActionFault {
        let kept = *self.data_plane.action().unwrap();
        let mut changed = kept;
        change(&mut changed);
        let refused = self.answer(&changed).unwrap_err();
        assert_eq!(self.data_plane.action(), Some(&kept), "the last one stays");
        let ActionError::Refused(fault) = refused else {
            panic!("{refused}");
        };
        fault
    }
}

#[test]
fn weights_that_are_none() {
    let mut victim = Victim::new();
    for weight in [
        f32::NAN,
        -f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1.0,
        -1e-40,
    ] {
        let fault = victim.fault_of(|action| action.weights[2] = weight);
        assert!(
            matches!(fault, ActionFault::NotAWeight { server: 2, .. }),
            "{fault}"
        );
        let fault = victim.fault_of(|action| action.weights[63] = weight);
        assert!(
            matches!(fault, ActionFault::NotAWeight { server: 63, .. }),
            "{fault}"
        );
    }
    let fault = victim.fault_of(|action| action.weights = [0.0; 64]);
    assert_eq!(fault, ActionFault::AllZero);
}

#[test]
fn numbers_of_weights_that_are_none() {
    let mut victim = Victim::new();
    for count in [65, 1 << 31, u32::MAX] {
        let fault = victim.fault_of(|action| action.num_servers = count);
        assert_eq!(fault, ActionFault::TooManyServers { count });
    }
    let fault = victim.fault_of(|action| action.num_servers = 3);
    assert!(
        matches!(
            fault,
            ActionFault::NotAWeight {
                server: 3,
                weight: 4.0
            }
        ),
        "{fault}"
    );
}

#[test]
fn columns_that_are_none() {
    let mut victim = Victim::new();
    for probability in [
        f32::NAN,
        f32::INFINITY,
        -f32::INFINITY,
        -0.1,
        1.0 + f32::EPSILON,
    ] {
        let fault = victim.fault_of(|action| action.alias_table[1].probability = probability);
        assert!(
            matches!(fault, ActionFault::NotAColumn { column: 1, .. }),
            "{fault}"
        );
    }
    for alias in [64, 128, u32::MAX] {
        let fault = victim.fault_of(|action| action.alias_table[9].alias = alias);
        assert!(
            matches!(fault, ActionFault::NotAColumn { column: 9, .. }),
            "{fault}"
        );
    }
}

#[test]
fn servers_that_take_no_flows() {
    let mut victim = Victim::new();
    let fault = victim.fault_of(|action| {
        action.num_servers = 5;
        action.weights[4] = 1.0;
    });
    assert_eq!(fault, ActionFault::NotActive { server: 4 });
    let smallest = f32::from_bits(1);
    for (column, probability, alias, server) in [
        (7, 1.0, 0, 7),
        (7, smallest, 0, 7),
        (0, 0.0, 63, 63),
        (0, 1.0 - f32::EPSILON, 4, 4),
    ] {
        let fault = victim
            .fault_of(|action| action.alias_table[column] = AliasColumn { probability, alias });
        assert_eq!(fault, ActionFault::NotActive { server });
    }
}

#[test]
fn a_table_that_gives_something_else_than_the_weights_say() {
    let mut victim = Victim::new();
    let all_to_the_first = AliasColumn {
        probability: 0.0,
        alias: 0,
    };
    let fault = victim.fault_of(|action| action.alias_table = [all_to_the_first; 64]);
    assert!(
        matches!(fault, ActionFault::Disagrees { server: 0, .. }),
        "{fault}"
    );
    let fault = victim.fault_of(|action| action.weights[3] = 4.1);
    assert!(matches!(fault, ActionFault::Disagrees { .. }), "{fault}");
}

#[test]
fn answers_to_what_nobody_asked() {
    let mut victim = Victim::new();
    for sequence in [0, 2, 1 << 61, u64::MAX] {
        let fault = victim.fault_of(|action| action.sequence_id = sequence);
        assert_eq!(
            fault,
            ActionFault::AnswersNothing {
                sequence,
                incarnation: 1
            }
        );
    }
    for incarnation in [0, 2, u64::MAX] {
        let fault = victim.fault_of(|action| action.incarnation = incarnation);
        assert_eq!(
            fault,
            ActionFault::AnswersNothing {
                sequence: 1,
                incarnation
            }
        );
    }
}

#[test]
fn an_action_for_a_server_that_left_meanwhile() {
    let mut victim = Victim::new();
    let mut without = observation(2);
    without.active_as_bitmap = 0b0111;
    victim.data_plane.write_observation(&mut without).unwrap();
    let fault = victim.fault_of(|_| ());
    assert_eq!(fault, ActionFault::NotActive { server: 3 });
}

#[test]
fn a_good_action_is_used_after_any_number_of_bad_ones() {
    let mut victim = Victim::new();
    for _ in 0..10 {
        victim.fault_of(|action| action.sequence_id = 0);
        assert_eq!(
            victim.data_plane.read_action(),
            Ok(None),
            "each is told once"
        );
    }
    let mut good = Action::of_weights(&[4.0, 3.0, 2.0, 1.0], ACTIVE).unwrap();
    (good.sequence_id, good.incarnation) = (1, 1);
    assert_eq!(victim.answer(&good), Ok(true));
    assert_eq!(victim.data_plane.action().unwrap().weights[0], 4.0);
}

#[test]
fn what_is_not_used_may_hold_anything() {
    let mut victim = Victim::new();
    let mut action = *victim.data_plane.action().unwrap();
    (
        action.reserved,
        action.reserved_for_later,
        action.timestamp_us,
    ) = (7, [u64::MAX; 4], 0);
    assert_eq!(victim.answer(&action), Ok(true));
}
