use super::*;

#[test]
fn every_turned_byte_of_a_chunk_is_found() {
    for shuffle in [false, true] {
        let mut run = Run::new(Kind::Smooth, ElementType::U8, shuffle, Some(2));
        run.put(0..2);
        let whole = fs::read(run.chunk(1)).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(run.chunk(1), damaged).unwrap();
            let verified = run.verify();
            let numbers: Vec<u64> = verified
                .undecodable
                .iter()
                .map(|chunk| chunk.number)
                .collect();
            assert_eq!(numbers, [1], "byte {at}: {verified}");
            assert!(!verified.is_whole());
        }
    }
}

#[test]
fn a_cut_or_empty_chunk_is_found() {
    let run = Run::smooth(3);
    let whole = fs::read(run.chunk(0)).unwrap();
    for length in [0, 3, 4, 20, whole.len() - 1] {
        fs::write(run.chunk(0), &whole[..length]).unwrap();
        let verified = run.verify();
        assert_eq!(verified.undecodable.len(), 1, "{length}: {verified}");
        assert!(!verified.undecodable[0].reason.is_empty());
        assert_eq!((verified.stored, verified.missing.count()), (3, 0));
    }
}

#[test]
fn a_chunk_of_another_matrix_is_found_by_its_checksum_and_by_the_input() {
    let run = Run::smooth(4);
    fs::copy(run.chunk(2), run.chunk(1)).unwrap();
    let verified = run.verify();
    assert!(verified.undecodable.is_empty());
    assert_eq!(verified.differ_from_checksum, ranges([1]));
    assert_eq!(
        verified.input,
        InputVerdict::Compared {
            differ: ranges([1])
        }
    );
    assert!(!verified.is_whole());
    let table = verified.to_string();
    assert!(
        table.contains("differ from checksum") && table.contains("NOT WHOLE"),
        "{table}"
    );
}

#[test]
fn a_missing_chunk_is_found_and_no_matrix_of_zeros() {
    let run = Run::smooth(6);
    for number in [0, 3, 4] {
        fs::remove_file(run.chunk(number)).unwrap();
    }
    assert_eq!(run.store.missing().unwrap().to_string(), "0, 3-4");
    let verified = run.verify();
    assert_eq!((verified.stored, verified.missing), (3, ranges([0, 3, 4])));
    assert!(verified.undecodable.is_empty() && verified.differ_from_checksum.is_empty());
    // What Zarr would not look for is no chunk either.
    let other = run.store.folder().join("matrices/c/03/0");
    fs::create_dir_all(&other).unwrap();
    fs::copy(run.chunk(1), other.join("0")).unwrap();
    assert_eq!(run.store.missing().unwrap().to_string(), "0, 3-4");
}

#[test]
fn a_file_that_a_killed_writer_left_is_no_chunk_and_is_removed() {
    let run = Run::smooth(2);
    fs::remove_file(run.chunk(1)).unwrap();
    let unfinished = super::super::layout::unfinished(run.store.folder());
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let (dead, live) = (
        format!("{}.0", gone.id()),
        format!("{}.999", std::process::id()),
    );
    for name in [dead.as_str(), live.as_str(), "notes.txt", "1", "x.1", "1.x"] {
        fs::write(unfinished.join(name), b"half").unwrap();
    }
    let verified = run.verify();
    assert_eq!(
        (verified.stored, verified.missing, verified.unfinished),
        (1, ranges([1]), 2)
    );
    assert_eq!(run.store.remove_unfinished(Whose::Gone).unwrap(), 1);
    assert!(!unfinished.join(&dead).exists() && unfinished.join(&live).exists());
    assert_eq!(run.store.remove_unfinished(Whose::All).unwrap(), 1);
    assert_eq!(run.store.remove_unfinished(Whose::All).unwrap(), 0);
    assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 4);
}

#[test]
fn a_checksum_that_was_not_told_or_does_not_decode_is_told_of() {
    let mut run = Run::smooth(3);
    let path = run.store.folder().join("checksums/c/0");
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 4 * 4096 + 4);
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let verified = run.verify();
    assert_eq!(verified.checksum_damaged, ranges(0..3));
    assert!(!verified.is_whole());
    fs::remove_file(&path).unwrap();
    let verified = run.verify();
    assert_eq!(verified.without_checksum, ranges(0..3));
    assert!(verified.is_whole(), "nothing is known against them");
    // Only what changed is written again.
    run.checksums.write(&run.store).unwrap();
    assert!(!path.exists());
    run.put([1]);
    assert!(run.verify().without_checksum.is_empty());
}

#[test]
fn an_input_that_is_gone_leaves_the_rest_to_be_verified() {
    let mut run = Run::smooth(3);
    fs::copy(run.chunk(2), run.chunk(1)).unwrap();
    let form = run.store.form();
    run.input = Input::File {
        path: "/nothing/here.npy".into(),
        form,
        count: 3,
    };
    let mut attributes = super::super::layout::read_attributes(run.store.folder()).unwrap();
    attributes.note = note(&run.input);
    run.store.write_group(attributes).unwrap();
    let verified = run.verify();
    let InputVerdict::Unreadable {
        numbers, reason, ..
    } = &verified.input
    else {
        panic!("{verified}");
    };
    assert_eq!(*numbers, ranges(0..3));
    assert!(reason.contains("/nothing/here.npy"), "{reason}");
    assert_eq!(verified.differ_from_checksum, ranges([1]));

    for (note, known) in [
        (json!({"input": {"from": "nowhere"}}), true),
        (json!({}), false),
    ] {
        let mut attributes = super::super::layout::read_attributes(run.store.folder()).unwrap();
        attributes.note = serde_json::from_value(note).unwrap();
        run.store.write_group(attributes).unwrap();
        assert_eq!(
            matches!(run.verify().input, InputVerdict::Unreadable { .. }),
            known
        );
    }
}

#[test]
fn a_verdict_goes_through_json() {
    let run = Run::smooth(2);
    fs::write(run.chunk(0), b"").unwrap();
    let verified = run.verify();
    let json = serde_json::to_string(&verified).unwrap();
    assert_eq!(serde_json::from_str::<Verified>(&json).unwrap(), verified);
}
