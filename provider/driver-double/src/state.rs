//! Everything the double knows, behind one mutex.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::capture::Captures;
use crate::context::Contexts;
use crate::control::Control;
use crate::event::Events;
use crate::graph::Graphs;
use crate::kernel::Modules;
use crate::ledger::Ledger;
use crate::memory::DeviceMemory;
use crate::registration::Registrations;
use crate::stream::Streams;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) initialized: bool,
    pub(crate) exited: bool,
    pub(crate) control: Control,
    pub(crate) contexts: Contexts,
    pub(crate) streams: Streams,
    pub(crate) captures: Captures,
    pub(crate) graphs: Graphs,
    pub(crate) events: Events,
    pub(crate) modules: Modules,
    pub(crate) memory: DeviceMemory,
    pub(crate) registrations: Registrations,
    pub(crate) ledger: Ledger,
}

pub(crate) type Locked = MutexGuard<'static, State>;

#[derive(Default)]
pub(crate) struct Double {
    state: Mutex<State>,
    changed: Condvar,
}

impl Double {
    pub(crate) fn lock(&'static self) -> Locked {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    pub(crate) fn wait_while(
        &'static self,
        state: Locked,
        condition: impl FnMut(&mut State) -> bool,
    ) -> Locked {
        self.changed
            .wait_while(state, condition)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn double() -> &'static Double {
    static DOUBLE: OnceLock<Double> = OnceLock::new();
    DOUBLE.get_or_init(|| {
        let mut state = State::default();
        state.configure_from_environment();
        Double {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    })
}

impl State {
    fn configure_from_environment(&mut self) {
        if let Ok(devices) = std::env::var("CUDA_DOUBLE_DEVICES") {
            self.configure(&format!("devices={devices}"));
        }
        if let Ok(settings) = std::env::var("CUDA_DOUBLE") {
            self.configure(&settings);
        }
    }

    /// A mistyped setting would make a test pass for the wrong reason, so it is on record.
    fn configure(&mut self, settings: &str) {
        if self.control.apply(settings).is_err() {
            self.ledger.violation(format!("bad setting: {settings}"));
        }
    }
}
