//! Copies the frames of `01-publish` to the GPU, straight from where they were written. Without a GPU they stay on the
//! host, and the reason is printed.

use std::{collections::BTreeMap, time::Duration};

use zenoh::{Config, Wait};
use zenoh_pinned::{Frame, Pinner, shm_clients};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let endpoint = std::env::args().nth(1);
    let endpoint = endpoint.unwrap_or_else(|| String::from("tcp/127.0.0.1:7450"));
    // Never fails: where there is no device it says why, and frames stay readable on the host.
    let pinner = Pinner::builder().device(0).build();
    if let Some(reason) = pinner.reason() {
        println!("no device: {reason}");
    }
    let stream = pinner.context().map(|context| context.new_stream());
    let stream = stream.transpose()?;

    let mut config = Config::default();
    config.insert_json5("connect/endpoints", &format!("[{endpoint:?}]"))?;
    zenoh_pinned::prepare_session(&mut config);
    // Segments that frames arrive in are registered with the driver, each once, in the background.
    let opening = zenoh::open(config).with_shm_clients(shm_clients(&pinner));
    let session = opening.wait()?;
    let subscriber = session.declare_subscriber("camera/front").wait()?;

    let mut paths = BTreeMap::new();
    let mut patience = Duration::from_secs(30);
    while let Some(sample) = subscriber.recv_timeout(patience)? {
        patience = Duration::from_secs(1);
        let frame = Frame::from_payload(sample.payload(), &pinner)?;
        drop(sample);
        let value = match &stream {
            Some(stream) => {
                let device = frame.copy_to_device(stream)?; // one DMA, enqueued; a model would use it here
                stream.clone_dtoh(&device)?[0]
            }
            None => frame[0],
        };
        let (path, bytes) = (frame.path(), frame.len());
        if value % 20 == 0 {
            println!("frame {value}: {bytes} bytes, path {path}");
        }
        *paths.entry(path.to_string()).or_insert(0) += 1;
    }
    println!("frames by path: {paths:?}");
    Ok(())
}
