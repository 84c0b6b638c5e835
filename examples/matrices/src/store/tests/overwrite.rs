use super::*;

fn create(folder: &Path, overwrite: bool) -> Result<Store, StoreError> {
    let encoding = Encoding::new(1, false).unwrap();
    Store::create(
        folder,
        form(ElementType::U8),
        Some(1),
        &encoding,
        Map::new(),
        overwrite,
    )
}

#[test]
fn a_store_is_only_replaced_when_asked() {
    let run = Run::smooth(3);
    let folder = run.store.folder();
    assert!(matches!(
        create(folder, false),
        Err(StoreError::Occupied { .. })
    ));
    assert!(run.verify().is_whole());
    let store = create(folder, true).unwrap();
    assert_eq!(
        (store.form(), store.count().unwrap()),
        (form(ElementType::U8), 1)
    );
    assert!(store.stored().unwrap().is_empty());
    let verified = verify(folder, &mut |_, _| ()).unwrap();
    assert_eq!(
        (verified.count, verified.missing, verified.beyond.is_empty()),
        (1, ranges([0]), true)
    );
    assert!(!folder.join("checksums/c/0").exists());
}

#[test]
fn foreign_files_are_spared() {
    let run = Run::smooth(2);
    let folder = run.store.folder();
    let outside = run.temporary.path().join("outside");
    fs::create_dir_all(outside.join("0")).unwrap();
    fs::write(outside.join("0/0"), b"mine").unwrap();
    let foreign = [
        "notes.txt",
        "matrices/notes.txt",
        "matrices/c/notes.txt",
        "matrices/c/01",
        "matrices/c/1/notes.txt",
        "matrices/c/1/0/1",
        "matrices/unfinished/notes.txt",
        "checksums/c/x",
        "checksums/c/-1",
        "checksums/c/00",
    ];
    for name in foreign {
        fs::write(folder.join(name), b"mine").unwrap();
    }
    std::os::unix::fs::symlink(&outside, folder.join("matrices/c/7")).unwrap();
    create(folder, true).unwrap();
    for name in foreign {
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"mine", "{name}");
    }
    assert_eq!(fs::read(outside.join("0/0")).unwrap(), b"mine");
    assert!(!folder.join("matrices/c/0").exists() && !folder.join("matrices/c/1/0/0").exists());
}

#[test]
fn a_folder_behind_a_link_in_a_store_is_not_cleared() {
    let run = Run::smooth(2);
    let folder = run.store.folder();
    let outside = run.temporary.path().join("outside");
    fs::rename(folder.join("matrices"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("matrices")).unwrap();
    create(folder, true).unwrap();
    assert!(outside.join("c/0/0/0").is_file());
}

#[test]
fn a_folder_with_something_else_in_it_is_refused_even_to_be_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), b"mine").unwrap();
    for overwrite in [false, true] {
        let refused = create(folder.path(), overwrite).unwrap_err();
        assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
        assert!(refused.to_string().contains("thesis.tex"));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let file = folder.path().join("thesis.tex");
    assert!(matches!(create(&file, true), Err(StoreError::Write { .. })));
}

#[test]
fn a_store_that_was_made_or_removed_by_half_is_replaced() {
    let run = Run::smooth(2);
    let folder = run.store.folder();
    fs::remove_file(folder.join("matrices/zarr.json")).unwrap();
    fs::remove_dir_all(folder.join("checksums")).unwrap();
    create(folder, true).unwrap();
    assert!(Store::open(folder).unwrap().stored().unwrap().is_empty());
}

#[test]
fn an_empty_folder_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), false).unwrap();
}
