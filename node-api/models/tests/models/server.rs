//! A server of models and processes that attach.

use std::{
    collections::HashMap,
    os::unix::process::ExitStatusExt,
    path::Path,
    time::{Duration, Instant},
};

use zenoh_pinned_models::{
    Changed, InProcessReason, LoadError, ModelServer, Models, Registry, Weights,
};

use crate::{
    files::{Folder, is_whole},
    processes::{Other, role, serve_lines},
};

fn place(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn models(place: &str) -> Models {
    Models::builder().server(place).build()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What another process reads of its own private memory and of the disk.
fn told(weights: &Weights) -> String {
    let whole = (0..weights.tensors().len()).all(|number| is_whole(weights, number));
    format!("{whole} {:?}", weights.reason().is_some())
}

#[test]
#[ignore = "another process of these tests"]
fn other_attaches() {
    let Some(place) = role() else { return };
    let models = models(&place);
    let mut held = HashMap::new();
    serve_lines(|line| {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["attach", model] => match models.attach(model) {
                Ok(weights) => {
                    let told = told(&weights);
                    held.insert(model.to_owned(), weights);
                    told
                }
                Err(error) => format!("{error:?}"),
            },
            ["release", model] => format!("{}", held.remove(model).is_some()),
            ["whole", model] => told(&held[model]),
            ["write", model] => {
                let shard = &held[model].shards()[0];
                // SAFETY: none: this is the stray write that has to end the process.
                unsafe { shard.as_ptr().cast_mut().write_volatile(1) };
                String::from("written")
            }
            _ => panic!("{line}"),
        }
    });
}

#[test]
#[ignore = "another process of these tests"]
fn other_serves() {
    let Some(role) = role() else { return };
    let (place, path) = role.split_once(' ').unwrap();
    let registry = Registry::builder().source("m", path).build();
    let _server = ModelServer::serve(&registry, place).unwrap();
    serve_lines(|_| format!("{}", registry.statistics().loads));
}

fn serve(place: &str, path: &Path) -> Other {
    Other::start(
        "server::other_serves",
        &format!("{place} {}", path.display()),
    )
}

#[test]
fn another_process_has_the_weights_without_a_copy_until_it_ends() {
    let folder = Folder::new("attach");
    let path = folder.safetensors("m", &[("a", 200_000), ("b", 5)]);
    let registry = Registry::builder()
        .source("m", &path)
        .time_to_live(Duration::from_millis(100))
        .build();
    let place = place("attach");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    let mut other = Other::start("server::other_attaches", &place);
    assert_eq!(other.ask("attach m"), "true false");
    let statistics = registry.statistics();
    assert_eq!((statistics.loads, statistics.models[0].leases), (1, 1));
    assert!(statistics.models[0].sessions.contains(&other.child.id()));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(registry.statistics().models.len(), 1, "it is leased");
    other.kill();
    until("its lease ends with it", || {
        registry.statistics().models.is_empty()
    });
}

#[test]
fn a_hundred_killed_processes_cause_one_load_and_no_bytes_from_disk() {
    let folder = Folder::new("kills");
    let path = folder.safetensors("m", &[("a", 300_000)]);
    let registry = Registry::builder().source("m", &path).build();
    let place = place("kills");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    drop(models(&place).attach("m").unwrap());
    let read = registry.statistics().read_bytes;
    // Whoever reads the file now finds nothing.
    std::fs::remove_file(&path).unwrap();
    for kill in 0..100 {
        let mut other = Other::start("server::other_attaches", &place);
        assert_eq!(other.ask("attach m"), "true false", "after {kill} kills");
        other.kill();
    }
    let statistics = registry.statistics();
    assert_eq!((statistics.loads, statistics.read_bytes), (1, read));
    until("no lease is left", || {
        registry.statistics().models[0].leases == 0
    });
}

#[test]
fn a_stray_write_ends_whoever_writes_and_changes_nothing() {
    let folder = Folder::new("stray");
    let path = folder.safetensors("m", &[("a", 10_000)]);
    let registry = Registry::builder().source("m", &path).build();
    let place = place("stray");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    let held = models(&place).attach("m").unwrap();
    let mut other = Other::start("server::other_attaches", &place);
    assert_eq!(other.ask("attach m"), "true false");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| other.ask("write m")))
        .expect_err("it is not told");
    let status = other.child.wait().unwrap();
    assert_eq!(status.signal(), Some(11), "{status}");
    assert!(is_whole(&held, 0));
}

#[test]
fn what_somebody_has_written_all_the_same_is_found_when_the_next_lease_begins() {
    let folder = Folder::new("written");
    let path = folder.safetensors("m", &[("a", 10_000)]);
    let registry = Registry::builder().source("m", &path).build();
    let place = place("written");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    let held = models(&place).attach("m").unwrap();
    // Another program of the user, which maps the file as it likes.
    let byte = &held.shards()[0][5000] as *const u8 as usize;
    write_to_file_at(byte);
    assert_eq!(held.first_changed_shard(), Some(0));
    drop(held);
    let anew = models(&place).attach("m").unwrap();
    assert!(is_whole(&anew, 0), "it was loaded anew");
    let statistics = registry.statistics();
    assert_eq!((statistics.changed, statistics.loads), (1, 2));
    // In the registry's own process as well.
    let byte = &anew.shards()[0][7] as *const u8 as usize;
    write_to_file_at(byte);
    let refused = registry.lease("m");
    assert!(
        matches!(
            refused,
            Err(LoadError::Changed {
                what: Changed::Shard(0),
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(is_whole(&registry.lease("m").unwrap(), 0));
}

/// Writes to the file that this process has mapped at the address.
fn write_to_file_at(address: usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let (offset, name) = maps
        .lines()
        .find_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let (start, end) = words[0].split_once('-')?;
            let start = usize::from_str_radix(start, 16).ok()?;
            let end = usize::from_str_radix(end, 16).ok()?;
            let offset = usize::from_str_radix(words[2], 16).ok()?;
            (start..end)
                .contains(&address)
                .then(|| (offset + address - start, words[4].to_owned()))
        })
        .unwrap();
    // The file by its inode: the one that was mapped first may have had no name then.
    let found = std::fs::read_dir("/dev/shm").unwrap().flatten();
    let path = found
        .map(|entry| entry.path())
        .find(|path| {
            use std::os::unix::fs::MetadataExt;
            std::fs::metadata(path).is_ok_and(|found| found.ino().to_string() == name)
        })
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5], offset as u64).unwrap();
}

#[test]
fn a_server_that_is_killed_and_started_again_is_used_again_and_nobody_stops_meanwhile() {
    let folder = Folder::new("restart");
    let path = folder.safetensors("m", &[("a", 50_000)]);
    let place = place("restart");
    let models = models(&place);
    let server = serve(&place, &path);
    let held = models.attach("m").unwrap();
    assert!(held.reason().is_none());
    server.kill();
    assert!(is_whole(&held, 0), "what is attached stays");
    assert_eq!(
        models.attach("m").unwrap().shards()[0].as_ptr(),
        held.shards()[0].as_ptr()
    );
    // Another process that has not asked before knows no file.
    let mut other = Other::start("server::other_attaches", &place);
    assert!(
        other.ask("attach m").contains("Server"),
        "no server, no file"
    );
    drop(held);
    let private = models.attach("m").unwrap();
    let reason = private.reason().cloned();
    assert!(
        matches!(reason, Some(InProcessReason::NoServer { .. })),
        "{reason:?}"
    );
    assert!(is_whole(&private, 0));
    let mut server = serve(&place, &path);
    assert!(models.attach("m").unwrap().reason().is_none(), "it is back");
    assert_eq!(other.ask("attach m"), "true false");
    assert_eq!(server.ask("loads"), "1");
}

#[test]
fn a_server_is_killed_and_restarted_under_load() {
    let folder = Folder::new("load");
    let path = folder.safetensors("m", &[("a", 50_000)]);
    let place = place("load");
    let end = Instant::now() + Duration::from_secs(6);
    let counts = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut shared, mut private) = (0, 0);
                    while Instant::now() < end {
                        // A way of its own each time, so that each asks the server.
                        let weights = models(&place).attach_from("m", &path).unwrap();
                        assert!(is_whole(&weights, 0));
                        match weights.reason() {
                            None => shared += 1,
                            Some(_) => private += 1,
                        }
                    }
                    (shared, private)
                })
            })
            .collect();
        while Instant::now() + Duration::from_secs(1) < end {
            let server = serve(&place, &path);
            std::thread::sleep(Duration::from_millis(500));
            server.kill();
            std::thread::sleep(Duration::from_millis(100));
        }
        let counts = asking.into_iter().map(|asker| asker.join().unwrap());
        counts.collect::<Vec<_>>()
    });
    assert!(
        counts
            .iter()
            .all(|(shared, private)| *shared > 0 && *private > 0),
        "{counts:?}"
    );
}

#[test]
fn one_server_a_place() {
    let registry = Registry::builder().build();
    let place = place("one");
    let server = ModelServer::serve(&registry, &place).unwrap();
    let second = ModelServer::serve(&registry, &place).unwrap_err();
    assert!(
        second.to_string().contains("serves models there"),
        "{second}"
    );
    drop(server);
    ModelServer::serve(&registry, &place).unwrap();
}

#[test]
fn a_table_that_somebody_has_written_into_is_found_as_well() {
    let folder = Folder::new("scribbled");
    let path = folder.safetensors("m", &[("an unusual name", 1000)]);
    let registry = Registry::builder().source("m", &path).build();
    let place = place("scribbled");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    drop(registry.lease("m").unwrap());
    // Another program of the user, which writes another name.
    let name = b"an unusual name";
    let mut is_written = false;
    for entry in std::fs::read_dir("/dev/shm").unwrap().flatten() {
        let Ok(bytes) = std::fs::read(entry.path()) else {
            continue;
        };
        let at = bytes.windows(name.len()).position(|window| window == name);
        if let Some(at) = at.filter(|_| bytes.len() < 1 << 20) {
            let file = std::fs::OpenOptions::new().write(true).open(entry.path());
            let file = file.unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"A", at as u64).unwrap();
            is_written = true;
        }
    }
    assert!(is_written);
    let weights = models(&place).attach("m").unwrap();
    assert!(weights.reason().is_none() && is_whole(&weights, 0));
    assert_eq!(registry.statistics().changed, 1);
}

#[test]
fn those_who_say_nothing_keep_nobody_from_a_model() {
    let folder = Folder::new("silent");
    let path = folder.safetensors("m", &[("a", 1000)]);
    let registry = Registry::builder().source("m", &path).build();
    let place = place("silent");
    let server = ModelServer::serve(&registry, &place).unwrap();
    let connect = |_| std::os::unix::net::UnixStream::connect(server.place()).unwrap();
    let _silent: Vec<_> = (0..160).map(connect).collect();
    let weights = models(&place).attach("m").unwrap();
    assert!(weights.reason().is_none(), "{:?}", weights.reason());
}

#[test]
fn a_server_that_cannot_see_the_pids_of_others_serves_them() {
    let folder = Folder::new("namespace");
    let path = folder.safetensors("m", &[("a", 1000)]);
    let place = place("namespace");
    let prefix = ["unshare", "--pid", "--fork", "--kill-child"];
    let tried = std::process::Command::new(prefix[0])
        .args(&prefix[1..])
        .arg("true")
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no pid namespace can be made here");
        return;
    }
    let role = format!("{place} {}", path.display());
    let _server = Other::start_with(&prefix, "server::other_serves", &role);
    let weights = models(&place).attach("m").unwrap();
    assert!(weights.reason().is_none(), "{:?}", weights.reason());
    assert!(is_whole(&weights, 0));
    let sessions = models(&place).statistics().unwrap().models[0]
        .sessions
        .clone();
    assert!(
        sessions.iter().all(|session| *session >= 1 << 31),
        "{sessions:?}"
    );
}

#[test]
fn a_private_copy_is_kept_where_a_server_that_is_back_has_no_room() {
    let folder = Folder::new("noroom");
    let path = folder.safetensors("m", &[("a", 10_000)]);
    let other = folder.safetensors("other", &[("a", 20)]);
    let place = place("noroom");
    let private = models(&place).attach_from("m", &path).unwrap();
    assert!(private.reason().is_some());
    let refused = models(&place).attach_from("m", &other).unwrap_err();
    assert!(
        matches!(refused, LoadError::OtherSource { .. }),
        "{refused}"
    );
    let registry = Registry::builder().max_bytes(4096).build();
    let _server = ModelServer::serve(&registry, &place).unwrap();
    let still = models(&place).attach_from("m", &path).unwrap();
    assert_eq!(still.shards()[0].as_ptr(), private.shards()[0].as_ptr());
    assert_eq!(registry.statistics().failures, 1, "it was asked");
    drop((private, still));
    let refused = models(&place).attach_from("m", &path).unwrap_err();
    assert!(matches!(refused, LoadError::Capacity(_)), "{refused}");
}

#[test]
fn what_is_held_is_not_given_for_another_file() {
    let folder = Folder::new("another");
    let path = folder.safetensors("m", &[("a", 10)]);
    let other = folder.safetensors("other", &[("a", 20)]);
    let registry = Registry::builder().build();
    let place = place("another");
    let _server = ModelServer::serve(&registry, &place).unwrap();
    let held = models(&place).attach_from("m", &path).unwrap();
    let refused = models(&place).attach_from("m", &other).unwrap_err();
    assert!(
        matches!(refused, LoadError::OtherSource { .. }),
        "{refused}"
    );
    assert!(is_whole(&held, 0));
    let slow = Models::builder()
        .server(&*place)
        .patience(Duration::MAX)
        .build();
    let same = slow.attach("m").unwrap();
    assert_eq!(same.shards()[0].as_ptr(), held.shards()[0].as_ptr());
}
