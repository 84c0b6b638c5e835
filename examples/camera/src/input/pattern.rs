//! A moving test pattern: a gradient that scrolls, with a white bar that crosses it.

use super::BYTES_PER_PIXEL;

const BAR_WIDTH: usize = 24;
/// How far the bar moves from one frame to the next.
const BAR_STEP: usize = 8;

pub(crate) struct Pattern {
    width: usize,
    frame: usize,
}

impl Pattern {
    pub(crate) fn new(width: u32) -> Self {
        Self {
            width: width as usize,
            frame: 0,
        }
    }

    pub(crate) fn fill(&mut self, frame: &mut [u8]) {
        let shift = self.frame.wrapping_mul(2);
        let bar = self.frame.wrapping_mul(BAR_STEP) % self.width;
        let row_bytes = self.width * BYTES_PER_PIXEL as usize;
        for (y, row) in frame.chunks_mut(row_bytes).enumerate() {
            let green = y.wrapping_add(shift) as u8;
            for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let red = x.wrapping_add(shift) as u8;
                *pixel = [red, green, red ^ green, 255];
            }
            let bar_bytes = bar * 4..((bar + BAR_WIDTH) * 4).min(row_bytes);
            if let Some(bar) = row.get_mut(bar_bytes) {
                bar.fill(255);
            }
        }
        self.frame = self.frame.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;
    const BYTES: usize = WIDTH * 48 * 4;

    #[test]
    fn every_byte_is_written() {
        // A byte that keeps both values that were there before was not written.
        let mut over_zeros = vec![0; BYTES];
        let mut over_ones = vec![255; BYTES];
        for _ in 0..20 {
            over_zeros.fill(0);
            over_ones.fill(255);
            let mut pattern = Pattern::new(WIDTH as u32);
            pattern.fill(&mut over_zeros);
            let mut pattern = Pattern::new(WIDTH as u32);
            pattern.fill(&mut over_ones);
            assert!(
                over_zeros == over_ones,
                "a byte of the frame was left as it was"
            );
        }
    }

    #[test]
    fn one_frame_differs_from_the_next() {
        let mut pattern = Pattern::new(WIDTH as u32);
        let mut first = vec![0; BYTES];
        let mut second = vec![0; BYTES];
        pattern.fill(&mut first);
        pattern.fill(&mut second);
        assert!(first != second);
    }

    #[test]
    fn a_frame_of_one_pixel_can_be_filled() {
        let mut pattern = Pattern::new(1);
        let mut pixel = [0; 4];
        for _ in 0..300 {
            pattern.fill(&mut pixel);
            assert_eq!(pixel, [255; 4]);
        }
    }
}
