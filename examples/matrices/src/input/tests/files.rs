use super::*;

fn problem(path: &Path) -> NpyProblem {
    match Input::read(path) {
        Err(InputError::Npy {
            problem,
            path: named,
        }) => {
            assert_eq!(named, path.canonicalize().unwrap());
            problem
        }
        other => panic!("{}: {other:?}", path.display()),
    }
}

fn numbers(from: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| from.wrapping_add(at as u8)).collect()
}

#[test]
fn each_matrix_of_a_file_is_read_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let three = npy(&dictionary("<i2", "(3, 2, 5)"), &numbers(0, 60));
    let input = Input::read(&write_file(folder.path(), "three.npy", &three)).unwrap();
    assert_eq!(
        (input.form(), input.count()),
        (form(2, 5, ElementType::I16), Some(3))
    );
    let mut matrix = [0; 20];
    for number in [2, 0, 1] {
        input.write(number, &mut matrix).unwrap();
        assert_eq!(matrix[..], numbers(20 * number as u8, 20));
    }
    let beyond = input.write(3, &mut matrix);
    assert!(matches!(
        beyond,
        Err(InputError::NoSuchMatrix {
            number: 3,
            count: 3
        })
    ));
    let short = input.write(0, &mut matrix[1..]);
    assert!(matches!(
        short,
        Err(InputError::WrongLength { bytes: 19, .. })
    ));

    // Versions 2 and 3 have four bytes for the header's length.
    let text = format!("{}\n", dictionary("<i2", "(2, 5)"));
    for version in [2, 3] {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(numbers(7, 20));
        let input = Input::read(&write_file(folder.path(), "one.npy", &bytes)).unwrap();
        assert_eq!(input.count(), Some(1));
        input.write(0, &mut matrix).unwrap();
        assert_eq!(matrix[..], numbers(7, 20));
    }
}

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in [("b.npy", 1), ("a.npy", 0), ("c.npy", 2)] {
        write_file(
            folder.path(),
            name,
            &npy(&dictionary("|u1", "(2, 4)"), &numbers(from, 8)),
        );
    }
    write_file(folder.path(), "notes.txt", b"no matrix");
    let input = Input::read(folder.path()).unwrap();
    assert_eq!(
        (input.form(), input.count()),
        (form(2, 4, ElementType::U8), Some(3))
    );
    let mut matrix = [0; 8];
    for number in 0..3 {
        input.write(number, &mut matrix).unwrap();
        assert_eq!(matrix[..], numbers(number as u8, 8));
    }
    let beyond = input.write(u64::MAX, &mut matrix);
    assert!(matches!(
        beyond,
        Err(InputError::NoSuchMatrix { count: 3, .. })
    ));
}

#[test]
fn the_first_file_of_another_form_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shape) in [
        ("a.npy", "(2, 4)"),
        ("b.npy", "(4, 2)"),
        ("c.npy", "(8, 1)"),
    ] {
        write_file(
            folder.path(),
            name,
            &npy(&dictionary("|u1", shape), &[0; 8]),
        );
    }
    let refused = Input::read(folder.path()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("b.npy holds 4x2 uint8, not 2x4 uint8"),
        "{refused}"
    );
    for name in ["b.npy", "c.npy"] {
        write_file(
            folder.path(),
            name,
            &npy(&dictionary("|u1", "(3, 2, 4)"), &[0; 24]),
        );
    }
    let refused = Input::read(folder.path()).unwrap_err();
    assert!(
        matches!(
            refused,
            InputError::OtherCount {
                found: 3,
                expected: 1,
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn what_is_not_there_or_empty_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Input::read(folder.path()),
        Err(InputError::EmptyFolder { .. })
    ));
    let nothing = folder.path().join("nothing.npy");
    assert!(matches!(
        Input::read(&nothing),
        Err(InputError::Unreadable { .. })
    ));
    assert_eq!(problem(Path::new("/dev/null")), NpyProblem::NotNpy);
    let name = std::os::unix::ffi::OsStringExt::from_vec(b"\xff.npy".to_vec());
    fs::write(folder.path().join::<std::ffi::OsString>(name), b"").unwrap();
    assert!(matches!(
        Input::read(folder.path()),
        Err(InputError::NameIsNotText { .. })
    ));
}

#[test]
fn a_file_that_ends_anywhere_or_too_late_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = npy(&dictionary("<f4", "(2, 2)"), &[1; 16]);
    let header = bytes.len() - 16;
    for end in 0..bytes.len() {
        let found = problem(&write_file(folder.path(), "cut.npy", &bytes[..end]));
        let expected = match end {
            _ if end < 6 => NpyProblem::NotNpy,
            _ if end < header => NpyProblem::Header,
            _ => NpyProblem::Length {
                found: end as u64,
                expected: bytes.len() as u64,
            },
        };
        assert_eq!(found, expected, "cut at {end}");
    }
    let long = [&bytes[..], &[0]].concat();
    let found = problem(&write_file(folder.path(), "long.npy", &long));
    assert!(matches!(found, NpyProblem::Length { .. }));
}

#[test]
fn no_turned_bit_in_a_header_makes_more_of_the_file_than_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = npy(&dictionary("<f4", "(2, 2)"), &[1; 16]);
    let mut accepted = 0;
    for bit in 0..8 * (bytes.len() - 16) {
        let mut turned = bytes.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        if let Ok(input) = Input::read(&write_file(folder.path(), "turned.npy", &turned)) {
            accepted += 1;
            assert_eq!(input.form().bytes() * input.count().unwrap(), 16);
            input
                .write(0, &mut vec![0; input.form().bytes() as usize])
                .unwrap();
        }
    }
    // float32 may have become an integer, and a blank another blank.
    assert!(accepted < 100, "{accepted}");
}

#[test]
fn a_length_in_the_header_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'";
    assert_eq!(
        problem(&write_file(folder.path(), "long.npy", long)),
        NpyProblem::Header
    );
    let blanks = dictionary("|u1", "(2, 2)") + &" ".repeat(70_000);
    let length = (blanks.len() as u32).to_le_bytes();
    let start = b"\x93NUMPY\x02\x00";
    let padded = [start, &length[..], blanks.as_bytes(), &[0; 4]].concat();
    assert_eq!(
        problem(&write_file(folder.path(), "padded.npy", &padded)),
        NpyProblem::Header
    );
    let version = problem(&write_file(
        folder.path(),
        "version.npy",
        b"\x93NUMPY\x01\x09\x00\x00",
    ));
    assert_eq!(version, NpyProblem::Version { major: 1, minor: 9 });
    let many = npy(&dictionary("|u1", "(18446744073709551615, 2, 2)"), &[0; 4]);
    let found = problem(&write_file(folder.path(), "many.npy", &many));
    assert!(
        matches!(
            found,
            NpyProblem::Length {
                expected: u64::MAX,
                ..
            }
        ),
        "{found}"
    );
}

#[test]
fn a_file_that_changed_since_it_was_looked_at_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = npy(&dictionary("<f4", "(2, 2, 2)"), &[1; 32]);
    let path = write_file(folder.path(), "a.npy", &bytes);
    let input = Input::read(&path).unwrap();
    let write = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        input.write(0, &mut [0; 16])
    };
    assert!(matches!(
        write(&bytes[..bytes.len() - 1]),
        Err(InputError::Npy { .. })
    ));
    let other = npy(&dictionary("<i4", "(2, 2, 2)"), &[1; 32]);
    assert!(matches!(write(&other), Err(InputError::OtherForm { .. })));
    let fewer = npy(&dictionary("<f4", "(2, 2)"), &[1; 16]);
    assert!(matches!(write(&fewer), Err(InputError::OtherCount { .. })));
    write(&bytes).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        input.write(0, &mut [0; 16]),
        Err(InputError::Unreadable { .. })
    ));
}
