//! Allocations as futures: they share the slots there are, lose none when they are dropped, and leave no thread.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use zenoh_pinned::{AllocError, AllocFuture, PinnedPool, Slot};

/// The waker of a thread that parks.
struct Awake {
    thread: Thread,
    times: AtomicU32,
}

impl Awake {
    fn of_this_thread() -> Arc<Self> {
        Arc::new(Self {
            thread: thread::current(),
            times: AtomicU32::new(0),
        })
    }

    fn times(&self) -> u32 {
        self.times.load(Ordering::SeqCst)
    }
}

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.times.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>, awake: &Arc<Awake>) -> Poll<T> {
    future.poll(&mut Context::from_waker(&awake.clone().into()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (mut future, awake) = (pin!(future), Awake::of_this_thread());
    loop {
        if let Poll::Ready(value) = poll(future.as_mut(), &awake) {
            return value;
        }
        thread::park();
    }
}

/// It waits for longer than a test does.
fn small(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(4096)
        .wait(Duration::from_secs(500))
        .build()
        .unwrap()
}

/// A future that has found no slot.
fn waiting(pool: &PinnedPool, awake: &Arc<Awake>) -> AllocFuture {
    let mut future = pool.alloc_async(10);
    assert!(poll(Pin::new(&mut future), awake).is_pending());
    future
}

/// The slot of a future that is woken some time.
fn served(future: &mut AllocFuture, awake: &Arc<Awake>) -> Slot {
    let mut slot = None;
    harness::eventually("a future gets its slot", || {
        if let Poll::Ready(outcome) = poll(Pin::new(&mut *future), awake) {
            slot = Some(outcome.unwrap());
        }
        slot.is_some()
    });
    slot.unwrap()
}

/// Whether a thread of this process waits for slots.
fn has_waiting_thread() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names = threads
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("comm")).ok());
    names
        .into_iter()
        .any(|name| name.trim_end() == "zpin-waiting")
}

#[test]
fn a_free_slot_is_there_at_the_first_poll() {
    let pool = small(2);
    let awake = Awake::of_this_thread();
    let mut future = pool.alloc_async(1000);
    let Poll::Ready(Ok(slot)) = poll(Pin::new(&mut future), &awake) else {
        panic!("{future:?}");
    };
    assert_eq!((slot.len(), slot.is_shared()), (1000, true));
    assert_eq!(pool.statistics().waits, 0);
    // It has nothing more to give.
    assert!(poll(Pin::new(&mut future), &awake).is_pending());
    assert_eq!(pool.statistics().in_use, 1);
}

#[test]
fn what_no_slot_can_hold_is_refused() {
    let pool = small(1);
    assert!(matches!(
        block_on(pool.alloc_async(0)),
        Err(AllocError::ZeroBytes)
    ));
    assert!(matches!(
        block_on(pool.alloc_async(4097)),
        Err(AllocError::TooLarge { len: 4097, .. })
    ));
}

#[test]
fn many_futures_share_few_slots_and_each_gets_one() {
    let pool = small(2);
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || {
                for round in 0..50 {
                    let mut slot = block_on(pool.alloc_async(10)).unwrap();
                    slot[0] = round;
                    match round % 2 {
                        0 => drop(slot),
                        // As zenoh's own type: nobody announces its release.
                        _ => drop(slot.into_shm()),
                    }
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    let statistics = pool.statistics();
    assert_eq!(
        (
            statistics.allocations,
            statistics.timeouts,
            statistics.in_use
        ),
        (300, 0, 0)
    );
}

#[test]
fn futures_are_served_in_the_order_in_which_they_came_and_woken_once() {
    let pool = small(1);
    let mut held = pool.alloc(10).unwrap();
    let mut waiting: Vec<_> = (0..10)
        .map(|_| {
            let awake = Awake::of_this_thread();
            (waiting(&pool, &awake), awake)
        })
        .collect();
    for next in 0..waiting.len() {
        drop(held);
        harness::eventually("the next one is woken", || waiting[next].1.times() == 1);
        let later = waiting[next + 1..].iter().map(|(_, awake)| awake.times());
        assert_eq!(later.sum::<u32>(), 0);
        let (future, awake) = &mut waiting[next];
        held = served(future, awake);
    }
    assert!(waiting.iter().all(|(_, awake)| awake.times() == 1));
}

#[test]
fn a_future_that_is_dropped_loses_no_slot_and_its_thread_ends() {
    harness::host::alone(64, || {
        let pool = small(1);
        let held = pool.alloc(10).unwrap();
        let awake = Awake::of_this_thread();
        let [first, mut second] = [waiting(&pool, &awake), waiting(&pool, &awake)];
        // It names itself when it first runs.
        harness::eventually("a thread waits", has_waiting_thread);
        drop(first);
        drop(held);
        let slot = served(&mut second, &awake);
        assert_eq!(pool.statistics().in_use, 1);
        let third = waiting(&pool, &awake);
        harness::eventually("a thread waits", has_waiting_thread);
        drop(third);
        harness::eventually("no thread is left", || !has_waiting_thread());
        drop((second, slot));
        harness::eventually("the slot is free", || pool.statistics().in_use == 0);
        drop(pool.try_alloc(10).unwrap());
    });
}

#[test]
fn a_future_that_is_dropped_with_its_slot_unseen_gives_it_back() {
    let pool = small(1);
    let held = pool.alloc(10).unwrap();
    let awake = Awake::of_this_thread();
    let future = waiting(&pool, &awake);
    drop(held);
    harness::eventually("it is woken", || awake.times() == 1);
    assert_eq!(pool.statistics().in_use, 1);
    drop(future);
    harness::eventually("the slot is free", || pool.statistics().in_use == 0);
    assert_eq!(pool.try_alloc(10).unwrap().len(), 10);
}

#[test]
fn a_time_out_says_who_has_the_slots() {
    let pool = small(2);
    let _held = [pool.alloc(10).unwrap(), pool.alloc(10).unwrap()];
    let patience = Duration::from_millis(30);
    let asked = Instant::now();
    let error = block_on(pool.alloc_timeout_async(10, patience)).unwrap_err();
    assert!(asked.elapsed() >= patience);
    let AllocError::TimedOut {
        slots: 2,
        waited,
        holders,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((*waited, holders.unsent), (patience, 2));
    let statistics = pool.statistics();
    assert_eq!((statistics.timeouts, statistics.waits), (1, 1));
    assert!(statistics.waited >= patience);
    let at_once = block_on(pool.alloc_timeout_async(10, Duration::ZERO));
    assert!(matches!(at_once, Err(AllocError::TimedOut { .. })));
}

#[test]
fn a_pool_grows_for_its_futures() {
    let pool = PinnedPool::builder()
        .slots(3)
        .slot_bytes(4096)
        .slots_per_segment(1)
        .wait(Duration::from_secs(500))
        .build()
        .unwrap();
    let slots = [(); 3].map(|()| block_on(pool.alloc_async(10)).unwrap());
    assert_eq!(pool.statistics().segments, 3);
    drop(slots);
}

#[test]
fn one_size_does_not_wait_for_another() {
    let pool = PinnedPool::builder()
        .slots(1)
        .slot_bytes(1 << 16)
        .size_class(4096, 1)
        .wait(Duration::from_secs(500))
        .build()
        .unwrap();
    let large = pool.alloc(1 << 16).unwrap();
    let small = pool.alloc(10).unwrap();
    let awake = Awake::of_this_thread();
    let mut for_large = pool.alloc_async(1 << 16);
    assert!(poll(Pin::new(&mut for_large), &awake).is_pending());
    let mut for_small = waiting(&pool, &awake);
    drop(small);
    assert_eq!(served(&mut for_small, &awake).len(), 10);
    drop(large);
    assert_eq!(served(&mut for_large, &awake).len(), 1 << 16);
}

#[test]
fn a_future_keeps_its_pool() {
    let pool = small(1);
    let held = pool.alloc(10).unwrap();
    let awake = Awake::of_this_thread();
    let mut future = waiting(&pool, &awake);
    drop(pool);
    drop(held);
    assert_eq!(served(&mut future, &awake).len(), 10);
}

#[test]
fn a_forked_child_gets_an_error_and_takes_nothing_from_its_parent() {
    let pool = small(1);
    let held = pool.alloc(10).unwrap();
    let awake = Awake::of_this_thread();
    let mut waiting = waiting(&pool, &awake);
    let mut fresh = pool.alloc_async(10);
    // SAFETY: the child runs code that is to work in a forked child, which is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_forked = |future| {
            matches!(
                poll(Pin::new(future), &awake),
                Poll::Ready(Err(AllocError::Forked))
            )
        };
        let are_forked = is_forked(&mut waiting) && is_forked(&mut fresh);
        drop((waiting, fresh, held, pool));
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(!are_forked)) };
    }
    let mut status = -1;
    // SAFETY: waits for the child of this test.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(poll(Pin::new(&mut waiting), &awake).is_pending());
    drop(held);
    assert_eq!(served(&mut waiting, &awake).len(), 10);
}

#[test]
fn a_process_that_ends_while_a_future_waits_ends_and_leaves_nothing() {
    harness::host::alone(64, || {
        let pool = small(1);
        let awake = Awake::of_this_thread();
        let held = pool.alloc(10).unwrap();
        std::mem::forget((waiting(&pool, &awake), held));
    });
}
