use zenoh_pinned::{Frame, PinnedPool, Pinner};

use super::{ElementType, SliceError, Tensor, TensorCopyError, TensorError, bytes_of};

fn frame(bytes: usize) -> Frame {
    // Of 64-bit numbers, so that they begin where every element may.
    struct Aligned(Vec<u64>);
    impl AsRef<[u8]> for Aligned {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }
    let whole = Aligned((0..bytes.div_ceil(8) as u64).collect());
    let whole = Frame::from_owner(whole, &Pinner::host_only()).unwrap();
    whole.part(0..bytes).unwrap()
}

fn pool() -> PinnedPool {
    let builder = PinnedPool::builder().slots(1).slot_bytes(4096);
    builder.build().unwrap()
}

#[test]
fn sizes_that_overflow_are_found_also_beside_zero() {
    let large = usize::MAX / 2;
    for shape in [vec![large, 3], vec![large, 3, 0], vec![0, usize::MAX, 2]] {
        assert_eq!(bytes_of(ElementType::Uint8, &shape), None, "{shape:?}");
        let refused = Tensor::new(frame(0), ElementType::Uint8, shape);
        assert!(matches!(refused, Err(TensorError::Overflow { .. })));
    }
    // Elements that are few, and whose bytes are too many.
    assert_eq!(bytes_of(ElementType::Float64, &[usize::MAX / 8]), None);
    assert_eq!(bytes_of(ElementType::Float64, &[]), Some(8));
    assert_eq!(bytes_of(ElementType::Float64, &[3, 0]), Some(0));
}

#[test]
fn a_tensor_has_exactly_its_frames_bytes() {
    for element in ElementType::ALL {
        let bytes = 6 * element.bytes();
        let tensor = Tensor::new(frame(bytes), element, [3, 2]).unwrap();
        assert_eq!((tensor.element(), tensor.bytes()), (element, bytes));
        for wrong in [bytes - 1, bytes + 1] {
            let refused = Tensor::new(frame(wrong), element, [3, 2]);
            let refused = refused.map(drop).unwrap_err();
            let TensorError::Bytes { needed, given, .. } = refused else {
                panic!("{refused}");
            };
            assert_eq!((needed, given), (bytes, wrong));
        }
    }
    assert!(Tensor::new(frame(0), ElementType::Float64, [0, 4]).is_ok());
}

#[test]
fn elements_begin_at_a_multiple_of_their_size() {
    let whole = frame(32);
    for element in ElementType::ALL {
        for start in 0..8 {
            let part = Tensor::part_of(&whole, start..start + 8, element, [8 / element.bytes()]);
            match start % element.bytes() {
                0 => assert_eq!(
                    part.unwrap().frame().as_ptr() as usize,
                    whole.as_ptr() as usize + start
                ),
                _ => assert!(matches!(part, Err(TensorError::Misaligned { .. }))),
            }
        }
    }
}

#[test]
fn a_part_beyond_the_frame_is_refused() {
    let whole = frame(32);
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let wrong = [24..40, 33..33, 8..0, usize::MAX - 1..usize::MAX];
    for range in wrong {
        let refused = Tensor::part_of(&whole, range.clone(), ElementType::Uint8, [8]);
        assert!(
            matches!(refused, Err(TensorError::Outside { .. })),
            "{range:?}"
        );
    }
}

#[test]
fn elements_are_shown_as_their_own_type_or_their_bits_and_as_no_other() {
    let tensor = Tensor::new(frame(16), ElementType::Uint64, [2]).unwrap();
    assert_eq!(tensor.as_slice::<u64>().unwrap(), [0, 1]);
    for (element, asked) in [
        (ElementType::BFloat16, ElementType::Uint16),
        (ElementType::Float16, ElementType::Uint16),
    ] {
        assert_eq!(element.shown_as(), asked);
        let tensor = Tensor::new(frame(4), element, [2]).unwrap();
        assert!(tensor.as_slice::<u16>().is_ok());
        assert_eq!(
            tensor.as_slice::<i16>(),
            Err(SliceError {
                element,
                asked: ElementType::Int16
            })
        );
    }
    let tensor = Tensor::new(frame(4), ElementType::Float32, [1]).unwrap();
    assert!(tensor.as_slice::<u32>().is_err() && tensor.as_slice::<f64>().is_err());
}

#[test]
fn a_copy_lies_in_a_slot_and_its_frame_can_be_published_as_it_lies() {
    let (pool, pinner) = (pool(), Pinner::host_only());
    let elements: Vec<i16> = (-300..300).collect();
    let tensor = Tensor::copy_from(&elements, [20, 30], &pool, &pinner).unwrap();
    assert_eq!(tensor.as_slice::<i16>().unwrap(), elements);
    assert_eq!(pool.statistics().in_use, 1);
    let payload = tensor.frame().shared_payload().unwrap();
    assert_eq!(payload.to_bytes().as_ptr(), tensor.frame().as_ptr());
    drop((tensor, payload));
    assert_eq!(pool.statistics().in_use, 0);
}

#[test]
fn a_shape_that_does_not_fit_takes_no_slot() {
    let (pool, pinner) = (pool(), Pinner::host_only());
    let refused = Tensor::copy_from(&[1u8, 2, 3], [2, 2], &pool, &pinner);
    assert!(matches!(
        refused,
        Err(TensorCopyError::Tensor(TensorError::Bytes { .. }))
    ));
    assert_eq!(pool.statistics().allocations, 0);
    let refused = Tensor::copy_from(&[0u64; 1000], [1000], &pool, &pinner);
    assert!(matches!(refused, Err(TensorCopyError::Alloc(_))));
    let slot = pool.alloc(8).unwrap();
    assert!(Tensor::from_slot(slot, ElementType::Int8, [9], &pinner).is_err());
    assert_eq!(pool.statistics().in_use, 0);
}

#[cfg(feature = "dora")]
#[test]
fn arrow_shows_every_type_of_element_where_it_lies() {
    use arrow::array::Array;

    use crate::arrow_stream::values_of;

    for element in ElementType::ALL {
        let tensor = Tensor::new(frame(6 * element.bytes()), element, [3, 2]).unwrap();
        let address = tensor.frame().as_ptr();
        let array = tensor.into_arrow().unwrap();
        assert_eq!((array.len(), array.data_type()), (6, &element.data_type()));
        let values = values_of(&array).unwrap();
        assert_eq!(
            (values.as_ptr(), values.len()),
            (address, 6 * element.bytes())
        );
    }
}
