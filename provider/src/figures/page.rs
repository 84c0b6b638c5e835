//! How figures look in the rest of an account page, behind the account itself.
//!
//! | part | what |
//! |---|---|
//! | head, 3 words | magic `ZPINFIGS`; version in the upper, length of the body in the lower half; a sum over the body |
//! | body | numbers of 8 bytes, in the machine's order, and texts: a length of one byte and so many bytes of UTF-8 |
//!
//! Any process of the same user can write anything there. The sum tells a torn or scribbled page. Everything else is
//! checked while it is read: nothing is taken from beyond the body, and a number of a kind or of entries is what it can be.
//! What does not fit a page is left out: the texts are cut, and the pools that allocated least are not shown.

use std::{cmp::Reverse, time::Duration};

use super::{
    HAND_OVER_BOUNDS, HandOverFigures, PathFigures, PoolFigures, ProcessFigures, ReasonFigures,
};
use crate::reason::FallbackReason;

/// Bytes of a page that are for figures.
pub(crate) const FIGURES_BYTES: usize = 4096 - 128;
const HEAD_BYTES: usize = 24;
const MAGIC: u64 = u64::from_ne_bytes(*b"ZPINFIGS");
const VERSION: u64 = 1;
/// The most bytes of a name and of a reason's words.
const NAME_BYTES: usize = 64;
const WORDS_BYTES: usize = 160;
/// The most entries of each list, so that all of it fits a page.
const MOST_REASONS: u64 = 6;
const MOST_POOLS: u64 = 8;

/// What the page holds.
pub(crate) type FiguresPage = [u8; FIGURES_BYTES];

impl ProcessFigures {
    /// As they are shown.
    pub(crate) fn encode(&self) -> FiguresPage {
        let mut body = Body::default();
        let PathFigures {
            direct,
            staged,
            pageable,
            host,
        } = self.frames;
        body.numbers(&[direct, staged, pageable, host]);
        body.numbers(&[self.copies, self.copied_bytes]);
        body.numbers(&[self.copies_in_flight, self.holds_leaked]);
        body.numbers(&self.hand_over.buckets);
        body.duration(self.hand_over.sum);
        let reasons = &self.reasons[..self.reasons.len().min(MOST_REASONS as usize)];
        body.numbers(&[reasons.len() as u64]);
        for reason in reasons {
            let number = FallbackReason::KINDS
                .iter()
                .position(|kind| *kind == reason.kind);
            body.numbers(&[number.unwrap_or(0) as u64, reason.frames]);
            body.text(&reason.latest, WORDS_BYTES);
        }
        let mut pools: Vec<_> = self.pools.iter().collect();
        pools.sort_by_key(|pool| Reverse(pool.allocations));
        pools.truncate(MOST_POOLS as usize);
        body.numbers(&[pools.len() as u64]);
        for pool in pools {
            body.text(&pool.name, NAME_BYTES);
            body.text(&pool.quarantine_reason, WORDS_BYTES);
            body.numbers(&[pool.slots, pool.in_use, pool.quarantined].map(u64::from));
            body.numbers(&[pool.allocations, pool.waits, pool.timeouts]);
            body.numbers(&[pool.reclaimed, pool.rejected_releases]);
            body.duration(pool.waited);
        }
        body.page()
    }

    /// `None` for what no process writes.
    pub(crate) fn decode(page: &FiguresPage) -> Option<Self> {
        let mut body = Reader::of(page)?;
        let figures = Self {
            frames: PathFigures {
                direct: body.number()?,
                staged: body.number()?,
                pageable: body.number()?,
                host: body.number()?,
            },
            copies: body.number()?,
            copied_bytes: body.number()?,
            copies_in_flight: body.number()?,
            holds_leaked: body.number()?,
            hand_over: HandOverFigures {
                buckets: {
                    let mut buckets = [0; HAND_OVER_BOUNDS.len() + 1];
                    for bucket in &mut buckets {
                        *bucket = body.number()?;
                    }
                    buckets
                },
                sum: body.duration()?,
            },
            reasons: body.list(MOST_REASONS, Reader::reason)?,
            pools: body.list(MOST_POOLS, Reader::pool)?,
        };
        body.rest.is_empty().then_some(figures)
    }
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn numbers(&mut self, numbers: &[u64]) {
        let Self(body) = self;
        body.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
    }

    fn duration(&mut self, duration: Duration) {
        self.numbers(&[u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)]);
    }

    fn text(&mut self, text: &str, most: usize) {
        let mut end = text.len().min(most);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        let Self(body) = self;
        body.push(text.len() as u8);
        body.extend_from_slice(text.as_bytes());
    }

    fn page(self) -> FiguresPage {
        let Self(body) = self;
        let mut page = [0; FIGURES_BYTES];
        let head = [MAGIC, VERSION << 32 | body.len() as u64, sum_of(&body)];
        let head = head.into_iter().flat_map(u64::to_ne_bytes);
        for (byte, value) in page.iter_mut().zip(head.chain(body)) {
            *byte = value;
        }
        page
    }
}

struct Reader<'page> {
    rest: &'page [u8],
}

impl<'page> Reader<'page> {
    fn of(page: &'page FiguresPage) -> Option<Self> {
        let (head, body) = page.split_at(HEAD_BYTES);
        let mut head = Self { rest: head };
        let (magic, version_and_length, sum) = (head.number()?, head.number()?, head.number()?);
        let length = usize::try_from(version_and_length & u64::from(u32::MAX)).ok()?;
        let rest = body.get(..length)?;
        let is_whole = magic == MAGIC && version_and_length >> 32 == VERSION && sum == sum_of(rest);
        is_whole.then_some(Self { rest })
    }

    fn take(&mut self, bytes: usize) -> Option<&'page [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_ne_bytes(self.take(8)?.try_into().ok()?))
    }

    fn small_number(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn duration(&mut self) -> Option<Duration> {
        Some(Duration::from_nanos(self.number()?))
    }

    fn text(&mut self) -> Option<String> {
        let [length] = self.take(1)? else {
            return None;
        };
        let text = std::str::from_utf8(self.take(usize::from(*length))?).ok()?;
        Some(text.to_owned())
    }

    fn list<T>(
        &mut self,
        most: u64,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let length = self.number()?;
        if length > most {
            return None;
        }
        (0..length).map(|_| one(self)).collect()
    }

    fn reason(&mut self) -> Option<ReasonFigures> {
        let number = usize::try_from(self.number()?).ok()?;
        Some(ReasonFigures {
            kind: FallbackReason::KINDS.get(number)?,
            frames: self.number()?,
            latest: self.text()?,
        })
    }

    fn pool(&mut self) -> Option<PoolFigures> {
        Some(PoolFigures {
            name: self.text()?,
            quarantine_reason: self.text()?,
            slots: self.small_number()?,
            in_use: self.small_number()?,
            quarantined: self.small_number()?,
            allocations: self.number()?,
            waits: self.number()?,
            timeouts: self.number()?,
            reclaimed: self.number()?,
            rejected_releases: self.number()?,
            waited: self.duration()?,
        })
    }
}

/// FNV-1a: enough for tearing and stray writes.
fn sum_of(body: &[u8]) -> u64 {
    body.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(reasons: usize, pools: usize, text: &str) -> ProcessFigures {
        ProcessFigures {
            frames: PathFigures {
                direct: 1,
                staged: 2,
                pageable: 3,
                host: u64::MAX,
            },
            reasons: (0..reasons)
                .map(|number| ReasonFigures {
                    kind: FallbackReason::KINDS[number],
                    frames: 9,
                    latest: text.to_owned(),
                })
                .collect(),
            copies: 5,
            copied_bytes: 6,
            copies_in_flight: 7,
            holds_leaked: 8,
            hand_over: HandOverFigures {
                buckets: std::array::from_fn(|bucket| bucket as u64),
                sum: Duration::from_nanos(77),
            },
            pools: (0..pools)
                .map(|number| PoolFigures {
                    name: text.to_owned(),
                    quarantine_reason: text.to_owned(),
                    slots: 3,
                    allocations: 100 - number as u64,
                    waited: Duration::from_millis(4),
                    ..PoolFigures::default()
                })
                .collect(),
        }
    }

    #[test]
    fn figures_read_back_as_they_were_written() {
        for (reasons, pools) in [(0, 0), (2, 3), (MOST_REASONS as usize, MOST_POOLS as usize)] {
            let written = figures(reasons, pools, "what to do");
            assert_eq!(ProcessFigures::decode(&written.encode()), Some(written));
        }
        assert_eq!(ProcessFigures::decode(&[0; FIGURES_BYTES]), None);
    }

    #[test]
    fn the_longest_fit_a_page_and_what_does_not_is_cut_between_characters() {
        let long = "ü".repeat(300);
        let read = ProcessFigures::decode(&figures(21, 30, &long).encode()).unwrap();
        assert_eq!((read.reasons.len(), read.pools.len()), (6, 8));
        assert_eq!(read.pools[0].name, "ü".repeat(32));
        assert_eq!(read.reasons[5].latest, "ü".repeat(80));
        let allocations: Vec<_> = read.pools.iter().map(|pool| pool.allocations).collect();
        assert_eq!(allocations, (93..=100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn every_scribbled_byte_that_is_read_is_noticed() {
        let page = figures(1, 1, "abc").encode();
        let used = page.iter().rposition(|byte| *byte != 0).unwrap();
        for at in 0..=used {
            for value in [0, 1, 0x7f, 0xff] {
                let mut scribbled = page;
                scribbled[at] = value;
                let unchanged = scribbled == page;
                let read = ProcessFigures::decode(&scribbled);
                assert_eq!(read.is_some(), unchanged, "byte {at} = {value}");
            }
        }
    }

    /// A writer who knows the format: the sum is right, the rest is not.
    #[test]
    fn no_well_summed_nonsense_is_read_beyond_the_body() {
        let mut random = 1u64;
        for _ in 0..100_000 {
            let mut next = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            let mut body = figures(1, 1, "abc").encode()[HEAD_BYTES..][..500].to_vec();
            body.truncate(next() as usize % 501);
            for _ in 0..3 {
                if !body.is_empty() {
                    let at = next() as usize % body.len();
                    body[at] = next() as u8;
                }
            }
            let _ = ProcessFigures::decode(&Body(body).page());
        }
    }
}
