//! The arms, behind one trait for each end.

mod floor;
mod iceoryx;
mod line;
mod ours;

use std::{any::Any, ops::ControlFlow};

use serde::{Deserialize, Serialize};

use crate::{
    Outcome,
    orders::{Orders, Taking},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arm {
    Floor,
    Zenoh,
    BesideZenoh,
    Alone,
    Iceoryx,
}

/// The producer's end.
pub trait Outlet {
    /// Returns when the ways stand that frames will go by.
    fn stand(&mut self) -> Outcome {
        Ok(())
    }

    /// Waits for room, has `write` write the frame and note the time, and sends it at once.
    fn send(&mut self, bytes: usize, write: &mut dyn FnMut(&mut [u8])) -> Outcome;

    /// Returns when consumers have taken everything, or after a second.
    fn drain(&mut self) {}
}

/// A consumer's end.
pub trait Inlet {
    /// Waits for the next frame and shows it, with the time at which it was in hand; says what was answered.
    fn next(&mut self, take: &dyn Fn(&[u8], u64) -> ControlFlow<()>) -> Outcome<ControlFlow<()>>;
}

impl Arm {
    pub const ALL: [Self; 5] = [
        Self::Floor,
        Self::Zenoh,
        Self::BesideZenoh,
        Self::Alone,
        Self::Iceoryx,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "bare wake-up",
            Self::Zenoh => "zenoh",
            Self::BesideZenoh => "beside zenoh",
            Self::Alone => "alone",
            Self::Iceoryx => "iceoryx2",
        }
    }

    /// Whether a consumer can take frames so.
    pub fn can(self, taking: Taking) -> bool {
        match self {
            Self::Floor | Self::Iceoryx => taking == Taking::Recv,
            Self::Zenoh | Self::BesideZenoh | Self::Alone => true,
        }
    }
}

/// The name of an arm in its row.
pub fn name(arm: Arm, taking: Taking) -> String {
    let word = match taking {
        Taking::Recv => "recv",
        Taking::Callback => "callback",
    };
    match arm.can(Taking::Callback) {
        true => format!("{}, {word}", arm.name()),
        false => arm.name().to_owned(),
    }
}

pub fn outlet(orders: &Orders) -> Outcome<Box<dyn Outlet>> {
    Ok(match orders.arm {
        Arm::Floor => Box::new(floor::Outlet::create(orders)?),
        Arm::Zenoh | Arm::BesideZenoh | Arm::Alone => Box::new(ours::Outlet::open(orders)?),
        Arm::Iceoryx => Box::new(iceoryx::Outlet::open(orders)?),
    })
}

pub fn inlet(orders: &Orders) -> Outcome<Box<dyn Inlet>> {
    Ok(match orders.arm {
        Arm::Floor => Box::new(floor::Inlet::open(orders)?),
        Arm::Zenoh | Arm::BesideZenoh | Arm::Alone => Box::new(ours::Inlet::open(orders)?),
        Arm::Iceoryx => Box::new(iceoryx::Inlet::open(orders)?),
    })
}

/// Calls `take` with each frame and the time at which it was in hand, until what it gives is dropped.
pub fn listen(
    orders: &Orders,
    take: impl Fn(&[u8], u64) + Send + Sync + 'static,
) -> Outcome<Box<dyn Any>> {
    match orders.arm {
        Arm::Zenoh => ours::listen_to_zenoh(orders, take),
        Arm::BesideZenoh | Arm::Alone => ours::listen(orders, take),
        Arm::Floor | Arm::Iceoryx => Err("this arm calls nobody".into()),
    }
}
