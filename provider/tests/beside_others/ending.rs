//! A pinner whose last owner lets go on a thread that must not wait for it.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc::channel,
};

use super::*;

/// Bytes of a user that keep the pinner, and tell when they go.
struct Owner {
    bytes: Vec<u8>,
    _pinner: Pinner,
    gone: std::sync::mpsc::Sender<Option<String>>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let thread = std::thread::current();
        let _ = self.gone.send(thread.name().map(str::to_owned));
    }
}

#[test]
fn the_last_owner_may_go_with_the_hold_that_the_pinner_itself_keeps() {
    driver::with_driver("copy_delay_us=50000", || {
        static PANICKED: AtomicBool = AtomicBool::new(false);
        std::panic::set_hook(Box::new(|_| PANICKED.store(true, Ordering::SeqCst)));
        let (pool, stream) = (pool(2), first().1);
        // Not staged: the copy reads the owner's bytes. The pool's registration has to go with the pinner.
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        pinner.register_pool(&pool);
        eventually("registration", || pinner.statistics().registered_bytes > 0);
        let (gone, goes) = channel();
        let owner = Owner {
            bytes: bytes_of(1),
            _pinner: pinner.clone(),
            gone,
        };
        let frame = Frame::from_owner(owner, &pinner).unwrap();
        let device = frame.copy_to_device(&stream).unwrap();
        drop((frame, pinner));
        let thread = goes.recv_timeout(Duration::from_secs(20));
        assert_eq!(thread.expect("it goes").as_deref(), Some("zpin-holds"));
        assert!(frames::is_on_device(&stream, &device, 1));
        eventually("its threads end", || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
            let names = tasks.filter_map(|task| name(task.ok()?).ok());
            let is_of_it = |name: &String| {
                let of_it = ["zpin-holds", "zpin-regist", "zpin-ending"];
                of_it.iter().any(|start| name.starts_with(start))
            };
            names.filter(is_of_it).count() == 0
        });
        drop(std::panic::take_hook());
        assert!(!PANICKED.load(Ordering::SeqCst), "a thread has panicked");
    })
    .assert_clean();
}
