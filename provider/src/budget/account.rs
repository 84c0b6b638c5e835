//! This process's account: what it holds, and the page that tells the others.
//!
//! The truth is in this process's memory; the page is a copy that is written again at every change, and
//! by the keeper where somebody scribbled on it, cut it or took its name away. It exists for as long as
//! there is something to say.

use std::{
    sync::{Mutex, atomic},
    time::Duration,
};

use super::{
    Purpose, Sums,
    census::Census,
    record::Record,
    refusal::{Refusal, users},
};
use crate::{
    figures::FiguresPage,
    os::{
        Errno,
        account_file::AccountFile,
        clock::Moment,
        per_process::{MadeHere, PerProcess},
        process,
    },
    reason::BudgetScope,
};

/// For how long the others see what was refused.
const WANTED_FOR: Duration = Duration::from_secs(2);

/// A forked child begins with one of its own; its parent's page is not its to write or unlink.
static ACCOUNT: PerProcess<Mutex<Account>> = PerProcess::new(|| Mutex::new(Account::new()));

#[derive(Debug)]
struct Account {
    truth: Record,
    page: Option<AccountFile>,
    /// There is something to show besides what is held.
    has_figures: bool,
    wanted_since: Moment,
}

/// Bytes of the host's budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct HostShare {
    purpose: Purpose,
    bytes: u64,
    made_here: MadeHere,
}

/// What came of one attempt to take bytes.
pub(super) enum Attempt {
    Granted(HostShare),
    /// It would fit but for what others are asking for at this very moment.
    Contended(Refusal),
    Refused {
        refusal: Refusal,
        excess: Sums,
    },
}

/// Announces the request, looks at everybody's account, and takes the bytes where they fit.
///
/// # Errors
/// The account cannot be kept or the others' cannot be read; nothing was taken.
pub(super) fn attempt(purpose: Purpose, bytes: u64, limit: u64) -> Result<Attempt, Errno> {
    let request = purpose.sums(bytes);
    let mut account = ACCOUNT.lock();
    account.truth.asked = request;
    let outcome = account.show().and_then(|()| {
        // The announcement is in the page before the others' pages are read, as theirs are before they
        // read this one: of two that ask at once, at least one sees the other.
        atomic::fence(atomic::Ordering::SeqCst);
        Census::take(account.page.as_ref().map(AccountFile::identity))
    });
    account.truth.asked = Sums::default();
    let census = match outcome {
        Ok(census) => census,
        Err(error) => {
            account.show_or_warn();
            return Err(error);
        }
    };
    let own = account.truth.held();
    let held = own.plus(census.held());
    let excess = held.excess_with(request, limit);
    let with_asked = held.plus(census.asked()).excess_with(request, limit);
    if with_asked.is_none() {
        account.truth.add(purpose, bytes);
        account.truth.wanted = Sums::default();
        // One write takes the announcement back and shows the bytes as held.
        if let Err(error) = account.show() {
            account.truth.subtract(purpose, bytes);
            account.show_or_warn();
            return Err(error);
        }
        return Ok(Attempt::Granted(HostShare {
            purpose,
            bytes,
            made_here: MadeHere::now(),
        }));
    }
    account.show_or_warn();
    drop(account);
    let over = excess.or(with_asked).unwrap_or_default();
    let used_bytes = match over.memory >= over.registered {
        true => held.memory,
        false => held.registered,
    };
    let refusal = Refusal {
        scope: BudgetScope::Host,
        needed_bytes: bytes,
        used_bytes,
        limit_bytes: limit,
        users: users(own, &census),
    };
    Ok(match excess {
        None => Attempt::Contended(refusal),
        Some(excess) => Attempt::Refused { refusal, excess },
    })
}

/// Tells the others for a moment what was refused, so that they give back what they do not use.
pub(super) fn want(wanted: Sums) {
    let mut account = ACCOUNT.lock();
    account.truth.wanted = wanted;
    account.wanted_since = Moment::now();
    account.show_or_warn();
}

/// What this process holds, and everybody else's accounts.
pub(super) fn look() -> Result<(Record, Census), Errno> {
    let account = ACCOUNT.lock();
    let census = Census::take(account.page.as_ref().map(AccountFile::identity))?;
    Ok((account.truth, census))
}

/// Shows these figures behind the account; `None` takes them back.
pub(super) fn show_figures(figures: Option<&FiguresPage>) {
    let mut account = ACCOUNT.lock();
    account.has_figures = figures.is_some();
    if account.page.is_some() != account.has_figures && account.show().is_err() {
        // Who holds nothing is not seen then, and no frame is worse for it. The next second tries again.
        return;
    }
    if let (Some(page), Some(figures)) = (&account.page, figures) {
        // Who looks misses the figures of a second.
        let _ = page.write_rest(figures);
    }
}

/// Puts the page right where somebody spoilt it; `false` where there is none.
pub(super) fn tend() -> bool {
    let mut account = ACCOUNT.lock();
    let wanted = account.truth.wanted != Sums::default();
    if wanted && Moment::now().since(account.wanted_since) >= WANTED_FOR {
        account.truth.wanted = Sums::default();
        account.show_or_warn();
    }
    let contents = account.truth.encode();
    let is_spoilt = |account: &Account| {
        let page = account.page.as_ref();
        page.is_some_and(|page| !page.shows(&contents))
    };
    if is_spoilt(&account) && account.show().is_ok() && is_spoilt(&account) {
        // Its name means another file, or none: the others cannot find it any more.
        account.page = None;
        account.show_or_warn();
    }
    account.page.is_some()
}

impl Account {
    fn new() -> Self {
        let pid = std::process::id();
        Self {
            truth: Record {
                pid,
                start_time: process::start_time(pid).unwrap_or(0),
                ..Record::default()
            },
            page: None,
            has_figures: false,
            wanted_since: Moment::now(),
        }
    }

    /// Brings the page to what is true.
    fn show(&mut self) -> Result<(), Errno> {
        let says = [self.truth.held(), self.truth.asked, self.truth.wanted];
        if says == [Sums::default(); 3] && !self.has_figures {
            self.page = None;
            return Ok(());
        }
        let contents = self.truth.encode();
        match &self.page {
            Some(page) => page.write(&contents),
            None => {
                self.page = Some(AccountFile::create(&contents)?);
                Ok(())
            }
        }
    }

    /// For changes that only lower what the page says: the others count too much until the keeper's next
    /// attempt.
    fn show_or_warn(&mut self) {
        if let Err(error) = self.show() {
            tracing::warn!(%error, "the account page of this process could not be written");
        }
    }
}

impl HostShare {
    /// Gives a part of the bytes back.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        if self.made_here.holds() {
            let mut account = ACCOUNT.lock();
            account.truth.shrink(self.purpose, bytes);
            account.show_or_warn();
        }
    }
}

impl Drop for HostShare {
    fn drop(&mut self) {
        // In a forked child the share is the parent's.
        if self.made_here.holds() {
            let mut account = ACCOUNT.lock();
            account.truth.subtract(self.purpose, self.bytes);
            account.show_or_warn();
        }
    }
}
