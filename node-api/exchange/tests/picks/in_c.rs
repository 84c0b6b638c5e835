//! `zpx_pick` of the header and `Action::pick` give the same server for the same bits.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use zenoh_pinned_exchange::{Action, bytemuck};

use crate::harness::{compiler, random::Random};

const PICKS: usize = 200_000;

#[test]
fn the_headers_pick_and_this_crates_are_the_same() {
    let Some(program) = compiler::program("cc", "c11", "tests/picks/picks.c", &[]) else {
        println!("skipped: there is no C compiler");
        return;
    };
    let mut random = Random(8);
    for round in 0..4 {
        let weights: [f32; 64] = std::array::from_fn(|_| random.below(1 << 16) as f32);
        let mut action = Action::of_weights(&weights, random.next()).unwrap();
        if round == 3 {
            // Not valid, and still the same in both.
            action.alias_table[5].alias = 1000;
            action.alias_table[6].probability = f32::NAN;
        }
        let mut bits: Vec<u64> = (0..PICKS).map(|_| random.next()).collect();
        bits.extend((0..64).flat_map(|column| [0, 1, 0xff_ffff].map(|low| column << 58 | low)));
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let picked = std::thread::scope(|scope| {
            scope.spawn(|| {
                input.write_all(bytemuck::bytes_of(&action)).unwrap();
                input.write_all(bytemuck::cast_slice(&bits)).unwrap();
                drop(input);
            });
            let mut picked = Vec::new();
            output.read_to_end(&mut picked).unwrap();
            picked
        });
        assert!(child.wait().unwrap().success());
        let expected: Vec<u8> = bits.iter().map(|bits| action.pick(*bits) as u8).collect();
        assert!(picked == expected, "round {round}");
    }
    std::fs::remove_file(program).unwrap();
}
