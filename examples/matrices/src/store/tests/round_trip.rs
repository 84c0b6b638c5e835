use super::*;

#[test]
fn what_is_stored_is_read_back_equal_by_zarrs() {
    for element in ElementType::ALL {
        for shuffle in [false, true] {
            for kind in Kind::ALL {
                let mut run = Run::new(kind, element, shuffle, Some(3));
                run.put([2, 0, 1]);
                let (array, ..) =
                    super::super::layout::open_matrices(run.store.folder(), &run.store.files)
                        .unwrap();
                for number in 0..3 {
                    let bytes: zarrs::array::ArrayBytes<'_> =
                        array.retrieve_chunk(&[number, 0, 0]).unwrap();
                    assert_eq!(
                        *bytes.into_fixed().unwrap(),
                        run.matrix(number),
                        "{kind} {element} {shuffle}"
                    );
                }
                let verified = run.verify();
                assert!(verified.is_whole(), "{verified}");
                assert!(verified.without_checksum.is_empty());
                assert_eq!(
                    verified.input,
                    InputVerdict::Compared {
                        differ: Ranges::default()
                    }
                );
                assert_eq!((verified.count, verified.stored), (3, 3));
            }
        }
    }
}

#[test]
fn a_chunk_that_is_put_again_is_replaced() {
    let mut run = Run::smooth(2);
    let before = fs::read(run.chunk(1)).unwrap();
    run.store.put(1, b"something else").unwrap();
    assert_ne!(fs::read(run.chunk(1)).unwrap(), before);
    run.put([1]);
    assert_eq!(fs::read(run.chunk(1)).unwrap(), before);
}

#[test]
fn a_number_beyond_the_count_is_refused_and_one_without_a_count_is_not() {
    let run = Run::smooth(2);
    let refused = Store::open(run.store.folder()).unwrap().put(2, b"");
    assert!(matches!(
        refused,
        Err(StoreError::Beyond {
            number: 2,
            count: 2
        })
    ));
    let run = Run::new(Kind::Ramp, ElementType::U8, false, None);
    Store::open(run.store.folder())
        .unwrap()
        .put(1 << 40, b"")
        .unwrap();
}

#[test]
fn a_run_without_a_count_grows_and_never_shrinks() {
    let mut run = Run::new(Kind::Smooth, ElementType::I16, true, None);
    assert_eq!(run.store.count().unwrap(), 0);
    run.put([0, 1, 5000]);
    let verified = run.verify();
    assert_eq!((verified.count, verified.stored), (0, 0));
    assert_eq!(verified.beyond, ranges([0, 1, 5000]));
    assert!(
        !verified.is_whole(),
        "a chunk that no reader sees is not a stored one"
    );
    for (asked, count) in [(2, 2), (5001, 5001), (3, 5001)] {
        run.store.grow(asked).unwrap();
        assert_eq!(run.store.count().unwrap(), count);
        assert_eq!(
            json_of(&run.store.folder().join("checksums/zarr.json"))["shape"],
            json!([count])
        );
    }
    // Python's zarr wants each codec as an object.
    let codecs = json_of(&run.store.folder().join("matrices/zarr.json"))["codecs"].clone();
    assert_eq!(codecs, json!(run.encoding.codecs(ElementType::I16)));
    assert_eq!(run.store.missing().unwrap().to_string(), "2-4999");
    let verified = run.verify();
    assert_eq!((verified.stored, verified.beyond.is_empty()), (3, true));
    assert!(verified.without_checksum.is_empty() && verified.differ_from_checksum.is_empty());
    assert_eq!(
        verified.input,
        InputVerdict::Compared {
            differ: Ranges::default()
        }
    );
}

#[test]
fn how_a_run_ended_is_noted() {
    let mut run = Run::new(Kind::Ramp, ElementType::U8, false, Some(4));
    run.put([0, 3]);
    let finished = run.store.finish(&[2]).unwrap();
    let expected = Finished {
        stored: 2,
        count: 4,
        complete: false,
        failed: ranges([2]),
        missing: ranges([1, 2]),
    };
    assert_eq!(finished, expected);
    let attributes = &json_of(&run.store.folder().join("zarr.json"))["attributes"];
    assert_eq!(
        serde_json::from_value::<Finished>(attributes["finished"].clone()).unwrap(),
        expected
    );
    assert_eq!(attributes["note"], Value::Object(note(&run.input)));
    run.put([1, 2]);
    assert!(run.store.finish(&[]).unwrap().complete);
    assert!(
        !run.store.finish(&[1]).unwrap().complete,
        "what the caller gave up counts"
    );
}

#[test]
fn progress_is_told_for_every_chunk() {
    let run = Run::smooth(5);
    let mut told = Vec::new();
    verify(run.store.folder(), &mut |done, all| told.push((done, all))).unwrap();
    assert_eq!(told, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
}
