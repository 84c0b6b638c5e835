//! Writes a frame as a PNG file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, bail};

/// A frame copied out of its slot.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgba: Vec<u8>,
}

/// Finds out before the first frame rather than after the last.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() || !directory.is_dir() {
        bail!(
            "--save-frame: {} cannot be a file. Name a file in a directory that exists.",
            path.display()
        );
    }
    Ok(())
}

pub(crate) fn save(path: &Path, picture: &Picture) -> anyhow::Result<()> {
    write(path, picture)
        .with_context(|| format!("The last frame could not be written to {}", path.display()))
}

fn write(path: &Path, picture: &Picture) -> anyhow::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgba)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("frame.png");
        let rgba: Vec<u8> = (0..4 * 3 * 2).collect();
        check(&path).unwrap();
        save(
            &path,
            &Picture {
                width: 3,
                height: 2,
                rgba: rgba.clone(),
            },
        )
        .unwrap();
        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut read).unwrap();
        assert_eq!(
            (info.width, info.height, info.color_type),
            (3, 2, png::ColorType::Rgba)
        );
        assert_eq!(read, rgba);
    }

    #[test]
    fn a_directory_that_does_not_exist_is_noticed_at_once() {
        assert!(check(Path::new("no/such/directory/frame.png")).is_err());
        assert!(check(Path::new(".")).is_err());
        assert!(check(Path::new("frame.png")).is_ok());
    }
}
