//! Start-up and what the double says about its devices.

use std::ffi::{c_char, c_int, c_uint};

use crate::call::{Out, exports};
use crate::exit;
use crate::state::Double;
use crate::status::{INVALID_VALUE, NO_DEVICE, Status};

const DRIVER_VERSION: c_int = 12000;
const NAME: &[u8] = b"CUDA driver double\0";
pub(crate) const TOTAL_MEMORY: usize = 16 << 30;

/// Attributes that are not 0.
const ATTRIBUTES: &[(c_int, c_int)] = &[
    (1, 1024), // MAX_THREADS_PER_BLOCK
    (10, 32),  // WARP_SIZE
    (16, 1),   // MULTIPROCESSOR_COUNT
    (19, 1),   // CAN_MAP_HOST_MEMORY
    (31, 1),   // CONCURRENT_KERNELS
    (40, 1),   // ASYNC_ENGINE_COUNT
    (41, 1),   // UNIFIED_ADDRESSING
    (75, 8),   // COMPUTE_CAPABILITY_MAJOR
    (78, 1),   // STREAM_PRIORITIES_SUPPORTED
    (91, 1),   // CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM
    (99, 1),   // HOST_REGISTER_SUPPORTED
    (113, 1),  // READ_ONLY_HOST_REGISTER_SUPPORTED
    (115, 1),  // MEMORY_POOLS_SUPPORTED
];

fn attribute(attribute: c_int) -> c_int {
    ATTRIBUTES
        .iter()
        .find_map(|&(known, value)| (known == attribute).then_some(value))
        .unwrap_or(0)
}

/// Fixed per device, so that a caller can tell devices apart and recognise one again.
fn uuid(device: c_int) -> [u8; 16] {
    let mut uuid = *b"CUDA double \0\0\0\0";
    uuid[12..].copy_from_slice(&device.to_be_bytes());
    uuid
}

impl Double {
    fn initialize(&'static self, flags: c_uint) -> Result<(), Status> {
        if flags != 0 {
            return Err(INVALID_VALUE);
        }
        let mut state = self.lock();
        if state.control.devices == 0 {
            return Err(NO_DEVICE);
        }
        if !state.initialized {
            state.initialized = true;
            drop(state);
            exit::watch();
        }
        Ok(())
    }

    /// Each device on a bus of its own, where no machine has one.
    fn bus_id(&'static self, device: c_int) -> Result<String, Status> {
        let bus = self.lock().device(device)?;
        Ok(format!("ffff:{bus:02x}:00.0"))
    }

    fn identify(&'static self, device: c_int) -> Result<[u8; 16], Status> {
        self.lock().device(device).map(uuid)
    }
}

exports! {
    [Nothing] fn cuInit(flags: c_uint) |double| double.initialize(flags);
    [Nothing] fn cuDriverGetVersion(version: Out<c_int>) |_double| version.set(DRIVER_VERSION);
    [Init] fn cuDeviceGetCount(count: Out<c_int>) |double| count.set(double.lock().control.devices);
    [Init] fn cuDeviceGet(device: Out<c_int>, ordinal: c_int) |double| {
        let known = double.lock().device(ordinal)?;
        device.set(known)
    };
    [Init] fn cuDeviceGetName(name: Out<c_char>, length: c_int, device: c_int) |double| {
        double.lock().device(device)?;
        let length = usize::try_from(length).map_err(|_| INVALID_VALUE)?;
        name.set_text(NAME, length)
    };
    [Init] fn cuDeviceGetUuid(to: Out<[u8; 16]>, device: c_int) |double| to.set(double.identify(device)?);
    [Init] fn cuDeviceGetUuid_v2(to: Out<[u8; 16]>, device: c_int) |double| to.set(double.identify(device)?);
    [Init] fn cuDeviceGetPCIBusId(id: Out<c_char>, length: c_int, device: c_int) |double| {
        let text = double.bus_id(device)?;
        match usize::try_from(length) {
            Ok(room) if room > text.len() => id.set_text(text.as_bytes(), room),
            _ => Err(INVALID_VALUE),
        }
    };
    [Init] fn cuDeviceTotalMem_v2(bytes: Out<usize>, device: c_int) |double| {
        double.lock().device(device)?;
        bytes.set(TOTAL_MEMORY)
    };
    [Init] fn cuDeviceGetAttribute(value: Out<c_int>, asked: c_int, device: c_int) |double| {
        let state = double.lock();
        state.device(device)?;
        value.set(state.control.attribute(asked).unwrap_or_else(|| attribute(asked)))
    };
}
