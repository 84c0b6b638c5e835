//! One run: who takes part, what is done to them, and what has to hold in the end.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    checked::{Life, lives_in},
    worker::Worker,
};

/// Published by each run, unless the environment says otherwise.
const FRAMES: u64 = 6_000;
/// A publisher is killed at most so often.
const LIVES: u32 = 10;
/// Of a publisher, between two frames.
const PAUSE_US: u64 = 200;

pub struct Run {
    random: Random,
    alone: bool,
    unmodified: bool,
    frames: u64,
    deaths_of_subscribers: u32,
    deaths_of_publishers: u32,
    stops: u32,
    stops_of_publishers: u32,
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn of<'a, T>(&mut self, all: &'a mut [T]) -> Option<&'a mut T> {
        let at = self.below((all.len() as u64).max(1)) as usize;
        all.get_mut(at)
    }
}

/// A publisher: the process that has its key and endpoint at the moment.
struct Source {
    key: String,
    endpoint: String,
    /// A hundred times its number, and how often it was killed.
    life: u32,
    frames: u64,
    process: Worker,
    is_done: bool,
}

impl Source {
    fn is_done(&mut self) -> bool {
        self.is_done |= self.process.has_said("has put");
        self.is_done
    }
}

/// A subscriber that is there from before the first frame until after the last.
struct Stays {
    refuses: bool,
    key: String,
    process: Worker,
}

/// One that comes and goes.
struct Guest {
    process: Worker,
    is_stopped: bool,
}

fn from_environment(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

impl Run {
    pub fn new(number: u64) -> Self {
        let seed = from_environment("ZENOH_PINNED_KILL_SEED");
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.unwrap().as_nanos() as u64 >> 10
        });
        println!("ZENOH_PINNED_KILL_SEED={seed}");
        Self {
            random: Random((seed ^ number << 60) | 1),
            alone: false,
            unmodified: false,
            frames: from_environment("ZENOH_PINNED_KILL_FRAMES").unwrap_or(FRAMES),
            deaths_of_subscribers: 0,
            deaths_of_publishers: 0,
            stops: 0,
            stops_of_publishers: 0,
        }
    }

    pub fn alone(mut self, alone: bool) -> Self {
        self.alone = alone;
        self
    }

    pub fn unmodified(mut self, unmodified: bool) -> Self {
        self.unmodified = unmodified;
        self
    }

    pub fn go(mut self) {
        static ONE: Mutex<()> = Mutex::new(());
        let _one_at_a_time = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let count = 1 + self.random.below(4);
        let endpoints = free_endpoints(count as usize);
        let mut stay: Vec<_> = [("**", true, 8), ("**", false, 2), ("kills/0", true, 4)]
            .map(|(key, refuses, capacity)| Stays {
                refuses,
                key: key.to_owned(),
                process: subscriber(key, refuses, capacity, &endpoints, false),
            })
            .into();
        let mut unmodified = match self.unmodified {
            true => unmodified(&endpoints),
            false => Vec::new(),
        };
        let processes = stay.iter_mut().map(|stays| &mut stays.process);
        processes.chain(&mut unmodified).for_each(|process| {
            process.line("declared");
        });
        let mut sources: Vec<_> = endpoints
            .iter()
            .zip(0..)
            .map(|(endpoint, number)| {
                self.source(100 * number, endpoint.clone(), self.frames / count)
            })
            .collect();
        // Nothing is published before everybody has met.
        std::thread::sleep(Duration::from_secs(1));
        sources
            .iter_mut()
            .for_each(|source| source.process.tell("go"));
        let mut guests = Vec::new();
        while !sources.iter_mut().all(Source::is_done) {
            std::thread::sleep(Duration::from_millis(self.random.below(20)));
            self.something_happens(&mut sources, &mut stay, &mut guests, &endpoints);
            let all = stay.iter_mut().map(|stays| &mut stays.process);
            all.chain(&mut unmodified).for_each(Worker::assert_lives);
        }
        println!(
            "{count} publishers, {} publishers and {} subscribers killed, {} stops",
            self.deaths_of_publishers, self.deaths_of_subscribers, self.stops
        );
        guests.into_iter().for_each(leave);
        for stays in &mut stay {
            let summary = stays.process.end();
            self.assert_kept(stays, &summary, &sources);
        }
        for process in &mut unmodified {
            let summary = process.end();
            self.assert_complete(&process.what, &summary, &sources, "**", 0);
        }
        for source in &mut sources {
            source.process.tell("all have gone");
            println!("{} {}", source.key, source.process.line("free after"));
            source.process.end();
        }
    }

    fn something_happens(
        &mut self,
        sources: &mut [Source],
        stay: &mut [Stays],
        guests: &mut Vec<Guest>,
        endpoints: &[String],
    ) {
        let which = self.random.below(guests.len().max(1) as u64) as usize;
        match self.random.below(12) {
            0..4 if guests.len() < 4 => {
                let key = match self.random.below(2) {
                    0 => String::from("**"),
                    _ => format!("kills/{}", self.random.below(sources.len() as u64)),
                };
                let refuses = self.random.below(2) == 0;
                let capacity = 1 + self.random.below(8);
                guests.push(Guest {
                    process: subscriber(&key, refuses, capacity, endpoints, true),
                    is_stopped: false,
                });
            }
            4 | 5 if !guests.is_empty() => {
                let mut guest = guests.swap_remove(which);
                guest.process.assert_lives();
                guest.process.kill();
                self.deaths_of_subscribers += 1;
            }
            6 if !guests.is_empty() => leave(guests.swap_remove(which)),
            7 | 8 => {
                if let Some(guest) = guests.get_mut(which) {
                    guest.is_stopped = !guest.is_stopped;
                    let signal = match guest.is_stopped {
                        true => libc::SIGSTOP,
                        false => libc::SIGCONT,
                    };
                    guest.process.signal(signal);
                    self.stops += 1;
                }
            }
            9 => {
                if let Some(stays) = self.random.of(stay) {
                    self.stop_for_a_moment(&stays.process);
                }
            }
            // zenoh gives up what a stopped publisher did not confirm: its own subscribers then miss a frame.
            10 if !self.unmodified => {
                if let Some(source) = self.random.of(sources) {
                    self.stop_for_a_moment(&source.process);
                    self.stops_of_publishers += 1;
                }
            }
            _ => {
                // The first one is never killed.
                if let Some(source) = self.random.of(sources.get_mut(1..).unwrap_or_default())
                    && source.life % 100 < LIVES
                    && !source.is_done()
                {
                    source.process.kill();
                    self.deaths_of_publishers += 1;
                    let endpoint = source.endpoint.clone();
                    *source = self.source(source.life + 1, endpoint, source.frames);
                    source.process.tell("go");
                }
            }
        }
        // Nobody stands still for long: without `alone` its socket keeps frames.
        for guest in guests {
            if guest.is_stopped && self.random.below(6) == 0 {
                guest.is_stopped = false;
                guest.process.signal(libc::SIGCONT);
            }
        }
    }

    fn stop_for_a_moment(&mut self, process: &Worker) {
        process.signal(libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(1 + self.random.below(200)));
        process.signal(libc::SIGCONT);
        self.stops += 1;
    }

    /// Begins to publish when it is told to.
    fn source(&self, life: u32, endpoint: String, frames: u64) -> Source {
        let key = format!("kills/{}", life / 100);
        let orders = [
            ("KEY", key.clone()),
            ("ENDPOINT", endpoint.clone()),
            ("LIFE", life.to_string()),
            ("FRAMES", frames.to_string()),
            ("ALONE", self.alone.to_string()),
            ("PAUSE_US", PAUSE_US.to_string()),
        ];
        let what = format!("publisher {life}");
        let mut process = Worker::start(&what, "publisher::worker_that_publishes", &orders);
        process.line("declared");
        Source {
            key,
            endpoint,
            life,
            frames,
            process,
            is_done: false,
        }
    }

    fn assert_kept(&self, stays: &Stays, summary: &str, sources: &[Source]) {
        println!("{}: {summary}", stays.process.what);
        let number = |name: &str| -> u64 {
            let at = summary.find(name).unwrap() + name.len();
            let rest = &summary[at..];
            rest[..rest.find(' ').unwrap_or(rest.len())]
                .parse()
                .unwrap()
        };
        let (overrun, errors) = (number("overrun="), number("errors="));
        let what = &stays.process.what;
        let missing = self.assert_complete(what, summary, sources, &stays.key, overrun + errors);
        if self.deaths_of_publishers + self.stops_of_publishers == 0 {
            assert_eq!((missing, errors), (overrun, 0), "{what}: {summary}");
            assert!(!stays.refuses || overrun == 0, "{what}: {summary}");
        }
    }

    /// Nothing is missing that was not counted as `lost`: between any two frames, at the end of those who live, and at
    /// the beginning of those who were there from the beginning. How much is missing.
    fn assert_complete(
        &self,
        what: &str,
        summary: &str,
        sources: &[Source],
        key: &str,
        lost: u64,
    ) -> u64 {
        let lives: HashMap<u32, Life> = lives_in(summary);
        for source in sources {
            if key == "**" || key == source.key {
                let last = lives.get(&source.life).map(|life| u64::from(life.last) + 1);
                assert_eq!(
                    last,
                    Some(source.frames),
                    "{what}, {}: {summary}",
                    source.life
                );
            }
        }
        let missing = lives.iter().map(|(name, life)| {
            let was_there = name % 100 == 0;
            life.missing + if was_there { u64::from(life.first) } else { 0 }
        });
        let missing = missing.sum();
        assert!(
            missing <= lost,
            "{what}: {missing} missing, {lost} counted: {summary}"
        );
        missing
    }
}

/// `leaves`: it ends when it is told to, and otherwise when nothing comes any more.
fn subscriber(
    key: &str,
    refuses: bool,
    capacity: u64,
    endpoints: &[String],
    leaves: bool,
) -> Worker {
    let overflow = if refuses { "refuse" } else { "drop" };
    let orders = [
        ("KEY", key.to_owned()),
        ("ENDPOINTS", endpoints.join(" ")),
        ("OVERFLOW", overflow.to_owned()),
        ("CAPACITY", capacity.to_string()),
        ("LEAVES", leaves.to_string()),
    ];
    let what = format!("subscriber of {key}, {overflow}, {capacity}");
    Worker::start(&what, "subscriber::worker_that_subscribes", &orders)
}

/// In Rust and, where there is one, in Python.
fn unmodified(endpoints: &[String]) -> Vec<Worker> {
    let orders = [
        ("KEY", String::from("kills/**")),
        ("ENDPOINTS", endpoints.join(" ")),
    ];
    let name = "subscriber::worker_that_is_unmodified";
    let mut all = vec![Worker::start("unmodified, Rust", name, &orders)];
    let Ok(python) = std::env::var("ZENOH_PINNED_PYTHON") else {
        println!("without a Python subscriber: set ZENOH_PINNED_PYTHON, as make test does");
        return all;
    };
    let mut arguments = vec![String::from("kills/**")];
    arguments.extend_from_slice(endpoints);
    let python = Worker::python("unmodified, Python", &python, "unmodified.py", &arguments);
    all.push(python);
    all
}

/// It has found no fault when it goes.
fn leave(mut guest: Guest) {
    guest.process.signal(libc::SIGCONT);
    guest.process.line("declared");
    guest.process.end();
}

/// On ports that nobody has.
fn free_endpoints(count: usize) -> Vec<String> {
    let listeners: Vec<_> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let endpoints = listeners.iter();
    endpoints
        .map(|listener| format!("tcp/{}", listener.local_addr().unwrap()))
        .collect()
}
