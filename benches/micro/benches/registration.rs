//! What it costs to make shared memory ready for a device: reserving it, touching it, locking it, registering it.
//!
//! Reserving (`fallocate`) takes pages from the kernel, which zeroes them when anybody touches them first. The rest
//! is of a file in which that has been done, in a mapping of its own for each call, made and undone outside of the
//! time, as in a consumer's process: touching brings the pages into the process's page table for writing, `mlock`
//! keeps them in memory, and `cuMemHostRegister` keeps them where they are and tells the device. The latter two are
//! measured with pages that this mapping has touched before, as this library does it, and without. The tables
//! scale the times to a GiB.

use std::{ptr::NonNull, time::Duration};

use criterion::{Criterion, Throughput};
use zenoh_pinned::cudarc::driver::sys;
use zenoh_pinned_measuring::{
    clock::{between, now},
    room,
};

use crate::{
    Error, Outcome,
    device::{self, Device},
    memory::{File, Folder, Mapping},
    or_end,
    record::Record,
    sampling::{self, Group},
};

const BYTES: usize = 256 << 20;
const SMALL_PAGES: &str = "registration, 4 KiB pages";
const HUGE_PAGES: &str = "registration, huge pages";
const REGISTER: [(&str, bool); 2] = [
    ("cuMemHostRegister", false),
    ("cuMemHostRegister, touched first", true),
];

pub(crate) fn measure(
    criterion: &mut Criterion,
    record: &mut Record,
    device: &Result<Device, String>,
) -> Outcome {
    // Twice: one file that stays, and one that is reserved anew each time.
    let needed = 2 * BYTES as u64;
    let folders = [
        (
            SMALL_PAGES,
            room::for_shared_memory(needed),
            Folder::of_shared_memory(),
        ),
        (HUGE_PAGES, room::of_memory(needed), Folder::of_huge_pages()),
    ];
    for (title, room, folder) in folders {
        let folder = room.map_err(Error::from).and_then(|()| Ok(folder?));
        let folder = folder.and_then(|folder| check(title, folder));
        match folder {
            Ok((folder, file)) => of_pages(criterion, record, device, (title, &folder, &file))?,
            Err(why) => record.leave_out(title, why)?,
        }
    }
    Ok(())
}

/// A reserved file of the folder, where its pages are what the title says.
fn check(title: &str, folder: Folder) -> Result<(Folder, File), Error> {
    let file = folder.file()?;
    file.reserve(BYTES)?;
    let mapping = file.map(BYTES)?;
    mapping.touch()?;
    match (title == HUGE_PAGES, mapping.has_huge_pages()) {
        (true, false) => Err("the kernel gave other pages".into()),
        (false, true) => Err("the kernel gave huge pages".into()),
        _ => Ok((folder, file)),
    }
}

fn of_pages(
    criterion: &mut Criterion,
    record: &mut Record,
    device: &Result<Device, String>,
    (title, folder, file): (&str, &Folder, &File),
) -> Outcome {
    let mut group = sampling::one_call(criterion, title);
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("fallocate", |bencher| {
        bencher.iter_custom(|calls| (0..calls).map(|_| or_end(fresh(folder)).reserved).sum());
    });
    group.bench_function("first touch after that", |bencher| {
        bencher.iter_custom(|calls| (0..calls).map(|_| or_end(fresh(folder)).touched).sum());
    });
    timed(
        &mut group,
        "touch in another mapping",
        (file, false),
        Mapping::touch,
    );
    for (arm, is_touched) in [("mlock", false), ("mlock, touched first", true)] {
        match file.map(BYTES)?.lock() {
            Ok(()) => timed(&mut group, arm, (file, is_touched), Mapping::lock),
            Err(why) => record.leave_out(&format!("{title}, {arm}"), why)?,
        }
    }
    for (arm, is_touched) in REGISTER {
        match device::worth_timing(device) {
            Ok(device) => {
                device.make_current()?;
                let arm = device.arm(arm);
                timed(&mut group, &arm, (file, is_touched), Registered::make);
            }
            Err(why) => record.leave_out(&format!("{title}, {arm}"), why)?,
        }
    }
    group.finish();
    Ok(())
}

/// What a new file takes.
struct Fresh {
    reserved: Duration,
    touched: Duration,
}

fn fresh(folder: &Folder) -> Result<Fresh, Error> {
    let file = folder.file()?;
    let begin = now();
    file.reserve(BYTES)?;
    let reserved = between(begin, now());
    let mapping = file.map(BYTES)?;
    let begin = now();
    mapping.touch()?;
    let touched = between(begin, now());
    Ok(Fresh { reserved, touched })
}

/// Times `call` with a mapping of its own each time; what it gives is dropped before that.
fn timed<Guard, Failure: std::fmt::Display>(
    group: &mut Group<'_>,
    arm: &str,
    (file, is_touched): (&File, bool),
    call: impl Fn(&Mapping) -> Result<Guard, Failure>,
) {
    let one = || -> Result<Duration, Error> {
        let mapping = file.map(BYTES)?;
        if is_touched {
            mapping.touch()?;
        }
        let begin = now();
        let guard = call(&mapping);
        let end = now();
        drop(or_end(guard));
        Ok(between(begin, end))
    };
    group.bench_function(arm, |bencher| {
        bencher.iter_custom(|calls| (0..calls).map(|_| or_end(one())).sum());
    });
}

/// Memory that the device may read; not any more when dropped.
struct Registered {
    base: NonNull<u8>,
}

impl Registered {
    /// Registers the whole mapping, which has to stay for as long as this does.
    fn make(mapping: &Mapping) -> Result<Self, Error> {
        let (base, flags) = (mapping.base(), sys::CU_MEMHOSTREGISTER_PORTABLE);
        // SAFETY: `timed` keeps the mapping until it has dropped what this returns, and nobody else registers it.
        let code = unsafe { sys::cuMemHostRegister_v2(base.as_ptr().cast(), mapping.len(), flags) };
        code.result()?;
        Ok(Self { base })
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: registered by this value, given back once.
        let _ = unsafe { sys::cuMemHostUnregister(self.base.as_ptr().cast()) };
    }
}
