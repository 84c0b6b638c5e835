//! A consumer of two cameras: checks each frame, copies it to its device, and says once a second what it has
//! registered. One that stays closes and opens its session again and again.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use zenoh::{Wait, sample::Sample};
use zenoh_pinned::{
    Frame, Pinner,
    cudarc::driver::{CudaSlice, CudaStream},
    shm_clients,
};

use crate::{CAMERAS, FRAME_BYTES, Outcome, session};

const REOPEN_AFTER: Duration = Duration::from_secs(7);
static ENDED: AtomicBool = AtomicBool::new(false);

struct Device {
    stream: std::sync::Arc<CudaStream>,
    /// Two, so that a copy is under way while the next frame is looked at.
    buffers: [CudaSlice<u8>; 2],
}

pub fn run(index: &str, stays: bool, endpoints: &[&str]) -> Outcome<bool> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDED.store(true, Ordering::Relaxed);
    });
    let first: usize = index.parse()?;
    let pinner = Pinner::builder().device(0).build();
    let clients = shm_clients(&pinner);
    let mut device = match pinner.context() {
        Some(context) => {
            let stream = context.new_stream()?;
            let buffers = [
                stream.alloc_zeros(FRAME_BYTES)?,
                stream.alloc_zeros(FRAME_BYTES)?,
            ];
            Some(Device { stream, buffers })
        }
        None => None,
    };
    let mut frames = 0u64;
    let mut told = Instant::now();
    while !ENDED.load(Ordering::Relaxed) {
        let session = session::open(&[], endpoints, Some(clients.clone()))?;
        let opened = Instant::now();
        let (sender, received) = std::sync::mpsc::sync_channel::<Sample>(2);
        let subscribers = [first, first + 1]
            .map(|camera| {
                let sender = sender.clone();
                session
                    .declare_subscriber(format!("camera/{}", camera % CAMERAS))
                    .callback(move |sample| drop(sender.try_send(sample)))
                    .wait()
            })
            .into_iter()
            .collect::<zenoh::Result<Vec<_>>>()?;
        let reopens = || stays && opened.elapsed() > REOPEN_AFTER;
        while !ENDED.load(Ordering::Relaxed) && !reopens() {
            if let Ok(sample) = received.recv_timeout(Duration::from_millis(100)) {
                take(&sample, &pinner, device.as_mut(), frames)?;
                frames += 1;
            }
            if told.elapsed() >= Duration::from_secs(1) {
                told += Duration::from_secs(1);
                let now = pinner.statistics();
                println!("{frames} {} {}", now.registered_bytes, now.copies_in_flight);
            }
        }
        drop(subscribers);
        session.close().wait()?;
    }
    Ok(true)
}

fn take(sample: &Sample, pinner: &Pinner, device: Option<&mut Device>, count: u64) -> Outcome<()> {
    let frame = Frame::from_payload(sample.payload(), pinner)?;
    if let Some(Device { stream, buffers }) = device {
        frame.copy_into(&mut buffers[count as usize % 2], stream)?;
    }
    let (words, _) = frame.as_chunks::<8>();
    if frame.len() != FRAME_BYTES || words.iter().step_by(509).any(|word| *word != words[0]) {
        return Err("a frame's bytes changed while it was held".into());
    }
    Ok(())
}
