//! Pages that say what is not so.

use std::{
    io::{Read, Seek, Write},
    os::fd::AsRawFd,
    path::Path,
};

use zenoh_pinned::HostUsage;

use crate::{
    LIMIT, MEBIBYTE,
    harness::{
        eventually, host,
        worker::{self, Worker},
    },
    holder, pool_of, refused,
};

fn open(page: &Path) -> std::fs::File {
    let mut options = std::fs::File::options();
    options.read(true).write(true).open(page).unwrap()
}

type Attack = fn(&Path);

/// What a process of the same user can do to another's page.
fn attacks() -> Vec<(&'static str, Attack)> {
    fn overwrite(page: &Path, bytes: &[u8]) {
        open(page).write_all(bytes).unwrap();
    }
    vec![
        ("zeros", |page| overwrite(page, &[0; 4096])),
        ("ones", |page| overwrite(page, &[0xff; 4096])),
        ("a bit", |page| {
            let mut file = open(page);
            let mut bytes = [0; 128];
            file.read_exact(&mut bytes).unwrap();
            bytes[27] ^= 4;
            file.rewind().unwrap();
            file.write_all(&bytes).unwrap();
        }),
        ("cut", |page| open(page).set_len(0).unwrap()),
        ("cut in the middle", |page| open(page).set_len(50).unwrap()),
    ]
}

#[test]
fn a_scribbled_page_hides_nothing_and_its_owner_puts_it_right() {
    host::alone(256, || {
        let mut other = holder(64);
        let page = host::accounts().pop().unwrap();
        for (name, attack) in attacks() {
            let before = std::fs::read(&page).unwrap();
            // Stopped, its owner can put nothing right.
            host::stop(&other);
            attack(&page);
            let usage = HostUsage::now().unwrap();
            assert_eq!(usage.unreadable_accounts, 1, "{name}: {usage:?}");
            assert!(usage.memory_bytes >= 64 * MEBIBYTE, "{name}: {usage:?}");
            let text = refused(48);
            assert!(text.contains("1 accounts are unreadable"), "{text}");
            // What is left is still given.
            drop(pool_of(8, LIMIT).unwrap());
            host::signal(&other, libc::SIGCONT);
            eventually(name, || {
                std::fs::read(&page).unwrap().starts_with(&before[..128])
            });
            assert_eq!(HostUsage::now().unwrap().unreadable_accounts, 0);
            refused(48);
        }
        std::fs::remove_file(page).unwrap();
        eventually("a new page", || {
            HostUsage::now().unwrap().memory_bytes == 64 * MEBIBYTE
        });
        refused(48);
        other.end_without_report();
        drop(pool_of(80, LIMIT).unwrap());
    });
}

#[test]
fn a_page_of_nonsense_takes_no_more_than_its_process_has_and_ends_with_it() {
    host::alone(256, || {
        let _own = pool_of(8, LIMIT).unwrap();
        let mut liars = ["ours", "random"].map(|kind| {
            let mut liar = worker::orders("lies::worker_liar")
                .with("KIND", kind)
                .start();
            liar.line("lies");
            liar
        });
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.unreadable_accounts, 1, "{usage:?}");
        // The copy of this process's page cannot be told from an honest one.
        assert_eq!(usage.processes.len(), 2, "{usage:?}");
        drop(pool_of(16, LIMIT).unwrap());
        liars.iter_mut().for_each(Worker::kill);
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.memory_bytes, 8 * MEBIBYTE);
        host::sweep_as_zenoh();
        assert_eq!(host::accounts().len(), 1);
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_liar() {
    let (name, contents) = match worker::order("KIND").as_str() {
        "ours" => {
            let honest = host::accounts().pop().unwrap();
            (0xACC7_FFFF_u32, std::fs::read(honest).unwrap())
        }
        _ => (
            0xACC7_FFFE,
            (0..4096_u32).map(|at| (at * 7) as u8).collect(),
        ),
    };
    let path = format!("/dev/shm/{name}.zenoh");
    std::fs::write(&path, contents).unwrap();
    let file = open(Path::new(&path));
    // SAFETY: locks of a descriptor that is open; the structure lives until the call returns.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_RDLCK as libc::c_short;
        lock.l_len = 1;
        assert_eq!(libc::flock(file.as_raw_fd(), libc::LOCK_SH), 0);
        let locked = libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock);
        assert_eq!(locked, 0);
    }
    println!("lies");
    worker::wait_for_end();
}
