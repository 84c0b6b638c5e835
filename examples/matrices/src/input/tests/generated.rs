use super::*;
use crate::matrix::checksum;

fn matrix(kind: Kind, form: Form, seed: u64, number: u64) -> Vec<u8> {
    let mut matrix = vec![0xa5; form.bytes() as usize];
    Input::generated(kind, form, seed)
        .write(number, &mut matrix)
        .unwrap();
    matrix
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect()
}

#[test]
fn a_generated_matrix_is_the_same_on_every_machine() {
    // What was stored by one version has to compare equal to what another generates.
    let told = ElementType::ALL.map(|element| {
        let form = form(5, 7, element);
        Kind::ALL.map(|kind| checksum(&matrix(kind, form, 3, 4)))
    });
    assert_eq!(told, GENERATED);
}

const GENERATED: [[u32; 3]; 10] = [
    [3362750717, 56633445, 372773539],
    [1510016670, 2195944955, 199560435],
    [22208286, 559929921, 2226626880],
    [2087511721, 911324211, 2958332678],
    [1301030268, 1063946213, 2230891942],
    [2088256064, 2002498250, 2888634790],
    [22208286, 1016884476, 2226626880],
    [2087511721, 3958794544, 2958332678],
    [1301030268, 354414151, 2230891942],
    [2088256064, 2358599804, 2888634790],
];

#[test]
fn another_seed_or_number_gives_another_matrix() {
    let form = form(9, 11, ElementType::F64);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..20 {
        for number in (0..20).chain([1 << 40]) {
            assert!(seen.insert(matrix(Kind::Random, form, seed, number)));
            assert_eq!(
                matrix(Kind::Random, form, seed, number),
                matrix(Kind::Random, form, seed, number)
            );
        }
    }
    assert_ne!(
        matrix(Kind::Smooth, form, 0, 0),
        matrix(Kind::Smooth, form, 0, 1)
    );
    assert_ne!(
        matrix(Kind::Smooth, form, 0, 0),
        matrix(Kind::Smooth, form, 1, 0)
    );
}

#[test]
fn random_floats_fill_the_range_from_0_to_1_evenly() {
    let values = floats(&matrix(
        Kind::Random,
        form(100, 1000, ElementType::F64),
        0,
        0,
    ));
    assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
    for tenth in 0..10 {
        let from = f64::from(tenth) / 10.0;
        let within = values
            .iter()
            .filter(|value| (from..from + 0.1).contains(*value))
            .count();
        assert!((9_500..10_500).contains(&within), "{within} from {from}");
    }
}

#[test]
fn random_integers_have_every_bit() {
    for element in [ElementType::U8, ElementType::I64] {
        let bytes = matrix(Kind::Random, form(9, 1001, element), 0, 0);
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        let all = 8 * bytes.len() as u32;
        assert!(
            (all * 48 / 100..all * 52 / 100).contains(&ones),
            "{element}: {ones} of {all}"
        );
    }
}

#[test]
fn a_smooth_matrix_moves_little_from_one_number_to_the_next() {
    let values = floats(&matrix(Kind::Smooth, form(3, 2000, ElementType::F64), 0, 0));
    assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
    for row in values.chunks(2000) {
        assert!(row.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.01));
        let (low, high) = row.iter().fold((1.0_f64, -1.0_f64), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
        assert!(high - low > 0.2, "{low} to {high}");
    }
    // It is the same field in every type.
    let measured = matrix(Kind::Smooth, form(3, 2000, ElementType::U16), 0, 0);
    let steps = measured
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f64::from(u16::from_le_bytes(*bytes)));
    assert!(
        steps
            .zip(&values)
            .all(|(step, value)| step == value * 32768.0 + 32768.0)
    );
}

#[test]
fn a_ramp_counts_on_from_one_matrix_to_the_next_and_wraps() {
    let form = form(2, 3, ElementType::I8);
    assert_eq!(
        matrix(Kind::Ramp, form, 9, 21),
        [126, 127, 128, 129, 130, 131]
    );
    let last = matrix(Kind::Ramp, form, 9, u64::MAX);
    assert_eq!(last, [250, 251, 252, 253, 254, 255]);
    let values = floats(&matrix(
        Kind::Ramp,
        super::form(2, 2, ElementType::F64),
        0,
        5,
    ));
    assert_eq!(values, [20.0, 21.0, 22.0, 23.0]);
}
