//! The functions of `include/zenoh_pinned_exchange.h`, which says what they do.
//!
//! No panic crosses: it becomes a status. Nothing is allocated but by `zpx_create`, `zpx_attach` and `zpx_observe`.

mod last_error;
mod status;

use std::{
    ffi::{CStr, c_char, c_int},
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

use status::Status;

use crate::{Action, Agent, DataPlane, Metric, Observation, Observer, Reservoir, SERVERS};

/// One end of a region: `zpx_exchange`.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "each is boxed for C, once")]
pub enum Exchange {
    /// Of `zpx_create`.
    DataPlane(DataPlane),
    /// Of `zpx_attach`.
    Agent(Agent),
    /// Of `zpx_observe`.
    Observer(Observer),
}

/// The status of a call. After a panic the handle is at worst one that refuses: it holds numbers and records.
fn guarded(call: impl FnOnce() -> Result<Status, Status>) -> c_int {
    let status = catch_unwind(AssertUnwindSafe(call));
    let status = status.unwrap_or_else(|_| {
        Err(fail(
            Status::Panic,
            &"a fault of this library, told on standard error",
        ))
    });
    status.unwrap_or_else(|failure| failure) as c_int
}

#[cold]
fn fail(status: Status, cause: &dyn Display) -> Status {
    last_error::keep(status, cause)
}

/// A failed call's status, with its cause kept.
fn failed<E: Display>(error: E) -> Status
where
    for<'a> &'a E: Into<Status>,
{
    fail((&error).into(), &error)
}

fn null(what: &'static str) -> Status {
    fail(Status::InvalidArgument, &what)
}

/// # Safety
/// Null, or a handle of this library that has not been closed and that no other thread uses meanwhile.
unsafe fn exchange<'a>(exchange: *mut Exchange) -> Result<&'a mut Exchange, Status> {
    // SAFETY: as the header demands of every caller.
    unsafe { exchange.as_mut() }
        .ok_or_else(|| null("the exchange is NULL: zpx_last_error() told why when it was opened"))
}

/// # Safety
/// Null, or aligned and of the type's size.
unsafe fn record<'a, T>(record: *mut T) -> Result<&'a mut T, Status> {
    // SAFETY: as the header demands of every caller.
    unsafe { record.as_mut() }.ok_or_else(|| null("the record is NULL"))
}

fn wrong_end(needed: &'static str) -> Status {
    fail(Status::WrongEnd, &needed)
}

const OF_THE_DATA_PLANE: &str = "only the data plane does this: open the region with zpx_create()";
const OF_THE_AGENT: &str = "only the agent does this: open the region with zpx_attach()";
const OF_READERS: &str =
    "only the agent and observers do this: open the region with zpx_attach() or zpx_observe()";

/// # Safety
/// `name` is null or a string that ends with a null byte.
unsafe fn opened<E: Display>(
    name: *const c_char,
    open: impl FnOnce(&str) -> Result<Exchange, E>,
) -> *mut Exchange
where
    for<'a> &'a E: Into<Status>,
{
    let call = || {
        if name.is_null() {
            return Err(null("the name is NULL"));
        }
        // SAFETY: as the header demands.
        let name = unsafe { CStr::from_ptr(name) }.to_str();
        let name = name.map_err(|_| null("the name is not UTF-8"))?;
        open(name).map_err(failed)
    };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(exchange)) => Box::into_raw(Box::new(exchange)),
        Ok(Err(_)) => std::ptr::null_mut(),
        Err(_) => {
            fail(
                Status::Panic,
                &"a fault of this library, told on standard error",
            );
            std::ptr::null_mut()
        }
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_create(name: *const c_char, mode: u32) -> *mut Exchange {
    // SAFETY: as the header demands.
    unsafe {
        opened(name, |name| {
            DataPlane::builder(name)
                .mode(mode)
                .create()
                .map(Exchange::DataPlane)
        })
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_create_with_reservoirs(
    name: *const c_char,
    mode: u32,
) -> *mut Exchange {
    let open = |name: &str| {
        DataPlane::builder(name)
            .mode(mode)
            .reservoirs(true)
            .create()
            .map(Exchange::DataPlane)
    };
    // SAFETY: as the header demands.
    unsafe { opened(name, open) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_attach(name: *const c_char) -> *mut Exchange {
    // SAFETY: as the header demands.
    unsafe { opened(name, |name| Agent::attach(name).map(Exchange::Agent)) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_observe(name: *const c_char) -> *mut Exchange {
    // SAFETY: as the header demands.
    unsafe { opened(name, |name| Observer::attach(name).map(Exchange::Observer)) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_close(exchange: *mut Exchange) {
    if !exchange.is_null() {
        // SAFETY: from `opened`, and the header lets nobody use it afterwards.
        let exchange = unsafe { Box::from_raw(exchange) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(exchange)));
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_write_observation(
    handle: *mut Exchange,
    observation: *mut Observation,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands, twice.
        let (exchange, observation) = unsafe { (exchange(handle)?, record(observation)?) };
        let Exchange::DataPlane(data_plane) = exchange else {
            return Err(wrong_end(OF_THE_DATA_PLANE));
        };
        data_plane.write_observation(observation).map_err(failed)?;
        Ok(Status::Ok)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_read_action(handle: *mut Exchange, action: *mut Action) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands, twice.
        let (exchange, action) = unsafe { (exchange(handle)?, record(action)?) };
        match exchange {
            Exchange::DataPlane(data_plane) => match data_plane.read_action().map_err(failed)? {
                Some(read) => *action = *read,
                None => return Ok(Status::NothingNew),
            },
            Exchange::Observer(observer) => match observer.read_action().map_err(failed)? {
                Some(read) => *action = read.record,
                None => return Ok(Status::NothingNew),
            },
            Exchange::Agent(_) => return Err(wrong_end("the agent wrote the action itself")),
        }
        Ok(Status::New)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_read_observation(
    handle: *mut Exchange,
    observation: *mut Observation,
    missed: *mut u64,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands, twice.
        let (exchange, observation) = unsafe { (exchange(handle)?, record(observation)?) };
        let stamp = match exchange {
            Exchange::Agent(agent) => agent.read_observation_into(observation),
            Exchange::Observer(observer) => observer.read_observation_into(observation),
            Exchange::DataPlane(_) => return Err(wrong_end(OF_READERS)),
        };
        let stamp = stamp.map_err(failed)?;
        // SAFETY: null, or a number of the caller's, as the header demands.
        if let (Some(stamp), Some(missed)) = (stamp, unsafe { missed.as_mut() }) {
            *missed = stamp.missed;
        }
        Ok(stamp.into())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_write_action(
    handle: *mut Exchange,
    sequence_id: u64,
    weights: *const f32,
    count: u32,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands.
        let exchange = unsafe { exchange(handle)? };
        let Exchange::Agent(agent) = exchange else {
            return Err(wrong_end(OF_THE_AGENT));
        };
        if weights.is_null() {
            return Err(null("the weights are NULL"));
        }
        // SAFETY: `count` weights, as the header demands.
        let weights = unsafe { std::slice::from_raw_parts(weights, count as usize) };
        agent.write_action(sequence_id, weights).map_err(failed)?;
        Ok(Status::Ok)
    })
}

fn metric(metric: c_int) -> Result<Metric, Status> {
    match metric {
        0 => Ok(Metric::FlowCompletionTime),
        1 => Ok(Metric::FlowDuration),
        _ => Err(null(
            "the metric is neither ZPX_FLOW_COMPLETION_TIME nor ZPX_FLOW_DURATION",
        )),
    }
}

fn server(server: u32) -> Result<usize, Status> {
    let server = server as usize;
    (server < SERVERS)
        .then_some(server)
        .ok_or_else(|| null("the server's number is beyond ZPX_SERVERS - 1"))
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_write_reservoir(
    handle: *mut Exchange,
    of_server: u32,
    of_metric: c_int,
    reservoir: *const Reservoir,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands, twice.
        let (exchange, reservoir) = unsafe { (exchange(handle)?, record(reservoir.cast_mut())?) };
        let Exchange::DataPlane(data_plane) = exchange else {
            return Err(wrong_end(OF_THE_DATA_PLANE));
        };
        let written = data_plane.write_reservoir(server(of_server)?, metric(of_metric)?, reservoir);
        if written.map_err(failed)? {
            return Ok(Status::Ok);
        }
        Err(wrong_end(
            "the region has no reservoirs: open it with zpx_create_with_reservoirs()",
        ))
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_read_reservoir(
    handle: *mut Exchange,
    of_server: u32,
    of_metric: c_int,
    reservoir: *mut Reservoir,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header demands, twice.
        let (exchange, reservoir) = unsafe { (exchange(handle)?, record(reservoir)?) };
        let (server, metric) = (server(of_server)?, metric(of_metric)?);
        let read = match exchange {
            Exchange::Agent(agent) => agent.read_reservoir(server, metric),
            Exchange::Observer(observer) => observer.read_reservoir(server, metric),
            Exchange::DataPlane(_) => return Err(wrong_end(OF_READERS)),
        };
        let Some(message) = read.map_err(failed)? else {
            return Ok(Status::NothingNew);
        };
        *reservoir = message.record;
        Ok(Status::New)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zpx_other_side(handle: *mut Exchange) -> u32 {
    let call = || {
        // SAFETY: as the header demands.
        match unsafe { exchange(handle) }.ok()? {
            Exchange::DataPlane(data_plane) => data_plane.agent(),
            Exchange::Agent(agent) => agent.data_plane(),
            Exchange::Observer(observer) => observer.data_plane(),
        }
    };
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or(None)
        .unwrap_or(0)
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zpx_last_status() -> c_int {
    last_error::status() as c_int
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zpx_last_error() -> *const c_char {
    last_error::text()
}
