//! A registry in its own process.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use zenoh_pinned_models::{LoadError, ModelState, Registry};

use crate::files::{Folder, is_whole};

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_thousand_who_ask_at_once_cause_one_load() {
    let folder = Folder::new("thousand");
    let path = folder.safetensors("m", &[("a", 100_000), ("b", 7)]);
    let registry = Registry::builder().build();
    let (start, whole) = (Barrier::new(50), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    let weights = registry.load("m", &path).unwrap();
                    let all = is_whole(&weights, 0) && is_whole(&weights, 1);
                    whole.fetch_add(usize::from(all), Ordering::Relaxed);
                }
            });
        }
    });
    let statistics = registry.statistics();
    assert_eq!((whole.into_inner(), statistics.loads), (1000, 1));
    assert!(statistics.read_bytes < 2 * 4 * 100_000, "{statistics:?}");
}

#[test]
fn shards_are_cut_between_tensors_and_nothing_is_lost() {
    let folder = Folder::new("shards");
    let tensors: Vec<_> = (0..40).map(|n| (format!("t{n}"), 1000 + 977 * n)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(n, e)| (n.as_str(), *e)).collect();
    let path = folder.safetensors("m", &tensors);
    let registry = Registry::builder().shard_bytes(256 << 10).build();
    let weights = registry.load("m", &path).unwrap();
    assert!(weights.shards().len() > 5, "{}", weights.shards().len());
    assert!((0..40).all(|number| is_whole(&weights, number)));
    let files: usize = tensors.iter().map(|(_, elements)| 4 * elements).sum();
    assert!(
        weights.bytes() < files as u64 * 105 / 100,
        "{}",
        weights.bytes()
    );
    assert!(weights.tensor("t40").is_none());
    assert_eq!(weights.first_changed_shard(), None);
}

#[test]
fn a_model_goes_after_its_time_and_not_while_it_is_used() {
    let folder = Folder::new("time");
    let path = folder.safetensors("m", &[("a", 1000)]);
    let registry = Registry::builder()
        .time_to_live(Duration::from_millis(300))
        .build();
    let weights = registry.load("m", &path).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(registry.statistics().models.len(), 1);
    drop(weights);
    until("it goes", || registry.statistics().models.is_empty());
    assert_eq!(registry.statistics().expired, 1);
    assert!(
        is_whole(&registry.lease("m").unwrap(), 0),
        "its file is known"
    );
    assert_eq!(registry.statistics().loads, 2);
}

#[test]
fn what_is_unloaded_stays_for_whoever_has_it() {
    let folder = Folder::new("unload");
    let path = folder.safetensors("m", &[("a", 1000)]);
    let registry = Registry::builder().build();
    let held = registry.load("m", &path).unwrap();
    assert_eq!(registry.unload("m"), Ok(1));
    assert!(registry.unload("m").is_err());
    let states = |registry: &Registry| -> Vec<_> {
        let models = registry.statistics().models;
        models.iter().map(|model| model.state).collect()
    };
    assert_eq!(states(&registry), [ModelState::Leaving]);
    let anew = registry.load("m", &path).unwrap();
    assert_ne!(held.shards()[0].as_ptr(), anew.shards()[0].as_ptr());
    assert!(is_whole(&held, 0) && is_whole(&anew, 0));
    drop(held);
    assert_eq!(states(&registry), [ModelState::Ready]);
}

#[test]
fn what_cannot_be_loaded_says_why_and_leaves_nothing() {
    let folder = Folder::new("cannot");
    let registry = Registry::builder().build();
    let missing = registry.load("m", folder.0.join("none.safetensors"));
    assert!(
        matches!(missing, Err(LoadError::Format { .. })),
        "{missing:?}"
    );
    let path = folder.safetensors("m", &[("a", 1000)]);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let short = registry.load("m", &path).unwrap_err();
    assert!(matches!(short, LoadError::Format { .. }), "{short}");
    for name in ["", ".hidden", "a/b", "ä", &"x".repeat(65)] {
        let refused = registry.load(name, &path);
        assert!(matches!(refused, Err(LoadError::Name { .. })), "{name}");
    }
    let unknown = registry.lease("other");
    assert!(matches!(unknown, Err(LoadError::NotLoaded { .. })));
    std::fs::write(&path, &whole).unwrap();
    let weights = registry.load("m", &path).unwrap();
    let other = folder.safetensors("other", &[("a", 1000)]);
    let refused = registry.load("m", other);
    assert!(matches!(refused, Err(LoadError::OtherSource { .. })));
    drop(weights);
    assert_eq!(registry.statistics().failures, 2);
}

#[test]
fn many_who_take_and_let_go_of_one_model_never_wait_for_each_other() {
    let folder = Folder::new("coming");
    let path = folder.safetensors("m", &[("a", 10)]);
    let other = folder.safetensors("other", &[("a", 10)]);
    let registry = Registry::builder().build();
    drop(registry.load("m", &path).unwrap());
    let end = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while Instant::now() < end {
                    assert!(is_whole(&registry.load("m", &path).unwrap(), 0));
                    let refused = registry.load("m", &other);
                    assert!(matches!(refused, Err(LoadError::OtherSource { .. })));
                }
            });
        }
    });
    assert_eq!(registry.statistics().loads, 1);
}

#[test]
fn a_model_whose_table_ends_at_any_byte_of_a_page_has_room() {
    let folder = Folder::new("table");
    for length in (3900..4250).step_by(7) {
        let path = folder.0.join("m.safetensors");
        let words = "x".repeat(length);
        let header = format!(
            r#"{{"__metadata__":{{"words":"{words}"}},"a":{{"dtype":"U8","shape":[4000],"data_offsets":[0,4000]}}}}"#
        );
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend((0..4000u32).map(|at| (at * length as u32) as u8));
        std::fs::write(&path, file).unwrap();
        let registry = Registry::builder().build();
        let weights = registry.load("m", &path).unwrap();
        assert_eq!(weights.metadata()["words"].len(), length);
    }
}

#[test]
fn a_model_is_from_the_file_that_was_named_however_it_is_called() {
    let folder = Folder::new("sources");
    let path = folder.safetensors("m", &[("a", 10)]);
    let other = folder.safetensors("other", &[("a", 20)]);
    let registry = Registry::builder().source("m", &path).build();
    let refused = registry.load("m", &other).unwrap_err();
    assert!(
        matches!(refused, LoadError::OtherSource { .. }),
        "{refused}"
    );
    let detour = folder.0.join("..").join(folder.0.file_name().unwrap());
    let same = detour.join("m.safetensors");
    let weights = registry.lease("m").unwrap();
    assert!(is_whole(&registry.load("m", same).unwrap(), 0));
    drop(weights);
    // What nobody has named is from wherever it was loaded first, and from elsewhere once it has gone.
    registry.load("free", &path).unwrap();
    registry.unload("free").unwrap();
    assert_eq!(
        registry.load("free", &other).unwrap().tensors()[0].shape(),
        [20]
    );
}
