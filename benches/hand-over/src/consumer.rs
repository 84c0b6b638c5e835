//! A consumer's process: takes frames, and tells after each turn what it has seen.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::channel},
    time::{Duration, Instant},
};

use zenoh_pinned_measuring::{
    clock::cpu_of_this_process,
    placement::{self, Half},
};

use crate::{
    Outcome, arms,
    frame::{self, Number},
    orders::{Orders, Taking, say},
};

/// What the process is told. A turn's number and the warm-up frames that it has seen; of an end, how many were sent.
pub const TURN: &str = "turn";
pub const SEEN: &str = "seen";
pub const END: &str = "end";

/// A turn is over when everything has arrived, or nothing has for so long.
const SILENCE: Duration = Duration::from_millis(500);
/// From the end of the input until the last frame must have come.
const LAST_FRAME: Duration = Duration::from_secs(3);

/// What a consumer has seen of a turn. Nothing else touches it while frames arrive.
#[derive(Debug, Default)]
pub struct Seen {
    bytes: usize,
    turn: u64,
    next: u64,
    warm: u64,
    wrong: u64,
    repeated: u64,
    /// CPU time of the process when the frames began that count.
    cpu: u64,
    first_sent: u64,
    last_arrived: u64,
    nanoseconds: Vec<u32>,
}

/// What a consumer tells of a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    pub wrong: u64,
    pub repeated: u64,
    pub cpu: u64,
    /// From the first frame's time to the last one's arrival.
    pub span: u64,
    pub nanoseconds: Vec<u32>,
}

impl Turn {
    fn line(&self) -> String {
        let head = [self.wrong, self.repeated, self.cpu, self.span];
        let times = self.nanoseconds.iter().map(|time| u64::from(*time));
        let words = head.into_iter().chain(times).map(|word| word.to_string());
        words.collect::<Vec<_>>().join(" ")
    }

    pub fn of(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut next = || words.next()?.parse().ok();
        Some(Self {
            wrong: next()?,
            repeated: next()?,
            cpu: next()?,
            span: next()?,
            nanoseconds: words.map(|time| time.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

impl Seen {
    fn begin(&mut self, turn: u64) {
        *self = Self {
            bytes: self.bytes,
            turn,
            warm: self.warm,
            cpu: cpu_of_this_process(),
            nanoseconds: Vec::with_capacity(1 << 20),
            ..Self::default()
        };
    }

    /// Notes a frame, and says whether there will be more.
    fn take(&mut self, bytes: &[u8], arrived: u64) -> ControlFlow<()> {
        let Some(head) = frame::read(bytes, self.bytes) else {
            self.wrong += 1;
            return ControlFlow::Continue(());
        };
        match head.number {
            Number::Last => return ControlFlow::Break(()),
            Number::WarmUp => {
                self.warm += 1;
                self.cpu = cpu_of_this_process();
            }
            Number::Counted { turn, index } if turn == self.turn && index >= self.next => {
                if self.nanoseconds.is_empty() {
                    self.first_sent = head.sent;
                }
                self.next = index + 1;
                self.last_arrived = arrived;
                let time = arrived.saturating_sub(head.sent);
                self.nanoseconds.push(time.try_into().unwrap_or(u32::MAX));
            }
            Number::Counted { .. } => self.repeated += 1,
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self) -> Turn {
        Turn {
            wrong: self.wrong,
            repeated: self.repeated,
            cpu: cpu_of_this_process() - self.cpu,
            span: self.last_arrived.saturating_sub(self.first_sent),
            nanoseconds: std::mem::take(&mut self.nanoseconds),
        }
    }
}

pub fn run(orders: Orders) -> Outcome {
    placement::take_half(Half::Consumers)?;
    let seen = Arc::new(Mutex::new(Seen {
        bytes: orders.bytes,
        ..Seen::default()
    }));
    let taken = seen.clone();
    let take = move |bytes: &[u8], arrived: u64| lock(&taken).take(bytes, arrived);
    match orders.taking {
        Taking::Recv => {
            // In this thread: not all arms' ends may go to another one.
            let mut inlet = arms::inlet(&orders)?;
            listen(seen)?;
            while inlet.next(&take)?.is_continue() {}
        }
        Taking::Callback => {
            let (ended, end) = channel();
            let listening = arms::listen(&orders, move |bytes, arrived| {
                if take(bytes, arrived).is_break() {
                    let _ = ended.send(());
                }
            })?;
            listen(seen)?;
            end.recv()?;
            drop(listening);
        }
    }
    Ok(())
}

/// Does what this process is told, on a thread of its own.
fn listen(seen: Arc<Mutex<Seen>>) -> Outcome {
    std::thread::spawn(move || {
        if let Err(error) = obey(&seen) {
            eprintln!("{error}");
            std::process::exit(1);
        }
        std::thread::sleep(LAST_FRAME);
        eprintln!("the last frame did not arrive");
        std::process::exit(1);
    });
    say("listening")
}

fn obey(seen: &Mutex<Seen>) -> Outcome {
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some((TURN, number)) => {
                lock(seen).begin(number.parse()?);
                say(TURN)?;
            }
            Some((END, sent)) => {
                wait_for(seen, sent.parse()?);
                let turn = lock(seen).end();
                say(&turn.line())?;
            }
            None if line == SEEN => {
                let warm = lock(seen).warm;
                say(&warm.to_string())?;
            }
            _ => return Err(format!("{line:?} is nothing that a consumer does").into()),
        }
    }
    Ok(())
}

fn wait_for(seen: &Mutex<Seen>, sent: u64) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let next = lock(seen).next;
        if next >= sent || since.elapsed() > SILENCE {
            return;
        }
        if next != last {
            (last, since) = (next, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Whole after each frame.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(turn: u64, index: u64, sent: u64) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        frame::write(&mut bytes, Number::Counted { turn, index });
        frame::stamp(&mut bytes, sent);
        bytes
    }

    #[test]
    fn what_is_lost_repeated_or_wrong_is_not_among_the_times() {
        let mut seen = Seen {
            bytes: 64,
            ..Seen::default()
        };
        seen.begin(2);
        for bytes in [
            frame(2, 0, 100),
            frame(2, 2, 300),
            frame(2, 2, 300),
            frame(1, 9, 50),
        ] {
            assert!(seen.take(&bytes, 1000).is_continue());
        }
        assert!(seen.take(&[0; 64], 1000).is_continue());
        let turn = seen.end();
        assert_eq!(turn.nanoseconds, [900, 700]);
        assert_eq!((turn.repeated, turn.wrong, turn.span), (2, 1, 900));
        assert_eq!(Turn::of(&turn.line()), Some(turn));
    }
}
