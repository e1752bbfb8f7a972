//! JPEG thumbnails of pictures.

use std::sync::Arc;

use jpeg_encoder::{ColorType, Encoder};

use super::{Picture, Window};

/// A small view of a picture.
#[derive(Clone)]
pub struct Preview {
    /// What is shown; one band is shown grey, three as red, green and blue.
    pub picture: Arc<dyn Picture>,
    /// The part of it that is shown, reduced as it is to be shown.
    pub window: Window,
    /// The values that are shown black and white.
    pub range: (f32, f32),
}

impl Preview {
    /// The JPEG file; what was not seen is black.
    pub fn jpeg(&self) -> Vec<u8> {
        let (low, high) = self.range;
        let values = self.picture.paint(self.window);
        // `as` makes 0 of NaN and clamps.
        let grey: Vec<u8> = values.iter().map(|v| (255.0 * (v - low) / (high - low)) as u8).collect();
        let colour = if grey.len() > self.window.pixels() { ColorType::Rgb } else { ColorType::Luma };
        let mut file = Vec::new();
        let (width, height) = (self.window.width as u16, self.window.height as u16);
        if let Err(error) = Encoder::new(&mut file, 82).encode(&grey, width, height, colour) {
            tracing::error!(%error, "a thumbnail could not be made");
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ramp(usize);

    impl Picture for Ramp {
        fn paint(&self, window: Window) -> Vec<f32> {
            (0..window.pixels() * self.0).map(|n| if n % 7 == 0 { f32::NAN } else { n as f32 }).collect()
        }
    }

    #[test]
    fn grey_and_coloured_pictures_become_jpegs() {
        let window = Window { level: 1, x: 0, y: 0, width: 40, height: 24 };
        for bands in [1, 3] {
            let file = Preview { picture: Arc::new(Ramp(bands)), window, range: (0.0, 900.0) }.jpeg();
            assert!(file.starts_with(&[0xff, 0xd8]) && file.ends_with(&[0xff, 0xd9]), "{bands}");
            let frame = file.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
            assert_eq!(file[frame + 5..frame + 9], [0, 24, 0, 40]);
            assert_eq!(usize::from(file[frame + 9]), bands);
        }
    }
}
