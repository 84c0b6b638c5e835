//! A camera: writes frames and sends them, each arm its own way.

mod dora;
mod iceoryx;
mod zenoh;

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh_pinned_measuring::placement::Half;

use crate::{
    Outcome,
    arm::Arm,
    clock,
    environment::memory_nodes,
    frame,
    frame::{COUNTED, FRAME_BYTES},
    placement,
    workload::{Orders, WARM_UP_FRAMES},
};

/// While nobody counts, frames come at this distance, so that connections and registrations get made.
const WARM_UP_PERIOD: u64 = 33_333_333;

/// Somewhere to send frames to.
trait Outlet {
    /// Waits for room, has `write` write the frame and note when it was done, and sends it at once.
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome;

    /// Bytes of each frame that a CPU copies while it is sent, as far as one can tell from outside.
    fn copies(&self) -> u64 {
        0
    }
}

pub fn run() -> Outcome {
    let orders = Orders::from_environment()?;
    placement::place(orders.workload.placement, Half::Producers)?;
    let mut outlet: Box<dyn Outlet> = match orders.arm {
        Arm::Stock | Arm::DevicePlain | Arm::DeviceCallerPinned => {
            Box::new(zenoh::Stock::open(&orders)?)
        }
        Arm::Pinned | Arm::DevicePinned | Arm::DeviceCeiling | Arm::DeviceReceived => {
            Box::new(zenoh::Pinned::open(&orders)?)
        }
        Arm::PinnedLine => Box::new(zenoh::Line::open(&orders)?),
        Arm::Iceoryx => Box::new(iceoryx::Iceoryx::open(&orders)?),
        Arm::DoraDefault | Arm::Dora64 => Box::new(dora::Stock::open()?),
        Arm::DoraPinned => Box::new(dora::Pinned::open()?),
    };
    let parent = Parent::listen();
    if !orders.arm.is_dora() {
        println!("listening");
    }
    let mut number = 0;
    let may_begin = |number: u64| match orders.arm.is_dora() {
        true => number >= WARM_UP_FRAMES,
        false => parent.said_go.load(Ordering::Relaxed),
    };
    while !may_begin(number) {
        let next = clock::now() + WARM_UP_PERIOD;
        send(outlet.as_mut(), &orders, number)?;
        number += 1;
        clock::sleep_until(next);
        if parent.gone.load(Ordering::Relaxed) && !orders.arm.is_dora() {
            return Ok(());
        }
    }
    std::fs::write(orders.result("counting", orders.index), "")?;
    let text = count(outlet.as_mut(), &orders)?;
    std::fs::write(orders.result("camera", orders.index), text)?;
    if !orders.arm.is_dora() {
        println!("done");
        // The consumers have not read everything yet.
        while !parent.gone.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// The counted frames; gives how many were sent, how many periods passed without one because the camera was
/// held up, the CPU time, and the bytes that were copied; then where the memory is.
fn count(outlet: &mut dyn Outlet, orders: &Orders) -> Outcome<String> {
    let (period, duration) = (orders.workload.period(), orders.workload.nanoseconds());
    let cpu = clock::cpu_of_this_process();
    let started = clock::now();
    let (mut slots, mut sent, mut missed) = (0u64, 0u64, 0u64);
    loop {
        let scheduled = started + slots * period;
        clock::sleep_until(scheduled);
        let now = clock::now();
        if now.max(scheduled) >= started + duration {
            break;
        }
        slots += 1;
        if period > 0 && now > scheduled + period {
            missed += 1;
            continue;
        }
        send(outlet, orders, COUNTED | sent)?;
        sent += 1;
    }
    let used = clock::cpu_of_this_process() - cpu;
    let nodes = serde_json::to_string(&memory_nodes::of_segments())?;
    let copied = sent * outlet.copies();
    Ok(format!("{sent} {missed} {used} {copied}\n{nodes}"))
}

fn send(outlet: &mut dyn Outlet, orders: &Orders, number: u64) -> Outcome {
    let begun = clock::now();
    outlet.send(&mut |bytes| {
        debug_assert_eq!(bytes.len(), FRAME_BYTES);
        frame::write(bytes, orders.index, number, begun);
        frame::stamp(bytes, clock::now());
    })
}

/// What the parent says: "go" on the input, and its end.
struct Parent {
    said_go: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

impl Parent {
    fn listen() -> Self {
        let (said_go, gone) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let parent = Self { said_go, gone };
        let (said_go, gone) = (parent.said_go.clone(), parent.gone.clone());
        std::thread::spawn(move || {
            let mut input = std::io::stdin();
            // Relaxed: flags, with nothing behind them.
            if input.read_exact(&mut [0; 3]).is_ok() {
                said_go.store(true, Ordering::Relaxed);
                let _ = input.read_to_end(&mut Vec::new());
            }
            gone.store(true, Ordering::Relaxed);
        });
        parent
    }
}
