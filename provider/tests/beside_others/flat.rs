//! Ten thousand frames of each way of use leave nothing behind: no slot, hold, registration or device memory, no
//! mapping, descriptor or thread.

use std::collections::BTreeMap;

use super::*;

const FRAMES: u64 = 10_000;
/// After which what is kept for later frames is there.
const WARM: u64 = 500;

/// What a process has of everything that a frame could leave behind.
type Held = BTreeMap<&'static str, u64>;

struct Used {
    pool: PinnedPool,
    pinner: Pinner,
    stream: Arc<CudaStream>,
}

impl Used {
    /// One frame, whose bytes are not looked at here.
    fn frame(&self) -> Frame {
        let slot = self.pool.alloc(BYTES).unwrap();
        Frame::from_payload(&slot.into_shm(), &self.pinner).unwrap()
    }

    fn held(&self) -> Held {
        let entries = |folder: &str| std::fs::read_dir(folder).unwrap().count() as u64;
        let context = self.stream.context();
        let device_bytes = if driver::is_real() {
            let (free, total) = context.mem_get_info().unwrap();
            (total - free) as u64
        } else {
            driver::count("device_bytes")
        };
        // cudarc counts none of its own.
        let left = |made: &str, gone: &str| match driver::is_real() {
            true => 0,
            false => driver::count(made) - driver::count(gone),
        };
        let maps = std::fs::read("/proc/self/maps").unwrap();
        // Bytes, as the kernel may split a mapping.
        let maps = String::from_utf8_lossy(&maps);
        let of_frames = maps.lines().filter(|line| line.contains("/dev/shm"));
        let bytes_of = |line: &str| {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            address(to) - address(from)
        };
        let mapped = of_frames.map(bytes_of).sum();
        let pinner = self.pinner.statistics();
        Held::from([
            ("slots", u64::from(self.pool.statistics().in_use)),
            ("segments", u64::from(self.pool.statistics().segments)),
            ("holds", pinner.copies_in_flight as u64),
            ("holds leaked", pinner.holds_leaked as u64),
            ("registered bytes", pinner.registered_bytes),
            ("device bytes", device_bytes),
            ("events", left("cuEventCreate", "cuEventDestroy_v2")),
            ("descriptors", entries("/proc/self/fd")),
            ("threads", entries("/proc/self/task")),
            ("mapped bytes", mapped),
        ])
    }

    /// Waits until nothing is under way.
    fn settle(&self) {
        self.pool.drain(Duration::from_secs(60)).unwrap();
        self.stream.synchronize().unwrap();
        eventually("no copy is in flight", || {
            self.pinner.statistics().copies_in_flight == 0
        });
    }
}

fn is_flat(make: impl Fn(&PinnedPool) -> (Pinner, Arc<CudaStream>), way: impl Fn(&Used, u64)) {
    let pool = pool(4);
    let (pinner, stream) = make(&pool);
    let used = Used {
        pool,
        pinner,
        stream,
    };
    let go = |frames| {
        for sequence in 0..frames {
            way(&used, sequence);
        }
        used.settle();
    };
    go(WARM);
    let before = used.held();
    go(FRAMES);
    // A real device rounds what it has given back to whole chunks.
    let slack = if driver::is_real() { 64 << 20 } else { 0 };
    let now = || {
        let mut now = used.held();
        if let Some(bytes) = now.get_mut("device bytes")
            && *bytes <= before["device bytes"] + slack
        {
            *bytes = before["device bytes"];
        }
        now
    };
    // Device memory that was lent is freed in the background.
    for _ in 0..1000 {
        if now() == before {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("something is left behind: {:?}, of {before:?}", now());
}

/// A test of one way with the frames registered, or by a pinner made in another way.
macro_rules! flat {
    ($name:ident, $way:expr) => {
        flat!($name, registered, $way);
    };
    ($name:ident, $make:expr, $way:expr) => {
        #[test]
        fn $name() {
            driver::with_driver("", || is_flat($make, $way)).assert_no_violation();
        }
    };
}

flat!(copies_to_new_memory_leave_nothing_behind, |used, _| {
    let device = used.frame().copy_to_device(&used.stream).unwrap();
    assert_eq!(device.len(), BYTES);
});

flat!(copies_into_memory_leave_nothing_behind, |used, _| {
    let mut device = used.stream.alloc_zeros::<u8>(BYTES).unwrap();
    used.frame().copy_into(&mut device, &used.stream).unwrap();
});

flat!(device_buffers_leave_nothing_behind, |used, _| {
    let buffer = used.frame().copy_to_device_buffer(&used.stream);
    assert_eq!(buffer.unwrap().len(), BYTES);
});

flat!(
    lent_device_buffers_leave_nothing_behind,
    |used, sequence| {
        let context = used.stream.context();
        let buffer = used.frame().copy_to_device_buffer(&used.stream).unwrap();
        match sequence % 4 {
            0 => buffer.lend_to(&used.stream).unwrap(),
            1 => buffer.lend_to(&context.default_stream()).unwrap(),
            2 => buffer.lend_to(&context.per_thread_stream()).unwrap(),
            _ => buffer.leave_stream().unwrap(),
        }
    }
);

flat!(
    buffers_lent_to_streams_that_are_destroyed_leave_nothing_behind,
    |used, _| {
        let side = used.stream.context().new_stream().unwrap();
        let buffer = used.frame().copy_to_device_buffer(&foreign(&side)).unwrap();
        buffer.lend_to(&used.stream).unwrap();
        buffer.leave_stream().unwrap();
    }
);

flat!(copies_in_graphs_leave_nothing_behind, |used, _| {
    let (stream, context) = (&used.stream, used.stream.context());
    // SAFETY: everything is on one stream.
    unsafe { context.disable_event_tracking() };
    let mut device = stream.alloc_zeros::<u8>(BYTES).unwrap();
    let frame = used.frame();
    stream
        .begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL)
        .unwrap();
    frame.copy_into(&mut device, stream).unwrap();
    drop(frame);
    captures::graph_of(stream).launch().unwrap();
});

flat!(copies_from_the_device_leave_nothing_behind, |used, _| {
    let device = used.stream.alloc_zeros::<u8>(BYTES).unwrap();
    let slot = used.pool.alloc(BYTES).unwrap();
    let back = slot
        .copy_from_device(&device, &used.stream, &used.pinner)
        .unwrap();
    assert_eq!(back.wait().unwrap().len(), BYTES);
});

flat!(
    staged_copies_leave_nothing_behind,
    |_| never_registering(2 << 20),
    |used, _| drop(used.frame().copy_to_device(&used.stream).unwrap())
);

flat!(
    pageable_copies_leave_nothing_behind,
    |_| never_registering(0),
    |used, _| {
        let frame = used.frame();
        drop(frame.copy_to_device(&used.stream).unwrap());
        assert_eq!(frame.path(), DevicePath::Pageable);
    }
);

/// A pinner that may register its staging slots at most.
fn never_registering(bytes: u64) -> (Pinner, Arc<CudaStream>) {
    let pinner = Pinner::builder()
        .device(0)
        .staging(2, 1 << 20)
        .max_bytes(bytes);
    let pinner = pinner.build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    eventually("staging slots", || {
        pinner.statistics().registered_bytes == bytes
    });
    (pinner, stream)
}
