//! A buffer of another library that is taken for one run of elements is one, at every index.
//!
//! Input: length (4 bytes), bytes of an item (1), dimensions (1), then size (4) and stride (4) of each.

use crate::{Seed, Target, reader::Reader, shape};

pub(crate) const TARGET: Target = Target {
    name: "python_shape",
    check,
    seeds,
};

const MAX_DIMENSIONS: u8 = 8;
/// What a count leaves room for; ours have 8 at most, an exporter's item may claim more.
const MAX_ELEMENT_BYTES: usize = 16;
const MAX_WALKED: usize = 1 << 12;

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let bytes = reader.u32() as usize;
    let item_bytes = usize::from(reader.u8());
    let dimensions = reader.u8() % (MAX_DIMENSIONS + 1);
    let (mut sizes, mut strides) = (Vec::new(), Vec::new());
    for _ in 0..dimensions {
        // The largest value stands for all that do not fit 32 bits.
        let size = reader.u32();
        sizes.push(if size == u32::MAX {
            usize::MAX
        } else {
            size as usize
        });
        strides.push(reader.i32() as isize);
    }
    let Some(count) = shape::count(&sizes) else {
        assert!(!shape::is_one_run(bytes, item_bytes, &sizes, &strides));
        return;
    };
    let all = count.saturating_mul(item_bytes);
    if item_bytes <= MAX_ELEMENT_BYTES {
        let row_major = shape::strides(&sizes, item_bytes);
        assert!(shape::is_one_run(all, item_bytes, &sizes, &row_major));
        assert!(shape::is_one_run(all, item_bytes, &sizes, &[]));
    }
    if !shape::is_one_run(bytes, item_bytes, &sizes, &strides) {
        return;
    }
    assert_eq!(bytes, all);
    if count > MAX_WALKED || bytes == 0 {
        return;
    }
    for element in 0..count {
        assert_eq!(
            address_of(element, &sizes, &strides),
            (element * item_bytes) as isize
        );
    }
}

/// Where element `element` in row-major order is, by its strides.
fn address_of(mut element: usize, sizes: &[usize], strides: &[isize]) -> isize {
    let mut address = 0;
    for (size, stride) in sizes.iter().zip(strides).rev() {
        let index = element % size;
        element /= size;
        if index > 0 {
            address += index as isize * stride;
        }
    }
    address
}

/// Name, length, bytes of an item, size and stride of each dimension.
type Case = (&'static str, u32, u8, &'static [(u32, i32)]);

fn seeds() -> Vec<Seed> {
    let cases: [Case; 9] = [
        ("image", 24, 1, &[(2, 12), (3, 4), (4, 1)]),
        ("numbers", 24, 4, &[(6, 4)]),
        ("scalar", 8, 8, &[]),
        ("column-major", 24, 4, &[(2, 4), (3, 8)]),
        ("every-second", 12, 4, &[(3, 8)]),
        ("backwards", 12, 4, &[(3, -4)]),
        ("same-again", 12, 4, &[(3, 0)]),
        ("none", 0, 4, &[(0, 4), (u32::MAX, 1)]),
        (
            "overflow",
            0,
            4,
            &[(u32::MAX, 4), (u32::MAX, 4), (u32::MAX, 4)],
        ),
    ];
    let seed = |(name, bytes, item_bytes, dimensions): Case| {
        let mut input = bytes.to_le_bytes().to_vec();
        input.extend_from_slice(&[item_bytes, dimensions.len() as u8]);
        for (size, stride) in dimensions {
            input.extend_from_slice(&size.to_le_bytes());
            input.extend_from_slice(&stride.to_le_bytes());
        }
        (name.to_owned(), input)
    };
    cases.map(seed).to_vec()
}
