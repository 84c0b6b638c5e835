//! A consumer: receives frames from all cameras, on one thread, and reads every byte of each.

mod inlet;
mod sightings;

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use inlet::Arrival;
pub use inlet::Held;
pub use sightings::{Sighting, Sightings};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::placement::Half;

use crate::{
    Outcome,
    arm::Arm,
    clock,
    device::Device,
    frame::{self, Head},
    placement,
    workload::Orders,
};

const PATIENCE: Duration = Duration::from_millis(300);

pub fn run() -> Outcome {
    let orders = Orders::from_environment()?;
    placement::place(orders.workload.placement, Half::Consumers)?;
    let pinner = if orders.arm.copies_to_device() {
        Pinner::builder().device(0).build()
    } else {
        Pinner::host_only()
    };
    let mut inlet = inlet::open(&orders, &pinner)?;
    let mut device = match orders.arm.copies_to_device() {
        true => Some(Device::open(&orders, &pinner)?),
        false => None,
    };
    if !orders.arm.is_dora() {
        println!("listening");
    }
    let ending = ending();
    let mut warm = WarmUp::of(&orders);
    let mut seen = Sightings::default();
    loop {
        let busy = device.as_ref().is_some_and(|device| !device.is_idle());
        let patience = if busy { Duration::ZERO } else { PATIENCE };
        match inlet.next(patience)? {
            Arrival::Frame(held) => {
                let arrived = clock::now();
                let head = Head::read(held.bytes()).ok_or("a frame of another size")?;
                match &mut device {
                    Some(device) => {
                        warm.saw(&head, device.is_settled());
                        device.take(held, head, arrived, &mut seen)?;
                    }
                    None if orders.arm == Arm::DeviceReceived => {
                        warm.saw(&head, true);
                        drop(held);
                        seen.add(Sighting::new(&head, arrived, clock::now(), 'n'));
                    }
                    None => {
                        warm.saw(&head, true);
                        let sum = frame::sum(held.bytes());
                        let expected = head.expected_sum(held.bytes().len());
                        let copies = held.copies();
                        drop(held);
                        seen.add(Sighting::new(&head, arrived, clock::now(), 'h'));
                        seen.check(&head, sum == expected, copies);
                    }
                }
            }
            Arrival::Nothing => match &mut device {
                Some(device) if busy => device.finish_one(&mut seen)?,
                // Relaxed: a flag, with nothing behind it.
                _ if ending.load(Ordering::Relaxed) => break,
                _ => {}
            },
            Arrival::Ended => break,
        }
    }
    if let Some(device) = &mut device {
        device.close(&mut seen)?;
    }
    std::fs::write(orders.result("consumer", orders.index), seen.text())?;
    Ok(())
}

/// Tells the parent once every camera has been heard of and frames take the path that they will keep.
struct WarmUp {
    frames: Vec<u32>,
    told: bool,
    began: u64,
}

impl WarmUp {
    const FRAMES: u32 = 5;
    /// After so long the path is what it is.
    const LONGEST: u64 = 4_000_000_000;

    fn of(orders: &Orders) -> Self {
        Self {
            frames: vec![0; orders.workload.cameras],
            told: orders.arm.is_dora(),
            began: clock::now(),
        }
    }

    fn saw(&mut self, head: &Head, settled: bool) {
        if self.told {
            return;
        }
        if let Some(count) = self.frames.get_mut(head.camera()) {
            *count += 1;
        }
        let heard_all = self.frames.iter().all(|count| *count >= Self::FRAMES);
        if heard_all && (settled || clock::now() > self.began + Self::LONGEST) {
            self.told = true;
            println!("warm");
            let _ = std::io::stdout().flush();
        }
    }
}

/// Set at the end of the input.
fn ending() -> Arc<AtomicBool> {
    let ending = Arc::new(AtomicBool::new(false));
    let set = ending.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        set.store(true, Ordering::Relaxed);
    });
    ending
}
