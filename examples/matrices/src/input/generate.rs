//! Matrices that are made up: the same for the same kind, seed and number, on every machine.
//!
//! Everything is integers, and sums and products of floats, which IEEE 754 defines to the last bit; a
//! sine of the system's library would differ from machine to machine. Each number is written where it
//! belongs, little-endian; only a smooth matrix needs some memory beside, a few numbers per column.

use super::Kind;
use crate::matrix::{ElementType, Form};

/// Writes all of `matrix`, which has the form's bytes.
pub(super) fn write(kind: Kind, form: Form, seed: u64, number: u64, matrix: &mut [u8]) {
    match kind {
        Kind::Random => random(form.element(), Noise::new(seed, number), matrix),
        Kind::Smooth => smooth(form, Noise::new(seed, number), number, matrix),
        Kind::Ramp => ramp(form.element(), number.wrapping_mul(form.elements()), matrix),
    }
}

/// Steele, Lea and Flood's SplitMix64, with a start of its own for every seed and number.
#[derive(Clone, Copy)]
struct Noise(u64);

impl Noise {
    fn new(seed: u64, number: u64) -> Self {
        Self(Self(seed).next() ^ Self(!number).next())
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Writes one number after the other.
#[inline]
fn each<const BYTES: usize>(matrix: &mut [u8], mut number: impl FnMut(u64) -> [u8; BYTES]) {
    for (at, place) in (0..).zip(matrix.as_chunks_mut().0) {
        *place = number(at);
    }
}

fn random(element: ElementType, mut noise: Noise, matrix: &mut [u8]) {
    match element {
        // As many bits as the mantissa has: 0 is possible, 1 is not.
        ElementType::F64 => each(matrix, |_| {
            ((noise.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)).to_le_bytes()
        }),
        ElementType::F32 => each(matrix, |_| {
            ((noise.next() >> 40) as f32 * (1.0 / (1_u64 << 24) as f32)).to_le_bytes()
        }),
        _ => {
            let (words, tail) = matrix.as_chunks_mut();
            for word in words {
                *word = noise.next().to_le_bytes();
            }
            let last = noise.next().to_le_bytes();
            tail.copy_from_slice(&last[..tail.len()]);
        }
    }
}

fn ramp(element: ElementType, start: u64, matrix: &mut [u8]) {
    let value = |at| start.wrapping_add(at);
    match element {
        ElementType::F32 => each(matrix, |at| (value(at) as f32).to_le_bytes()),
        ElementType::F64 => each(matrix, |at| (value(at) as f64).to_le_bytes()),
        ElementType::I8 | ElementType::U8 => each(matrix, |at| (value(at) as u8).to_le_bytes()),
        ElementType::I16 | ElementType::U16 => each(matrix, |at| (value(at) as u16).to_le_bytes()),
        ElementType::I32 | ElementType::U32 => each(matrix, |at| (value(at) as u32).to_le_bytes()),
        ElementType::I64 | ElementType::U64 => each(matrix, |at| value(at).to_le_bytes()),
    }
}

/// Waves along the rows and along the columns, whose products are added up.
const WAVES: usize = 3;

/// Half of the instrument's 65,536 steps. Three waves of up to 10,000 and the noise stay within.
const HALF: i32 = 1 << 15;
const HEIGHT: f64 = 10_000.0;

fn smooth(form: Form, mut noise: Noise, number: u64, matrix: &mut [u8]) {
    let (rows, columns) = (form.shape().rows(), form.shape().columns());
    // The field drifts from one matrix to the next and is back after 4,096 of them.
    let drift = (number % 4096) as f64 / 4096.0;
    let along = |wave: usize, at: u64, of: u64| {
        let lengths = (wave + 1) as f64;
        sine(lengths * (at as f64 / of as f64) + drift + 0.3 * wave as f64)
    };
    let across: Vec<[f64; WAVES]> = (0..columns)
        .map(|column| std::array::from_fn(|wave| along(wave, column, columns)))
        .collect();
    let row_bytes = matrix.len() / rows as usize;
    for (row, place) in (0..).zip(matrix.chunks_exact_mut(row_bytes)) {
        let down: [f64; WAVES] = std::array::from_fn(|wave| HEIGHT * along(wave, row, rows));
        write_row(form.element(), &down, &across, &mut noise, place);
    }
}

fn write_row(
    element: ElementType,
    down: &[f64; WAVES],
    across: &[[f64; WAVES]],
    noise: &mut Noise,
    row: &mut [u8],
) {
    let mut bits = 0;
    let mut values = across.iter();
    // Steps from -32,768 to 32,767, the lowest three bits of which are noise: one draw serves 16.
    let mut step = move |at: u64| {
        if at.is_multiple_of(16) {
            bits = noise.next();
        }
        let field = values
            .next()
            .map_or(0.0, |[a, b, c]| down[0] * a + down[1] * b + down[2] * c);
        let measured = field as i32 + (bits & 7) as i32;
        bits >>= 4;
        measured
    };
    match element {
        ElementType::F32 => each(row, |at| {
            (step(at) as f32 * (1.0 / HALF as f32)).to_le_bytes()
        }),
        ElementType::F64 => each(row, |at| {
            (step(at) as f64 * (1.0 / f64::from(HALF))).to_le_bytes()
        }),
        ElementType::I8 => each(row, |at| ((step(at) >> 8) as i8).to_le_bytes()),
        ElementType::I16 => each(row, |at| (step(at) as i16).to_le_bytes()),
        ElementType::I32 => each(row, |at| step(at).to_le_bytes()),
        ElementType::I64 => each(row, |at| i64::from(step(at)).to_le_bytes()),
        ElementType::U8 => each(row, |at| (((step(at) + HALF) >> 8) as u8).to_le_bytes()),
        ElementType::U16 => each(row, |at| ((step(at) + HALF) as u16).to_le_bytes()),
        ElementType::U32 => each(row, |at| ((step(at) + HALF) as u32).to_le_bytes()),
        ElementType::U64 => each(row, |at| ((step(at) + HALF) as u64).to_le_bytes()),
    }
}

/// Nearly the sine of so many whole turns: two parabolas, bent to within 0.2 % of it.
fn sine(turns: f64) -> f64 {
    let half_turns = 2.0 * (turns - turns.floor()) - 1.0;
    let parabola = 4.0 * half_turns * (half_turns.abs() - 1.0);
    parabola * (0.775 + 0.225 * parabola.abs())
}
