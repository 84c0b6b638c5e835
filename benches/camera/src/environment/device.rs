//! The device, its driver, and how it is connected.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zenoh_pinned::{
    Pinner,
    cudarc::driver::sys::{self, CUdevice_attribute},
};
use zenoh_pinned_measuring::machine;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    pub name: String,
    /// Of the CUDA driver API, as `12.4`.
    pub cuda: String,
    /// Of the kernel driver; `None` where the kernel does not say.
    pub driver: Option<String>,
    /// Domain, bus and device.
    pub pci: String,
    /// As the kernel has it now; a link may rest at a lower speed while nothing is copied.
    pub link: Option<String>,
    pub link_at_most: Option<String>,
    /// The device's NUMA node; `None` where there is one node only, or the kernel does not say.
    pub numa_node: Option<i32>,
    /// A test double of the driver: it proves order, not speed, and no figure of it means anything.
    pub is_double: bool,
}

pub(super) fn read(pinner: &Pinner) -> Option<Device> {
    let context = pinner.context()?;
    let name = pinner.device_name()?;
    let version = version().unwrap_or_default();
    let attribute = |attribute| context.attribute(attribute).unwrap_or_default();
    let pci = format!(
        "{:04x}:{:02x}:{:02x}.0",
        attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID),
        attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID),
        attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)
    );
    let folder = Path::new("/sys/bus/pci/devices").join(&pci);
    let text = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        Some(text.trim().to_owned())
    };
    let link = |prefix: &str| {
        let speed = text(&format!("{prefix}_link_speed"))?;
        let width = text(&format!("{prefix}_link_width"))?;
        Some(format!("{speed} x{width}"))
    };
    let numa_node = text("numa_node").and_then(|node| node.parse().ok());
    Some(Device {
        is_double: machine::is_double(&name),
        name,
        cuda: format!("{}.{}", version / 1000, version % 1000 / 10),
        driver: kernel_driver(),
        link: link("current"),
        link_at_most: link("max"),
        numa_node: numa_node.filter(|node| *node >= 0),
        pci,
    })
}

fn version() -> Option<i32> {
    let mut version = 0;
    // SAFETY: the driver is initialised, since there is a context, and writes one integer.
    unsafe { sys::cuDriverGetVersion(&mut version) }
        .result()
        .ok()?;
    Some(version)
}

fn kernel_driver() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let line = text.lines().next()?;
    Some(
        line.split_once(':')
            .map_or(line, |(_, rest)| rest)
            .trim()
            .to_owned(),
    )
}

impl Device {
    pub(super) fn text(&self) -> String {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        let node = self
            .numa_node
            .map_or_else(|| "unknown or the only one".into(), |node| node.to_string());
        let double = match self.is_double {
            true => ", a DOUBLE of the driver: proves order, not speed",
            false => "",
        };
        format!(
            "{}{double}, CUDA {}, driver {}, PCI {}, link {} (at most {}), NUMA node {node}",
            self.name,
            self.cuda,
            or_unknown(&self.driver),
            self.pci,
            or_unknown(&self.link),
            or_unknown(&self.link_at_most)
        )
    }
}
