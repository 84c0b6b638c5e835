//! What C's handles are: numbers in the place of a pointer, which are looked up.
//!
//! A handle says its kind, its place in the kind's table, and how many have had that place before it. So one that was
//! closed is told from the one that has its place now, and so is one of another kind: a magic word in freed memory could
//! tell neither without reading what is not there any more. The number is no address on any machine, so a program that reads
//! through one faults at once. A look-up is a mutex that is held for some instructions.
//!
//! Who may write what: whoever opens or closes a handle, under the table's mutex.
//!
//! Invariants: nothing is dropped under the mutex. What a call has looked up stays until that call lets go of it.
//!
//! Knowingly weak: after 2^40 handles in one place an old one would be taken for a new one. A table never shrinks; it has
//! 32 bytes for each handle that was open at once.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{last_error, status::Status};

const PLACE_BITS: u32 = 20;
const GENERATION_BITS: u32 = 40;
const PLACES: usize = 1 << PLACE_BITS;

// A number that has a kind (1 to 14) in its highest bits is no address: those are all equal there.
const _: () = assert!(usize::BITS == 64, "handles are numbers of 64 bits");

/// What a handle can stand for.
pub(crate) trait Kind: Sized + 'static {
    /// In messages.
    const NAME: &'static str;
    /// What a handle of it is closed by, in messages.
    const CLOSED_BY: &'static str;
    fn table() -> &'static Table<Self>;
}

/// A handle as it comes from C: any number.
#[derive(Debug)]
#[repr(transparent)]
pub struct Handle<T> {
    number: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

/// All handles of a kind.
#[derive(Debug)]
pub(crate) struct Table<T> {
    kind: u64,
    places: Mutex<Places<T>>,
}

#[derive(Debug)]
struct Places<T> {
    list: Vec<Place<T>>,
    /// Those that are free, the last one first.
    free: Vec<usize>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u64,
    value: Option<Arc<T>>,
}

impl<T> Table<T> {
    /// `kind` is 1 to 14, another one for each table.
    pub(crate) const fn new(kind: u64) -> Self {
        assert!(kind > 0 && kind < 15);
        Self {
            kind,
            places: Mutex::new(Places {
                list: Vec::new(),
                free: Vec::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places<T>> {
        // Whole between any two statements.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a handle and its generation; `None` for what is no handle of this kind.
    fn parts(&self, number: usize) -> Option<(usize, u64)> {
        let number = number as u64;
        let generation = (number >> PLACE_BITS) & ((1 << GENERATION_BITS) - 1);
        let kind = number >> (PLACE_BITS + GENERATION_BITS);
        (kind == self.kind).then_some((number as usize % PLACES, generation))
    }
}

impl<T> Places<T> {
    fn get(&mut self, place: usize, generation: u64) -> Found<'_, T> {
        let Some(entry) = self.list.get_mut(place) else {
            return Found::Never;
        };
        match generation.cmp(&entry.generation) {
            std::cmp::Ordering::Equal if entry.value.is_some() => Found::Open(entry),
            std::cmp::Ordering::Greater => Found::Never,
            _ => Found::Closed,
        }
    }
}

enum Found<'a, T> {
    Open(&'a mut Place<T>),
    Closed,
    Never,
}

impl<T> Handle<T> {
    /// NULL.
    pub(crate) const NONE: Self = Self {
        number: 0,
        kind: PhantomData,
    };

    pub(crate) fn is_null(self) -> bool {
        self.number == 0
    }
}

impl<T: Kind> Handle<T> {
    /// A handle of something new.
    pub(crate) fn open(value: T) -> Result<Self, Status> {
        let table = T::table();
        let value = Arc::new(value);
        let mut places = table.lock();
        let place = places.free.pop().unwrap_or(places.list.len());
        if place == PLACES {
            drop(places);
            return Err(last_error::keep(
                Status::NoMemory,
                &format!("{PLACES} of {} are open: close some", T::NAME),
            ));
        }
        if place == places.list.len() {
            places.list.push(Place {
                generation: 0,
                value: None,
            });
        }
        let entry = &mut places.list[place];
        entry.generation = (entry.generation + 1) & ((1 << GENERATION_BITS) - 1);
        entry.value = Some(value);
        let number = table.kind << (PLACE_BITS + GENERATION_BITS)
            | entry.generation << PLACE_BITS
            | place as u64;
        Ok(Self {
            number: number as usize,
            kind: PhantomData,
        })
    }

    /// What it stands for, for as long as a call needs it.
    pub(crate) fn get(self) -> Result<Arc<T>, Status> {
        let table = T::table();
        let (place, generation) = table.parts(self.number).ok_or_else(|| self.none())?;
        let mut places = table.lock();
        let found = match places.get(place, generation) {
            Found::Open(entry) => Ok(entry.value.clone()),
            Found::Closed => Err(true),
            Found::Never => Err(false),
        };
        drop(places);
        match found {
            Ok(Some(value)) => Ok(value),
            Ok(None) | Err(true) => Err(closed::<T>()),
            Err(false) => Err(self.none()),
        }
    }

    /// Closes it; whoever uses it just now goes on.
    pub(crate) fn close(self) -> Result<Arc<T>, Status> {
        self.take(|_| true)
    }

    /// Closes it, unless another call is using it.
    pub(crate) fn take_alone(self) -> Result<T, Status> {
        // Calls look it up under the lock, so that one reference here is the only one.
        let taken = self.take(|value| Arc::strong_count(value) == 1)?;
        Arc::try_unwrap(taken).map_err(|_| busy::<T>())
    }

    fn take(self, may: impl FnOnce(&Arc<T>) -> bool) -> Result<Arc<T>, Status> {
        let table = T::table();
        let (place, generation) = table.parts(self.number).ok_or_else(|| self.none())?;
        let mut places = table.lock();
        let taken = match places.get(place, generation) {
            Found::Open(entry) if !entry.value.as_ref().is_some_and(may) => Err(Refusal::Busy),
            Found::Open(entry) => entry.value.take().ok_or(Refusal::Closed),
            Found::Closed => Err(Refusal::Closed),
            Found::Never => Err(Refusal::Never),
        };
        if taken.is_ok() {
            places.free.push(place);
        }
        drop(places);
        taken.map_err(|refusal| match refusal {
            Refusal::Busy => busy::<T>(),
            Refusal::Closed => closed::<T>(),
            Refusal::Never => self.none(),
        })
    }

    #[cold]
    fn none(self) -> Status {
        let name = T::NAME;
        if self.number == 0 {
            let why = format!("the {name} is NULL: see what the call answered that was to give it");
            return last_error::keep(Status::InvalidArgument, &why);
        }
        let why = format!(
            "this is no {name}: nothing of the kind has been handed out with this value; pass what the library has stored"
        );
        last_error::keep(Status::NotAHandle, &why)
    }
}

enum Refusal {
    Busy,
    Closed,
    Never,
}

#[cold]
fn closed<T: Kind>() -> Status {
    let why = format!(
        "this {} is gone: {} was called with it before; use each handle until then",
        T::NAME,
        T::CLOSED_BY
    );
    last_error::keep(Status::Closed, &why)
}

#[cold]
pub(crate) fn busy<T: Kind>() -> Status {
    let why = format!(
        "another thread is in a call with this {0}: one thread at a time uses a {0}, wait for the other one",
        T::NAME
    );
    last_error::keep(Status::Busy, &why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Thing(u32);

    static THINGS: Table<Thing> = Table::new(14);

    impl Kind for Thing {
        const NAME: &'static str = "thing";
        const CLOSED_BY: &'static str = "close_thing()";
        fn table() -> &'static Table<Self> {
            &THINGS
        }
    }

    fn of(number: usize) -> Handle<Thing> {
        Handle {
            number,
            kind: PhantomData,
        }
    }

    #[test]
    fn a_handle_that_was_closed_is_told_from_the_one_that_has_its_place() {
        let first = Handle::open(Thing(1)).unwrap();
        assert_eq!(*first.get().unwrap(), Thing(1));
        assert_eq!(*first.close().unwrap(), Thing(1));
        let second = Handle::open(Thing(2)).unwrap();
        assert_eq!(first.get(), Err(Status::Closed));
        assert_eq!(first.close(), Err(Status::Closed));
        assert_eq!(*second.get().unwrap(), Thing(2));

        for never in [
            1,
            usize::MAX,
            second.number + 1,
            second.number + (1 << PLACE_BITS),
        ] {
            assert_eq!(of(never).get(), Err(Status::NotAHandle), "{never:x}");
        }
        let other_kind = second.number & ((1 << 60) - 1) | 3 << 60;
        assert_eq!(of(other_kind).get(), Err(Status::NotAHandle));
        assert_eq!(of(0).get(), Err(Status::InvalidArgument));

        let used = second.get().unwrap();
        assert_eq!(second.take_alone(), Err(Status::Busy));
        drop(used);
        assert_eq!(second.take_alone(), Ok(Thing(2)));
        assert_eq!(second.take_alone(), Err(Status::Closed));
    }

    #[test]
    fn a_handle_is_no_address() {
        for kind in 1..15u64 {
            let lowest = kind << (PLACE_BITS + GENERATION_BITS);
            assert!(lowest >> 60 != 0 && lowest >> 60 != 15);
        }
    }
}
