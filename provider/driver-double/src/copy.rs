//! Copies and fills: which bytes they take, when, and from what kind of memory.

use std::sync::Arc;

use crate::call::exports;
use crate::memory::Block;
use crate::range::Range;
use crate::registration::Registrations;
use crate::state::{Double, State};
use crate::status::{INVALID_VALUE, Status};
use crate::stream::Work;

/// One end of a copy.
#[derive(Clone)]
pub(crate) enum Place {
    Device {
        block: Arc<Block>,
        range: Range,
    },
    /// Memory that the device reads and writes in place, under the registration that starts here.
    Registered {
        start: usize,
        range: Range,
    },
    Pageable(Range),
    /// Pageable source bytes, captured before the call returned.
    Staged(Vec<u8>),
}

#[derive(Clone)]
pub(crate) struct Copy {
    pub(crate) to: Place,
    pub(crate) from: Place,
}

#[derive(Clone)]
pub(crate) struct Fill {
    pub(crate) to: Place,
    pub(crate) value: u8,
}

impl Place {
    pub(crate) fn address(&self) -> *mut u8 {
        match self {
            Self::Device { range, .. } | Self::Registered { range, .. } | Self::Pageable(range) => {
                range.pointer()
            }
            Self::Staged(bytes) => bytes.as_ptr().cast_mut(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Device { range, .. } | Self::Registered { range, .. } | Self::Pageable(range) => {
                range.bytes
            }
            Self::Staged(bytes) => bytes.len(),
        }
    }

    /// Why this place can no longer be used, if so.
    pub(crate) fn gone(&self) -> Result<(), String> {
        match self {
            Self::Device { block, range } if block.is_freed() => {
                Err(format!("use_after_free: {range:x?}"))
            }
            // A worker must not fault on what the caller took away too early.
            Self::Registered { range, .. } | Self::Pageable(range) if !range.is_mapped() => {
                Err(format!("unmapped_while_copying: {range:x?}"))
            }
            _ => Ok(()),
        }
    }

    fn registration(&self) -> Option<usize> {
        match self {
            Self::Registered { start, .. } => Some(*start),
            _ => None,
        }
    }

    fn begin(&self, registrations: &mut Registrations) {
        if let Some(start) = self.registration() {
            registrations.begin(start);
        }
    }

    fn end(&self, registrations: &mut Registrations) {
        if let Some(start) = self.registration() {
            registrations.end(start);
        }
    }
}

impl Copy {
    pub(crate) fn run(&self) -> Result<(), String> {
        self.from.gone()?;
        self.to.gone()?;
        // SAFETY: both ends were as long as each other when the copy was asked for; device memory
        // is held by this copy, and host memory the interface obliges the caller to keep.
        unsafe {
            self.to
                .address()
                .copy_from(self.from.address(), self.from.bytes());
        }
        self.from.gone()?;
        self.to.gone()
    }
}

impl Fill {
    pub(crate) fn run(&self) -> Result<(), String> {
        self.to.gone()?;
        // SAFETY: as for a copy.
        unsafe { self.to.address().write_bytes(self.value, self.to.bytes()) };
        self.to.gone()
    }
}

impl Work {
    pub(crate) fn begin(&self, state: &mut State) {
        match self {
            Self::Copy(copy) => {
                state.ledger.pending_copies += 1;
                copy.from.begin(&mut state.registrations);
                copy.to.begin(&mut state.registrations);
            }
            Self::Fill(fill) => fill.to.begin(&mut state.registrations),
            Self::Sum(sum) => sum
                .places()
                .for_each(|place| place.begin(&mut state.registrations)),
            _ => {}
        }
    }

    pub(crate) fn end(&self, state: &mut State) {
        match self {
            Self::Copy(copy) => {
                state.ledger.pending_copies -= 1;
                copy.from.end(&mut state.registrations);
                copy.to.end(&mut state.registrations);
            }
            Self::Fill(fill) => fill.to.end(&mut state.registrations),
            Self::Sum(sum) => sum
                .places()
                .for_each(|place| place.end(&mut state.registrations)),
            _ => {}
        }
    }
}

impl State {
    /// Host memory, or any memory under unified addressing.
    fn any_place(&mut self, range: Range) -> Result<Place, Status> {
        if let Some(block) = self.block_at(range)? {
            return Ok(Place::Device { block, range });
        }
        Ok(match self.registrations.holding(range)? {
            Some(start) => Place::Registered { start, range },
            None => Place::Pageable(range),
        })
    }

    pub(crate) fn device_place(&mut self, range: Range) -> Result<Place, Status> {
        match self.any_place(range)? {
            Place::Pageable(_) => {
                self.ledger
                    .violation(format!("not_device_memory: {range:x?}"));
                Err(INVALID_VALUE)
            }
            place => Ok(place),
        }
    }
}

/// Captures pageable bytes as they are now.
fn stage(range: Range) -> Result<Place, Status> {
    if !range.is_mapped() {
        return Err(INVALID_VALUE);
    }
    let mut bytes = vec![0; range.bytes];
    // SAFETY: the interface obliges the caller to pass a readable range, and it is mapped.
    unsafe { std::ptr::copy_nonoverlapping(range.pointer(), bytes.as_mut_ptr(), range.bytes) };
    Ok(Place::Staged(bytes))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToDevice,
    ToHost,
    OnDevice,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Return {
    AtOnce,
    WhenDone,
}

struct Request {
    direction: Direction,
    returns: Return,
    to: usize,
    from: usize,
    bytes: usize,
    stream: usize,
}

impl Double {
    fn copy(&'static self, request: &Request) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, request.stream)?;
        if request.bytes == 0 {
            return Ok(());
        }
        let to = Range::new(request.to, request.bytes)?;
        let from = Range::new(request.from, request.bytes)?;
        let to = match request.direction {
            Direction::ToHost => state.any_place(to)?,
            _ => state.device_place(to)?,
        };
        let from = match request.direction {
            Direction::ToDevice => state.any_place(from)?,
            _ => state.device_place(from)?,
        };
        let late = !matches!(to, Place::Pageable(_)) && request.returns == Return::AtOnce;
        let counter = match (request.direction, &from) {
            (Direction::ToHost, _) => Some(&mut state.ledger.dtoh),
            (Direction::ToDevice, Place::Pageable(_)) => Some(&mut state.ledger.htod_pageable),
            (Direction::ToDevice, _) => Some(&mut state.ledger.htod_registered),
            (Direction::OnDevice, _) => None,
        };
        if let Some(counter) = counter {
            *counter += 1;
        }
        let from = match from {
            // Of a captured copy each execution reads the bytes.
            Place::Pageable(range) if !state.captures.has(stream) => {
                drop(state);
                let staged = stage(range)?;
                state = self.lock();
                staged
            }
            place => place,
        };
        let done = self.enqueue(
            &mut state,
            stream,
            Vec::new(),
            Work::Copy(Copy { to, from }),
        )?;
        if late {
            return Ok(());
        }
        // Not even a failed context ends this wait: the caller's memory is being written.
        let state = self.wait_while(state, |state| !state.streams.have_reached(&[done]));
        let current = state.contexts.current()?;
        state.failure(current).map_or(Ok(()), Err)
    }
}

exports! {
    [Context, bytes] fn cuMemcpyHtoD_v2(to: usize, from: usize, bytes: usize) |double| double.copy(&Request {
        direction: Direction::ToDevice, returns: Return::WhenDone, to, from, bytes, stream: 0,
    });
    [Context, bytes] fn cuMemcpyHtoDAsync_v2(to: usize, from: usize, bytes: usize, stream: usize) |double| double.copy(&Request {
        direction: Direction::ToDevice, returns: Return::AtOnce, to, from, bytes, stream,
    });
    [Context, bytes] fn cuMemcpyDtoH_v2(to: usize, from: usize, bytes: usize) |double| double.copy(&Request {
        direction: Direction::ToHost, returns: Return::WhenDone, to, from, bytes, stream: 0,
    });
    [Context, bytes] fn cuMemcpyDtoHAsync_v2(to: usize, from: usize, bytes: usize, stream: usize) |double| double.copy(&Request {
        direction: Direction::ToHost, returns: Return::AtOnce, to, from, bytes, stream,
    });
    [Context, bytes] fn cuMemcpyDtoD_v2(to: usize, from: usize, bytes: usize) |double| double.copy(&Request {
        direction: Direction::OnDevice, returns: Return::AtOnce, to, from, bytes, stream: 0,
    });
    [Context, bytes] fn cuMemcpyDtoDAsync_v2(to: usize, from: usize, bytes: usize, stream: usize) |double| double.copy(&Request {
        direction: Direction::OnDevice, returns: Return::AtOnce, to, from, bytes, stream,
    });
}
