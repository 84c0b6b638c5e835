//! Primary contexts with their retain counts, contexts that applications make, and the stack of current contexts of each thread.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{c_int, c_uint};

use crate::call::{Out, exports};
use crate::state::{Double, State};
use crate::status::{
    CONTEXT_IS_DESTROYED, ILLEGAL_ADDRESS, INVALID_CONTEXT, INVALID_DEVICE, OUT_OF_MEMORY, Status,
};
use crate::stream::Point;

const FIRST_HANDLE: usize = 0xC0DE_0000;
const HANDLE_STEP: usize = 0x100;
/// Between a device's primary context and those that applications have made of it, one after the other.
const OWN_STEP: usize = 0x0100_0000;

/// A fixed array, so that no destructor runs: destructors of other thread locals make calls too.
#[derive(Clone, Copy)]
struct Stack {
    contexts: [usize; 16],
    depth: usize,
}

thread_local! {
    static STACK: Cell<Stack> = const { Cell::new(Stack { contexts: [0; 16], depth: 0 }) };
}

impl Stack {
    fn top(&self) -> usize {
        match self.depth {
            0 => 0,
            depth => self.contexts[depth - 1],
        }
    }

    fn push(&mut self, context: usize) -> Result<(), Status> {
        let slot = self.contexts.get_mut(self.depth).ok_or(OUT_OF_MEMORY)?;
        *slot = context;
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<usize> {
        let top = self.top();
        self.depth = self.depth.checked_sub(1)?;
        Some(top)
    }
}

fn change_stack<T>(change: impl FnOnce(&mut Stack) -> T) -> T {
    let mut stack = STACK.get();
    let result = change(&mut stack);
    STACK.set(stack);
    result
}

#[derive(Default)]
pub(crate) struct Contexts {
    retained: BTreeMap<i32, u32>,
    /// Those that were reset and not retained since: they have to be initialised again.
    reset: BTreeSet<i32>,
    /// Those of applications that have not been destroyed.
    own: BTreeSet<usize>,
    made: usize,
}

fn handle_of(device: i32) -> usize {
    FIRST_HANDLE + HANDLE_STEP * device.unsigned_abs() as usize
}

/// The device of a context handle; None for what never was one.
pub(crate) fn device_of(context: usize) -> Option<i32> {
    let offset = context.checked_sub(FIRST_HANDLE)? % OWN_STEP;
    i32::try_from(offset / HANDLE_STEP)
        .ok()
        .filter(|_| offset.is_multiple_of(HANDLE_STEP))
}

fn is_own(context: usize) -> bool {
    context >= FIRST_HANDLE + OWN_STEP
}

impl Contexts {
    /// The calling thread's context, provided that it can be used.
    pub(crate) fn current(&self) -> Result<usize, Status> {
        let context = STACK.get().top();
        match device_of(context) {
            None => Err(INVALID_CONTEXT),
            Some(_) if self.is_usable(context) => Ok(context),
            Some(_) => Err(CONTEXT_IS_DESTROYED),
        }
    }

    /// Whether the context is there, and not reset since.
    pub(crate) fn is_usable(&self, context: usize) -> bool {
        match is_own(context) {
            true => self.own.contains(&context),
            false => device_of(context).is_some_and(|device| self.is_active(device)),
        }
    }

    fn is_active(&self, device: i32) -> bool {
        self.is_retained(device) && !self.reset.contains(&device)
    }

    fn is_retained(&self, device: i32) -> bool {
        self.retained.get(&device).is_some_and(|&count| count > 0)
    }

    pub(crate) fn active(&self) -> usize {
        let devices = self.retained.keys();
        devices.filter(|device| self.is_active(**device)).count() + self.own.len()
    }

    fn known(&self, context: usize) -> Result<(), Status> {
        match device_of(context) {
            Some(_) if is_own(context) && self.own.contains(&context) => Ok(()),
            Some(device) if !is_own(context) && self.is_retained(device) => Ok(()),
            _ => Err(INVALID_CONTEXT),
        }
    }
}

impl State {
    pub(crate) fn device(&self, device: i32) -> Result<i32, Status> {
        if (0..self.control.devices).contains(&device) {
            Ok(device)
        } else {
            Err(INVALID_DEVICE)
        }
    }

    fn retain(&mut self, device: i32) -> Result<usize, Status> {
        let device = self.device(device)?;
        let count = self.contexts.retained.entry(device).or_default();
        *count += 1;
        if self.contexts.reset.remove(&device) || *count == 1 {
            self.ledger.contexts_created += 1;
        }
        Ok(handle_of(device))
    }

    fn release(&mut self, device: i32) -> Result<(), Status> {
        let device = self.device(device)?;
        match self.contexts.retained.get_mut(&device) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return Err(INVALID_CONTEXT),
        }
        if !self.contexts.is_retained(device) {
            self.contexts.reset.remove(&device);
            self.control.lost.remove(&device);
        }
        Ok(())
    }

    /// Takes away what was made in the context; who has retained it still has to release it.
    fn reset(&mut self, device: i32) -> Result<(), Status> {
        let device = self.device(device)?;
        if !self.contexts.is_active(device) {
            return Ok(());
        }
        self.contexts.reset.insert(device);
        self.control.lost.remove(&device);
        self.lose(handle_of(device));
        Ok(())
    }

    fn lose(&mut self, context: usize) {
        self.events.lose(context);
        self.modules.lose(context);
        self.streams.lose(context);
        self.registrations.lose(context);
    }

    fn create(&mut self, device: i32) -> Result<usize, Status> {
        let device = self.device(device)?;
        self.contexts.made += 1;
        let context = handle_of(device) + OWN_STEP * self.contexts.made;
        self.contexts.own.insert(context);
        self.ledger.contexts_created += 1;
        Ok(context)
    }

    fn destroy(&mut self, context: usize) -> Result<(), Status> {
        if !self.contexts.own.remove(&context) {
            return Err(INVALID_CONTEXT);
        }
        self.lose(context);
        Ok(())
    }

    /// What every call in this context fails with, if it does.
    pub(crate) fn failure(&self, context: usize) -> Option<Status> {
        if self.control.context_failed {
            return Some(ILLEGAL_ADDRESS);
        }
        self.control.lost.get(&device_of(context)?).copied()
    }
}

impl Double {
    /// Waits until the work at these points is done, or the context has failed meanwhile.
    pub(crate) fn wait_for(&'static self, points: &[Point]) -> Result<(), Status> {
        let state = self.lock();
        let context = state.contexts.current()?;
        let state = self.wait_while(state, |state| {
            state.failure(context).is_none() && !state.streams.have_reached(points)
        });
        state.failure(context).map_or(Ok(()), Err)
    }

    fn synchronize_context(&'static self) -> Result<(), Status> {
        let pending = {
            let state = self.lock();
            state.streams.pending_in(state.contexts.current()?)
        };
        self.wait_for(&pending)
    }
}

exports! {
    [Init] fn cuDevicePrimaryCtxRetain(context: Out<usize>, device: c_int) |double| {
        let handle = double.lock().retain(device)?;
        context.set(handle)
    };
    [Init] fn cuDevicePrimaryCtxRelease_v2(device: c_int) |double| double.lock().release(device);
    [Init] fn cuDevicePrimaryCtxReset_v2(device: c_int) |double| {
        let reset = double.lock().reset(device);
        // Workers of streams that have gone end.
        double.notify();
        reset
    };
    [Init] fn cuDevicePrimaryCtxGetState(device: c_int, flags: Out<c_uint>, active: Out<c_int>) |double| {
        let state = double.lock();
        let device = state.device(device)?;
        flags.set(0)?;
        active.set(c_int::from(state.contexts.is_active(device)))
    };
    [Init] fn cuCtxCreate_v2(context: Out<usize>, _flags: c_uint, device: c_int) |double| {
        let handle = double.lock().create(device)?;
        change_stack(|stack| stack.push(handle))?;
        context.set(handle)
    };
    [Init] fn cuCtxDestroy_v2(context: usize) |double| {
        double.lock().destroy(context)?;
        change_stack(|stack| if stack.top() == context { stack.pop(); });
        // Workers of streams that have gone end.
        double.notify();
        Ok(())
    };
    [Init] fn cuCtxGetCurrent(context: Out<usize>) |_double| context.set(STACK.get().top());
    [Init] fn cuCtxSetCurrent(context: usize) |double| {
        if context == 0 {
            change_stack(Stack::pop);
            return Ok(());
        }
        double.lock().contexts.known(context)?;
        change_stack(|stack| {
            stack.pop();
            stack.push(context)
        })
    };
    [Init] fn cuCtxPushCurrent_v2(context: usize) |double| {
        double.lock().contexts.known(context)?;
        change_stack(|stack| stack.push(context))
    };
    [Init] fn cuCtxPopCurrent_v2(context: Out<usize>) |_double| {
        let popped = change_stack(Stack::pop).ok_or(INVALID_CONTEXT)?;
        context.set_if_wanted(popped);
        Ok(())
    };
    [Context] fn cuCtxGetDevice(device: Out<c_int>) |double| {
        let context = double.lock().contexts.current()?;
        device.set(device_of(context).ok_or(INVALID_CONTEXT)?)
    };
    [Context] fn cuCtxGetStreamPriorityRange(least: Out<c_int>, greatest: Out<c_int>) |_double| {
        least.set_if_wanted(0);
        greatest.set_if_wanted(crate::stream_calls::GREATEST_PRIORITY);
        Ok(())
    };
    [Context] fn cuCtxSynchronize() |double| double.synchronize_context();
}
