//! What a pointer points at.

use std::ffi::{c_int, c_uint};

use crate::call::{Out, exports};
use crate::context::device_of;
use crate::range::Range;
use crate::state::State;
use crate::status::{INVALID_VALUE, Status};

const CONTEXT: c_int = 1;
const MEMORY_TYPE: c_int = 2;
const DEVICE_POINTER: c_int = 3;
const HOST_POINTER: c_int = 4;
const IS_MANAGED: c_int = 8;
const DEVICE_ORDINAL: c_int = 9;
const RANGE_START: c_int = 11;
const RANGE_SIZE: c_int = 12;
const MAPPED: c_int = 13;

const HOST_MEMORY: c_uint = 1;
const DEVICE_MEMORY: c_uint = 2;

/// The memory around a pointer.
struct Around {
    range: Range,
    /// None for host memory.
    context: Option<usize>,
}

impl State {
    fn around(&self, address: usize) -> Option<Around> {
        let point = Range::new(address, 1).ok()?;
        if let Some(block) = self.memory.touched_by(point) {
            return Some(Around {
                range: block.range,
                context: Some(block.context),
            });
        }
        let range = self.registrations.containing(address)?.range;
        Some(Around {
            range,
            context: None,
        })
    }

    /// Writes the attribute of the pointer, each with the type that the header gives it.
    fn describe(&self, to: usize, attribute: c_int, address: usize) -> Result<(), Status> {
        let around = self.around(address).ok_or(INVALID_VALUE)?;
        let device = around.context.and_then(device_of).unwrap_or(0);
        match (attribute, around.context) {
            (CONTEXT, context) => Out::at(to).set(context.unwrap_or(0)),
            (MEMORY_TYPE, None) => Out::at(to).set(HOST_MEMORY),
            (MEMORY_TYPE, Some(_)) => Out::at(to).set(DEVICE_MEMORY),
            (DEVICE_POINTER, _) | (HOST_POINTER, None) => Out::at(to).set(address),
            (DEVICE_ORDINAL, _) => Out::at(to).set(device),
            (RANGE_START, _) => Out::at(to).set(around.range.start),
            (RANGE_SIZE, _) => Out::at(to).set(around.range.bytes),
            (IS_MANAGED, _) => Out::at(to).set(0u8),
            (MAPPED, _) => Out::at(to).set(1u8),
            _ => Err(INVALID_VALUE),
        }
    }
}

/// What `cuPointerGetAttributes` gives for memory that the driver does not know.
fn clear(to: usize, attribute: c_int) -> Result<(), Status> {
    match attribute {
        MEMORY_TYPE => Out::at(to).set(0 as c_uint),
        DEVICE_ORDINAL => Out::at(to).set(-2 as c_int),
        CONTEXT | DEVICE_POINTER | HOST_POINTER | RANGE_START | RANGE_SIZE => {
            Out::at(to).set(0usize)
        }
        IS_MANAGED | MAPPED => Out::at(to).set(0u8),
        _ => Err(INVALID_VALUE),
    }
}

exports! {
    [Init] fn cuPointerGetAttribute(to: usize, attribute: c_int, address: usize) |double| {
        double.lock().describe(to, attribute, address)
    };
    [Init] fn cuPointerGetAttributes(count: c_uint, attributes: *const c_int, to: *const usize, address: usize) |double| {
        if count == 0 || attributes.is_null() || to.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: the interface obliges callers to pass arrays of `count` elements.
        let (attributes, to) = unsafe {
            let count = count as usize;
            (std::slice::from_raw_parts(attributes, count), std::slice::from_raw_parts(to, count))
        };
        let state = double.lock();
        for (&attribute, &to) in attributes.iter().zip(to) {
            if state.describe(to, attribute, address).is_err() {
                clear(to, attribute)?;
            }
        }
        Ok(())
    };
}
