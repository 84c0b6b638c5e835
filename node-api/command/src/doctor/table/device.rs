//! The driver and its devices. That a machine has none is a fact, unless a device was asked for.

use zenoh_pinned::{FallbackReason, bindings::surroundings::CountedDevice};

use super::Line;
use crate::{doctor::facts::Asked, words};

const DRIVER: &str = "CUDA driver";
const DEVICE: &str = "CUDA device";

pub(super) fn lines(
    devices: &Result<Vec<CountedDevice>, FallbackReason>,
    asked: Option<&Asked>,
) -> Vec<Line> {
    let mut lines = match devices {
        Ok(devices) if devices.is_empty() => vec![Line::note(
            DRIVER,
            "it counts no device",
            "see CUDA_VISIBLE_DEVICES, and that a container is given one: docker run --gpus all",
        )],
        Ok(devices) => devices.iter().enumerate().map(device).collect(),
        Err(reason) => vec![Line::note(DRIVER, reason.to_string(), remedy(reason))],
    };
    lines.extend(asked.and_then(refused));
    lines
}

fn device((ordinal, device): (usize, &CountedDevice)) -> Line {
    let fact = format!("{ordinal}: {}", words::tame(&device.name));
    match device.registers_host_memory {
        Some(false) => Line::note(
            DEVICE,
            format!("{fact}, cannot register host memory: frames are copied by the driver"),
            "nothing can be done on this platform",
        ),
        Some(true) => Line::ok(DEVICE, format!("{fact}, can register host memory")),
        None => Line::ok(
            DEVICE,
            format!("{fact}; the driver does not say whether it can register host memory"),
        ),
    }
}

/// What keeps the device that was asked for from being used.
fn refused(asked: &Asked) -> Option<Line> {
    let reason = asked.device.as_ref().err()?;
    let fact = format!("{} cannot be used: {reason}", asked.ordinal);
    Some(Line::fails(DEVICE, fact, remedy(reason)))
}

/// What to do where a device cannot be used, or memory not be registered for it.
pub(super) fn remedy(reason: &FallbackReason) -> String {
    let remedy = match reason {
        FallbackReason::NoDriver => {
            "without a GPU nothing: frames stay on the host; with one, install NVIDIA's driver, and give it to a container \
             (docker run --gpus all)"
        }
        FallbackReason::NoDevice { .. } => {
            "ask for one that there is; see CUDA_VISIBLE_DEVICES, and docker run --gpus all"
        }
        FallbackReason::DriverUnusable { .. } => "install a newer driver: CUDA 12 or later",
        FallbackReason::Unsupported => {
            "nothing can be done on this platform: frames are copied by the driver"
        }
        FallbackReason::Driver { .. } => {
            "see nvidia-smi and the kernel's log (dmesg | grep NVRM), and what the CUDA driver API says of that code; where \
             it is about memory, raise RLIMIT_MEMLOCK or end what else has registered some"
        }
        FallbackReason::ContextLost { .. } => {
            "see nvidia-smi and the kernel's log (dmesg | grep NVRM)"
        }
        FallbackReason::RegistrationPending | FallbackReason::StagingBusy { .. } => {
            "look again: the machine is slow to register, or overloaded"
        }
        // The rest say it themselves.
        other => return format!("as it says: {other}"),
    };
    remedy.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    fn asked(device: Result<String, FallbackReason>) -> Asked {
        Asked { ordinal: 0, device }
    }

    #[test]
    fn no_driver_is_a_note_and_fails_whoever_asks_for_a_device() {
        let none = Err(FallbackReason::NoDriver);
        let states = |asked: Option<&Asked>| {
            let lines = lines(&none, asked);
            lines.iter().map(|line| line.state).collect::<Vec<_>>()
        };
        assert_eq!(states(None), [State::Note]);
        let refused = asked(Err(FallbackReason::NoDriver));
        assert_eq!(states(Some(&refused)), [State::Note, State::Fails]);
    }

    #[test]
    fn every_device_has_a_line_and_one_that_cannot_register_a_note() {
        let device = |registers| CountedDevice {
            name: String::from("Card"),
            registers_host_memory: registers,
        };
        let counted = Ok(vec![device(Some(true)), device(Some(false)), device(None)]);
        let lines = lines(&counted, Some(&asked(Ok(String::from("Card")))));
        let states: Vec<_> = lines.iter().map(|line| line.state).collect();
        assert_eq!(states, [State::Ok, State::Note, State::Ok]);
        assert!(lines[1].fact.starts_with("1: Card"), "{}", lines[1].fact);
        assert!(lines[2].fact.contains("does not say"), "{}", lines[2].fact);
        assert_eq!(super::lines(&Ok(Vec::new()), None)[0].state, State::Note);
    }
}
