//! A hundred thousand random changes of valid actions: checking never panics, and what passes picks only servers that
//! take flows, as often as its weights say.

use zenoh_pinned_exchange::{Action, bytemuck};

use crate::harness::random::Random;

const ROUNDS: usize = 100_000;

const FLOATS: [f32; 12] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MIN_POSITIVE,
    1e-45,
    f32::MAX,
    0.999_999_94,
    1.000_000_1,
];
const NUMBERS: [u32; 7] = [0, 1, 63, 64, 65, 1 << 31, u32::MAX];

fn valid(random: &mut Random) -> (Action, u64) {
    loop {
        let active = random.next() & random.next();
        let weights: [f32; 64] = std::array::from_fn(|_| match random.below(4) {
            0 => 0.0,
            1 => random.below(100) as f32,
            2 => f32::from_bits(random.next() as u32 & 0x7f7f_ffff),
            _ => random.below(1 << 20) as f32 / 1024.0,
        });
        let count = 1 + random.below(64);
        if let Ok(action) = Action::of_weights(&weights[..count], active) {
            action.check(active).unwrap();
            return (action, active);
        }
    }
}

fn change(action: &mut Action, active: &mut u64, random: &mut Random) {
    let place = random.below(64);
    match random.below(9) {
        0 => action.weights[place] = random.one_of(&FLOATS),
        1 => action.weights[place] = f32::from_bits(random.next() as u32),
        2 => action.alias_table[place].probability = random.one_of(&FLOATS),
        3 => action.alias_table[place].probability = f32::from_bits(random.next() as u32),
        4 => action.alias_table[place].alias = random.one_of(&NUMBERS),
        5 => action.alias_table[place].alias = random.next() as u32 % 64,
        6 => action.num_servers = random.one_of(&NUMBERS),
        7 => *active ^= 1 << place,
        _ => {
            let bytes = bytemuck::bytes_of_mut(action);
            bytes[random.below(size_of::<Action>())] ^= 1 << random.below(8);
        }
    }
}

fn picks_only(active: u64, action: &Action) {
    for column in 0..64_u64 {
        for fraction in [0, 1, 0x7f_ffff, 0xff_fffe, 0xff_ffff] {
            let server = action.pick(column << 58 | fraction);
            assert!(
                active >> server & 1 == 1,
                "{server} of {active:b}: {action:?}"
            );
        }
    }
}

#[test]
fn checking_never_panics_and_what_passes_picks_only_servers_that_take_flows() {
    let mut random = Random(4);
    let mut passed = 0;
    for _ in 0..ROUNDS {
        let (mut action, mut active) = valid(&mut random);
        picks_only(active, &action);
        for _ in 0..=random.below(3) {
            change(&mut action, &mut active, &mut random);
            // Of any bits, passed or not, a pick is a server's number.
            assert!(action.pick(random.next()) < 64);
            if action.check(active).is_ok() {
                passed += 1;
                picks_only(active, &action);
            }
        }
    }
    assert!(passed > ROUNDS / 20, "{passed}: the changes test something");
}

#[test]
fn random_bytes_are_no_action() {
    let mut random = Random(5);
    let mut action = bytemuck::Zeroable::zeroed();
    for _ in 0..ROUNDS / 10 {
        let words: &mut [u64] =
            bytemuck::cast_slice_mut(bytemuck::bytes_of_mut::<Action>(&mut action));
        words.fill_with(|| random.next());
        action.check(random.next()).unwrap_err();
    }
}
