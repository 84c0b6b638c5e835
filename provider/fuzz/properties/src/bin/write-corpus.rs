//! Writes the seeds of every target to `provider/fuzz/corpus`; what else is there stays.

use std::{fs, io, path::Path};

use zenoh_pinned_fuzz_properties::TARGETS;

fn main() -> io::Result<()> {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"));
    for target in &TARGETS {
        let folder = corpus.join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, input) in (target.seeds)() {
            fs::write(folder.join(name), input)?;
        }
    }
    Ok(())
}
