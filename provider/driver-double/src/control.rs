//! The switches a test throws: delays, injected failures, a failed context.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int};
use std::str::FromStr;
use std::time::Duration;

use crate::call::is_exported;
use crate::state::double;
use crate::status::{Status, is_known};

pub(crate) struct Control {
    pub(crate) devices: i32,
    pub(crate) copy_delay: Duration,
    pub(crate) context_failed: bool,
    /// Devices whose primary context fails, and with which code.
    pub(crate) lost: BTreeMap<i32, Status>,
    attributes: BTreeMap<i32, i32>,
    failures: Vec<Failure>,
    delays: BTreeMap<String, Delay>,
}

#[derive(Clone)]
struct Failure {
    name: String,
    code: Status,
    /// None: for ever.
    times: Option<u64>,
    skip: u64,
}

#[derive(Clone)]
struct Delay {
    time: Duration,
    at_least: usize,
}

enum Setting {
    CopyDelay(Duration),
    Devices(i32),
    Fail(Failure),
    Delay(String, Delay),
    FailContext,
    LoseContext(i32, Status),
    Attribute(i32, i32),
    Reset,
}

/// Says only that a setting could not be read.
#[derive(Debug)]
pub(crate) struct Malformed;

impl Default for Control {
    fn default() -> Self {
        Self {
            devices: 1,
            copy_delay: Duration::ZERO,
            context_failed: false,
            lost: BTreeMap::new(),
            attributes: BTreeMap::new(),
            failures: Vec::new(),
            delays: BTreeMap::new(),
        }
    }
}

impl Control {
    /// Applies all settings of a comma-separated list, or none when one is malformed.
    pub(crate) fn apply(&mut self, settings: &str) -> Result<(), Malformed> {
        let parsed: Vec<Setting> = settings
            .split(',')
            .map(str::trim)
            .filter(|setting| !setting.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()?;
        for setting in parsed {
            self.set(setting);
        }
        Ok(())
    }

    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::CopyDelay(delay) => self.copy_delay = delay,
            Setting::Devices(count) => self.devices = count,
            Setting::Fail(failure) => self.failures.push(failure),
            Setting::Delay(name, delay) => {
                self.delays.insert(name, delay);
            }
            Setting::FailContext => self.context_failed = true,
            Setting::LoseContext(device, code) => {
                self.lost.insert(device, code);
            }
            Setting::Attribute(attribute, value) => {
                self.attributes.insert(attribute, value);
            }
            Setting::Reset => {
                *self = Self {
                    devices: self.devices,
                    ..Self::default()
                };
            }
        }
    }

    pub(crate) fn attribute(&self, attribute: i32) -> Option<i32> {
        self.attributes.get(&attribute).copied()
    }

    pub(crate) fn delay_of(&self, name: &str, length: usize) -> Duration {
        match self.delays.get(name) {
            Some(delay) if length >= delay.at_least => delay.time,
            _ => Duration::ZERO,
        }
    }

    /// Rules for one name are asked in the order given; the first that is due fails the call.
    pub(crate) fn failure_of(&mut self, name: &str) -> Option<Status> {
        for failure in self.failures.iter_mut().filter(|rule| rule.name == name) {
            if failure.skip > 0 {
                failure.skip -= 1;
                continue;
            }
            match &mut failure.times {
                None => return Some(failure.code),
                Some(0) => {}
                Some(times) => {
                    *times -= 1;
                    return Some(failure.code);
                }
            }
        }
        None
    }
}

fn parse(setting: &str) -> Result<Setting, Malformed> {
    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
    let fields: Vec<&str> = value.split(':').collect();
    match (key, fields.as_slice()) {
        ("fail_context", [""]) => Ok(Setting::FailContext),
        ("reset", [""]) => Ok(Setting::Reset),
        ("lose_context", [device, code]) => Ok(Setting::LoseContext(
            number(device)?,
            number(code).and_then(known)?,
        )),
        ("copy_delay_us", [time]) => Ok(Setting::CopyDelay(microseconds(time)?)),
        ("devices", [count]) => match number(count)? {
            count @ 0.. => Ok(Setting::Devices(count)),
            _ => Err(Malformed),
        },
        ("attribute", [attribute, value]) => {
            Ok(Setting::Attribute(number(attribute)?, number(value)?))
        }
        ("delay", [name, time, rest @ ..]) if rest.len() <= 1 => {
            let delay = Delay {
                time: microseconds(time)?,
                at_least: rest.first().map_or(Ok(0), |length| number(length))?,
            };
            Ok(Setting::Delay(function(name)?, delay))
        }
        ("fail", [name, code, rest @ ..]) if rest.len() <= 2 => Ok(Setting::Fail(Failure {
            name: function(name)?,
            code: number(code).and_then(known)?,
            times: rest.first().map(|times| number(times)).transpose()?,
            skip: rest.get(1).map_or(Ok(0), |skip| number(skip))?,
        })),
        _ => Err(Malformed),
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed)
}

fn microseconds(text: &str) -> Result<Duration, Malformed> {
    number(text).map(Duration::from_micros)
}

fn function(name: &str) -> Result<String, Malformed> {
    is_exported(name).then(|| name.to_owned()).ok_or(Malformed)
}

fn known(code: Status) -> Result<Status, Malformed> {
    is_known(code).then_some(code).ok_or(Malformed)
}

/// Applies settings in the syntax of the variable `CUDA_DOUBLE`; -1 says that one was malformed
/// and none was applied.
///
/// # Safety
/// `setting` is null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuda_double_control(setting: *const c_char) -> c_int {
    // SAFETY: the caller passes null or a NUL-terminated string.
    let Some(setting) = (unsafe { text(setting) }) else {
        return -1;
    };
    let applied = double().lock().control.apply(setting);
    // A waiter for a stream may have to return because the context just failed.
    double().notify();
    applied.map_or(-1, |()| 0)
}

/// The text a C caller passed, when there is one and it is UTF-8.
///
/// # Safety
/// `pointer` is null or a NUL-terminated string that outlives `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for a NUL-terminated string.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().ok()
}
