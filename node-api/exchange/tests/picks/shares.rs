//! Ten million picks for each of some weights, against the weights (chi-square, seeds fixed).

use zenoh_pinned_exchange::Action;

use crate::harness::random::Random;

const PICKS: usize = 10_000_000;
/// What the chi-square distribution of so many degrees of freedom exceeds once in a million times.
const LIMITS: [(usize, f64); 7] = [
    (1, 23.93),
    (3, 30.66),
    (31, 83.64),
    (48, 109.66),
    (59, 125.66),
    (62, 129.95),
    (63, 131.37),
];

fn limit_of(degrees: usize) -> f64 {
    let found = LIMITS.iter().find(|(of, _)| *of == degrees);
    found
        .unwrap_or_else(|| panic!("no limit for {degrees} degrees"))
        .1
}

/// The statistic of picks against the weights, and its degrees of freedom. Servers that get next to nothing count as
/// one.
fn chi_square_of(action: &Action, weights: &[f32; 64], seed: u64) -> (f64, usize) {
    let mut counts = [0_u64; 64];
    let mut random = Random(seed);
    for _ in 0..PICKS {
        counts[action.pick(random.next())] += 1;
    }
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let (mut statistic, mut cells) = (0.0, 0_usize);
    let mut rare = (0.0, 0.0);
    let mut add = |counted: f64, expected: f64| {
        statistic += (counted - expected).powi(2) / expected;
        cells += 1;
    };
    for (server, counted) in counts.into_iter().enumerate() {
        let expected = f64::from(weights[server]) / total * PICKS as f64;
        if expected == 0.0 {
            assert_eq!(counted, 0, "server {server} has no weight");
        } else if expected < 10.0 {
            rare = (rare.0 + counted as f64, rare.1 + expected);
        } else {
            add(counted as f64, expected);
        }
    }
    if rare.1 > 10.0 {
        add(rare.0, rare.1);
    }
    (statistic, cells - 1)
}

#[test]
fn servers_are_picked_as_often_as_their_weights_say() {
    let even = [1.0; 64];
    let rising: [f32; 64] = std::array::from_fn(|server| server as f32);
    let steep: [f32; 64] = std::array::from_fn(|server| 1.3_f32.powi(server as i32));
    let mut random = Random(7);
    let uneven: [f32; 64] = std::array::from_fn(|_| random.below(1000) as f32 / 7.0);
    let cases: [(&[f32], u64); 7] = [
        (&even, u64::MAX),
        (&even, 0x5555_5555_5555_5555),
        (&rising, u64::MAX),
        (&steep, u64::MAX),
        (&uneven, !0b111),
        (&[1.0, 1.5, 2.0, 1.2], 0b1111),
        (&[1e-3, 1.0, 1e3], 0b111),
    ];
    for (seed, (weights, active)) in cases.into_iter().enumerate() {
        let action = Action::of_weights(weights, active).unwrap();
        let (statistic, degrees) = chi_square_of(&action, &action.weights, seed as u64);
        let limit = limit_of(degrees);
        println!("case {seed}: chi-square {statistic:.1}, {degrees} degrees, limit {limit}");
        assert!(statistic < limit, "case {seed}: {statistic}");
    }
}

/// The limits tell shares apart that differ by one part in a hundred.
#[test]
fn weights_that_are_a_little_different_are_seen() {
    let wanted = Action::of_weights(&[1.0; 64], u64::MAX).unwrap();
    let given: [f32; 64] = std::array::from_fn(|server| if server % 2 == 0 { 1.01 } else { 1.0 });
    let given = Action::of_weights(&given, u64::MAX).unwrap();
    let (statistic, degrees) = chi_square_of(&given, &wanted.weights, 9);
    assert!(statistic > limit_of(degrees), "{statistic}");
}
