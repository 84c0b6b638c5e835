use super::*;

const ENCODINGS: [(i32, bool); 4] = [(1, false), (3, false), (3, true), (22, true)];

/// Bytes that hardly compress, or compress well.
fn matrix(bytes: usize, noisy: bool) -> Vec<u8> {
    (0..bytes as u64)
        .map(|at| {
            if noisy {
                (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as u8
            } else {
                (at / 64) as u8
            }
        })
        .collect()
}

#[test]
fn a_level_that_zstd_does_not_have_is_refused_however_it_is_given() {
    for level in [i32::MIN, -1, 0, 23, i32::MAX] {
        assert_eq!(
            Encoding::new(level, false),
            Err(EncodeError::Level { level })
        );
        let json = format!(r#"{{"level":{level},"shuffle":true}}"#);
        assert!(serde_json::from_str::<Encoding>(&json).is_err());
    }
    let encoding = Encoding::new(22, true).unwrap();
    let json = serde_json::to_string(&encoding).unwrap();
    assert_eq!(json, r#"{"level":22,"shuffle":true}"#);
    assert_eq!(serde_json::from_str::<Encoding>(&json).unwrap(), encoding);
}

#[test]
fn blosc_is_given_the_nearest_of_its_levels() {
    let levels: Vec<i32> = (1..=22).map(blosc::level).collect();
    assert_eq!(
        levels,
        [
            1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9
        ]
    );
}

#[test]
fn a_result_always_fits_what_is_said_to_suffice() {
    for (level, shuffle) in ENCODINGS {
        let encoding = Encoding::new(level, shuffle).unwrap();
        let mut encoder = encoding.encoder(ElementType::F64).unwrap();
        for bytes in [8, 64, 8 * 1000, 8 * 60_000] {
            for noisy in [false, true] {
                let matrix = matrix(bytes, noisy);
                let mut into = vec![0; encoding.most_bytes(bytes)];
                let encoded = encoder.encode(&matrix, &mut into).unwrap();
                assert!((1..=into.len()).contains(&encoded));
            }
        }
    }
}

#[test]
fn one_encoder_gives_the_same_bytes_each_time_and_never_writes_behind_its_room() {
    for (level, shuffle) in ENCODINGS {
        let encoding = Encoding::new(level, shuffle).unwrap();
        let matrix = matrix(80_000, false);
        let mut encoder = encoding.encoder(ElementType::I16).unwrap();
        let mut first = vec![0; encoding.most_bytes(matrix.len())];
        let bytes = encoder.encode(&matrix, &mut first).unwrap();
        for room in [0, 1, 15, 16, bytes, first.len() - 1] {
            let mut slot = vec![0xa5; first.len() + 64];
            let refused = encoder.encode(&matrix, &mut slot[..room]);
            assert!(
                matches!(refused, Err(EncodeError::NoRoom { .. })),
                "{encoding:?} {room}: {refused:?}"
            );
            assert!(slot[room..].iter().all(|byte| *byte == 0xa5));
        }
        let mut again = vec![0; first.len()];
        assert_eq!(encoder.encode(&matrix, &mut again), Ok(bytes));
        assert_eq!(first[..bytes], again[..bytes]);
        // Not even where the result is as large as it gets, for every length near that of a header.
        for bytes in (0..400).step_by(2) {
            let (matrix, most) = (self::matrix(bytes, true), encoding.most_bytes(bytes));
            let mut slot = vec![0xa5; most + 64];
            let encoded = encoder.encode(&matrix, &mut slot[..most]).unwrap();
            assert!(encoded <= most && slot[most..].iter().all(|byte| *byte == 0xa5));
        }
    }
}

#[test]
fn a_zstd_frame_tells_its_size_and_has_a_checksum() {
    let encoding = Encoding::new(3, false).unwrap();
    let matrix = matrix(80_000, false);
    let mut into = vec![0; encoding.most_bytes(matrix.len())];
    let bytes = encoding
        .encoder(ElementType::U8)
        .unwrap()
        .encode(&matrix, &mut into)
        .unwrap();
    let frame = &mut into[..bytes];
    assert_eq!(
        zstd::zstd_safe::get_frame_content_size(frame).unwrap(),
        Some(80_000)
    );
    assert_eq!(zstd::bulk::decompress(frame, 80_000).unwrap(), matrix);
    assert_eq!(frame[4] & 4, 4, "the flag for a checksum");
    frame[bytes - 1] ^= 1;
    assert!(zstd::bulk::decompress(frame, 80_000).is_err());
}

#[test]
fn part_of_an_element_is_refused() {
    for (level, shuffle) in ENCODINGS {
        let mut encoder = Encoding::new(level, shuffle)
            .unwrap()
            .encoder(ElementType::F64)
            .unwrap();
        let refused = encoder.encode(&[0; 12], &mut [0; 100]);
        assert_eq!(
            refused,
            Err(EncodeError::PartOfAnElement {
                bytes: 12,
                element: ElementType::F64
            })
        );
    }
}

#[test]
fn the_codecs_are_those_of_zarr() {
    let plain = Encoding::new(5, false).unwrap().codecs(ElementType::F64);
    assert_eq!(
        plain[1],
        json!({"name": "zstd", "configuration": {"level": 5, "checksum": true}})
    );
    let shuffled = Encoding::new(5, true).unwrap().codecs(ElementType::I16);
    let configuration =
        json!({"cname": "zstd", "clevel": 3, "shuffle": "shuffle", "typesize": 2, "blocksize": 0});
    assert_eq!(
        shuffled[1],
        json!({"name": "blosc", "configuration": configuration})
    );
    for codecs in [plain, shuffled] {
        assert_eq!(
            codecs[0],
            json!({"name": "bytes", "configuration": {"endian": "little"}})
        );
        assert_eq!(codecs[2], json!({"name": "crc32c"}));
    }
}

#[test]
fn noise_is_compressed_by_parts_from_the_second_one_on_and_is_the_same_kind_of_frame() {
    let encoding = Encoding::new(3, false).unwrap();
    let mut encoder = encoding.encoder(ElementType::F64).unwrap();
    let mut into = vec![0; encoding.most_bytes(900_000)];
    for (bytes, is_noise) in [
        (900_000, true),
        (900_000, true),
        (300_000, true),
        (900_000, false),
        (8, true),
        (900_000, true),
    ] {
        let matrix = matrix(bytes, is_noise);
        let bytes = encoder.encode(&matrix, &mut into).unwrap();
        let frame = &into[..bytes];
        let size = zstd::zstd_safe::get_frame_content_size(frame).unwrap();
        assert_eq!(size, Some(matrix.len() as u64));
        assert_eq!(zstd::decode_all(frame).unwrap(), matrix);
        let mut broken = frame.to_vec();
        broken[bytes - 1] ^= 1;
        assert!(zstd::decode_all(&broken[..]).is_err(), "no checksum");
    }
}
