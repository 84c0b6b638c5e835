//! What is compared. All arms move the same frames between the same kinds of process; they differ in the memory
//! that a frame lies in and in how it gets to the device.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// zenoh shared memory, received on the host.
    Stock,
    /// This library, received on the host, sent by zenoh.
    Pinned,
    /// This library, received on the host, by the line of a publisher that is alone on its key.
    PinnedLine,
    /// iceoryx2, event-driven, nothing lost: zero-copy on the host.
    Iceoryx,
    /// dora's `send_output` with its default pool.
    DoraDefault,
    /// dora's `send_output` with a pool of 64 MiB.
    Dora64,
    /// dora with this library, written in place.
    DoraPinned,
    /// zenoh shared memory and the driver's own copy to the device: its pages are locked, but not registered.
    DevicePlain,
    /// zenoh shared memory, and the consumer's own page-locked buffers: one copy by the CPU, then a DMA.
    DeviceCallerPinned,
    /// This library: a DMA out of the producer's slot.
    DevicePinned,
    /// The ceiling: as the one before, but the DMA reads memory that the driver allocated in the consumer.
    DeviceCeiling,
    /// The floor of a consumer's CPU time: frames of this library are received, and nothing is done with them.
    DeviceReceived,
}

impl Arm {
    pub const HOST: [Self; 7] = [
        Self::Stock,
        Self::Pinned,
        Self::PinnedLine,
        Self::Iceoryx,
        Self::DoraDefault,
        Self::Dora64,
        Self::DoraPinned,
    ];
    /// The memories that a device is fed from.
    pub const COPYING: [Self; 4] = [
        Self::DevicePlain,
        Self::DeviceCallerPinned,
        Self::DevicePinned,
        Self::DeviceCeiling,
    ];
    /// These, and what receiving alone costs.
    pub const DEVICE: [Self; 5] = [
        Self::DevicePlain,
        Self::DeviceCallerPinned,
        Self::DevicePinned,
        Self::DeviceCeiling,
        Self::DeviceReceived,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "zenoh shared memory",
            Self::Pinned => "zenoh-pinned, by zenoh",
            Self::PinnedLine => "zenoh-pinned, by its line",
            Self::Iceoryx => "iceoryx2",
            Self::DoraDefault => "dora, default pool",
            Self::Dora64 => "dora, 64 MiB pool",
            Self::DoraPinned => "dora with zenoh-pinned, in place",
            Self::DevicePlain => "(a) zenoh shared memory, driver's copy",
            Self::DeviceCallerPinned => "(b) zenoh shared memory, caller's pinning",
            Self::DevicePinned => "(c) zenoh-pinned",
            Self::DeviceCeiling => "(d) driver's own memory: the ceiling",
            Self::DeviceReceived => "received only: the floor",
        }
    }

    pub fn copies_to_device(self) -> bool {
        Self::COPYING.contains(&self)
    }

    /// Whether it is compared with those that copy to a device.
    pub fn is_of_device(self) -> bool {
        Self::DEVICE.contains(&self)
    }

    pub fn is_dora(self) -> bool {
        matches!(self, Self::DoraDefault | Self::Dora64 | Self::DoraPinned)
    }
}
