//! How much of the processors each process takes, and took in all by its role, also those that have ended.
//!
//! The kernel is asked once a second; what a process takes between the last question and its end is not seen.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::roles::Role;

/// Who a process is: its role, `None` for the pipeline itself.
pub(super) type Who = Option<Role>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ProcessorTime {
    living: HashMap<u32, Seen>,
    /// Of processes that have ended, by role.
    ended: HashMap<Who, Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    who: Who,
    at: Instant,
    time: Duration,
    share: f64,
}

/// Of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Taken {
    pub(super) seconds: f64,
    /// Of one processor, between the last two looks.
    pub(super) share: f64,
}

impl ProcessorTime {
    /// Takes note of what these processes have taken until now, as `read` says; those that are not named have ended.
    pub(super) fn look(
        &mut self,
        processes: &[(u32, Who)],
        now: Instant,
        read: impl Fn(u32) -> Option<Duration>,
    ) {
        let mut living = HashMap::new();
        for (pid, who) in processes {
            let is_same = self.living.get(pid).is_some_and(|seen| seen.who == *who);
            let before = is_same.then(|| self.living.remove(pid)).flatten();
            let time = read(*pid).or(before.map(|seen| seen.time));
            let Some(time) = time else { continue };
            let share = before.map_or(0.0, |before| {
                let elapsed = now.saturating_duration_since(before.at).as_secs_f64();
                let taken = time.saturating_sub(before.time).as_secs_f64();
                if elapsed > 0.0 {
                    taken / elapsed
                } else {
                    before.share
                }
            });
            let seen = Seen {
                who: *who,
                at: now,
                time,
                share,
            };
            living.insert(*pid, seen);
        }
        let before = std::mem::replace(&mut self.living, living);
        for seen in before.into_values() {
            *self.ended.entry(seen.who).or_default() += seen.time;
        }
    }

    pub(super) fn of_process(&self, pid: u32) -> Taken {
        let seen = self.living.get(&pid);
        seen.map_or(Taken::default(), |seen| Taken {
            seconds: seen.time.as_secs_f64(),
            share: seen.share,
        })
    }

    /// All processes of a role together, in seconds.
    pub(super) fn of_role(&self, who: Who) -> f64 {
        let living = self.living.values().filter(|seen| seen.who == who);
        let living: Duration = living.map(|seen| seen.time).sum();
        let ended = self.ended.get(&who).copied().unwrap_or_default();
        (living + ended).as_secs_f64()
    }
}

/// What the kernel says that a process has taken, in user and system mode; `None` where it has gone.
pub(super) fn of_kernel(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, can have anything in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_last_look_and_what_has_ended_still_counts() {
        let mut times = ProcessorTime::default();
        let begun = Instant::now();
        let role = Some(Role::Compressor);
        let seconds = Duration::from_secs_f64;
        times.look(&[(7, role), (8, None)], begun, |pid| {
            Some(seconds(f64::from(pid)))
        });
        assert_eq!(
            times.of_process(7),
            Taken {
                seconds: 7.0,
                share: 0.0
            }
        );
        let later = begun + Duration::from_secs(2);
        times.look(&[(7, role)], later, |_| Some(seconds(8.0)));
        assert_eq!(
            times.of_process(7),
            Taken {
                seconds: 8.0,
                share: 0.5
            }
        );
        assert_eq!(times.of_process(8), Taken::default());
        // Another process has the number now: the first one's time is not lost.
        times.look(&[(7, None)], later, |_| Some(seconds(1.0)));
        assert_eq!((times.of_role(role), times.of_role(None)), (8.0, 9.0));
    }

    #[test]
    fn the_kernel_knows_this_process_and_not_one_that_cannot_be() {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        assert!(of_kernel(std::process::id()).unwrap() >= Duration::from_millis(20));
        assert_eq!(of_kernel(u32::MAX), None);
    }
}
