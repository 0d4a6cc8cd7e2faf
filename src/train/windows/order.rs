//! Which images a window has, and in which order.

use std::ops::Range;

use crate::rng;

/// Blocks that a window is made of.
const BLOCKS: usize = 256;

/// How an epoch over some images is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::train) struct Windows {
    /// Images of an epoch.
    count: usize,
    /// Images of a window, but for the last one's: whole batches.
    window: usize,
    /// Images of the epoch's last batch, where it is smaller than the others; else 0. They go with the last window.
    rest: usize,
}

impl Windows {
    /// Those of `count` images, in batches of `batch`; `None` where all of them are one window.
    pub(super) fn new(count: usize, window: usize, batch: usize) -> Option<Self> {
        let rest = count % batch;
        (count - rest > window).then_some(Self {
            count,
            window,
            rest,
        })
    }

    /// How many there are.
    pub(super) fn number(&self) -> usize {
        (self.count - self.rest).div_ceil(self.window)
    }

    /// The most images that one has: those of the last, where it is a whole one.
    pub(super) fn most(&self) -> usize {
        self.window + self.rest
    }

    /// The window of the image at this place of the epoch; at its end, the last.
    pub(super) fn at(&self, position: usize) -> usize {
        (position / self.window).min(self.number() - 1)
    }

    /// The places of a window's images in the epoch.
    pub(super) fn places(&self, window: usize) -> Range<usize> {
        let start = window * self.window;
        match window + 1 < self.number() {
            true => start..start + self.window,
            false => start..self.count,
        }
    }
}

/// In which order an epoch visits images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::train) enum Order {
    /// As they are stored.
    Stored,
    /// In one that is drawn.
    Drawn {
        /// The key of the draw.
        seed: u64,
        /// The epoch, from 0.
        epoch: u32,
    },
}

impl Order {
    /// The order of `count` images that are all on the device.
    pub(super) fn of_all(self, count: usize) -> Vec<u32> {
        match self {
            Self::Stored => (0..count as u32).collect(),
            Self::Drawn { seed, epoch } => rng::permutation(seed, epoch, count),
        }
    }

    /// The images of a window: ranges of numbers, one behind the other as the device holds them.
    pub(super) fn images(self, windows: Windows, window: usize) -> Vec<Range<usize>> {
        let places = windows.places(window);
        let Self::Drawn { seed, epoch } = self else {
            return vec![places];
        };
        let size = windows.window.div_ceil(BLOCKS);
        let blocks = rng::permutation(seed, epoch, windows.count.div_ceil(size));
        let mut images = Vec::new();
        let mut place = 0;
        for block in blocks {
            let first = block as usize * size;
            let len = size.min(windows.count - first);
            let within =
                places.start.clamp(place, place + len)..places.end.clamp(place, place + len);
            if !within.is_empty() {
                images.push(first + within.start - place..first + within.end - place);
            }
            place += len;
        }
        images
    }

    /// The order of a window's images on the device.
    pub(super) fn of_window(self, windows: Windows, window: usize) -> Vec<u32> {
        let count = windows.places(window).len();
        match self {
            Self::Stored => (0..count as u32).collect(),
            Self::Drawn { seed, epoch } => {
                rng::permutation_of_window(seed, epoch, window as u32, count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_whole_batches_and_the_last_the_rest() {
        // (images, window, batch): the sizes of the windows.
        for (count, window, batch, sizes) in [
            (100, 40, 10, &[40, 40, 20][..]),
            (103, 40, 10, &[40, 40, 23]),
            (83, 40, 10, &[40, 43]),
            (121, 40, 40, &[40, 40, 41]),
        ] {
            let windows = Windows::new(count, window, batch).unwrap();
            let found: Vec<_> = (0..windows.number())
                .map(|number| windows.places(number).len())
                .collect();
            assert_eq!(found, sizes);
            assert!(sizes.iter().all(|&size| size <= windows.most()));
            assert_eq!(windows.most() % batch, count % batch);
            for (position, expected) in [(0, 0), (39, 0), (40, 1), (count, sizes.len() - 1)] {
                assert_eq!(windows.at(position), expected);
            }
        }
        assert_eq!(Windows::new(40, 40, 10), None);
        assert_eq!(Windows::new(43, 40, 10), None);
        assert_eq!(Windows::new(7, 40, 10), None);
    }

    #[test]
    fn an_epoch_visits_every_image_once_in_an_order_of_its_own() {
        let windows = Windows::new(10_007, 2_000, 100).unwrap();
        let visited = |epoch| -> Vec<usize> {
            let order = Order::Drawn { seed: 3, epoch };
            (0..windows.number())
                .flat_map(|window| {
                    let images: Vec<_> = order
                        .images(windows, window)
                        .into_iter()
                        .flatten()
                        .collect();
                    assert_eq!(images.len(), windows.places(window).len());
                    let order = order.of_window(windows, window);
                    order.into_iter().map(move |place| images[place as usize])
                })
                .collect()
        };
        let first = visited(0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..10_007));
        assert_ne!(first, visited(1));
        // What a run that is resumed with another version draws again is the same.
        assert_eq!(first[..4], [8_993, 9_616, 5_940, 9_693]);
    }

    /// Where a file is sorted by class, a window has every class in about its proportion.
    #[test]
    fn a_window_has_images_from_everywhere() {
        let windows = Windows::new(100_000, 10_000, 100).unwrap();
        let order = Order::Drawn { seed: 1, epoch: 0 };
        for window in 0..windows.number() {
            let mut tenths = [0; 10];
            for image in order.images(windows, window).into_iter().flatten() {
                tenths[image / 10_000] += 1;
            }
            // 256 blocks of 40 images, 25.6 of a tenth in the mean with a deviation of 4.6: five of them.
            assert!(
                tenths.iter().all(|&count| (100..2_000).contains(&count)),
                "{tenths:?}"
            );
        }
    }

    #[test]
    fn stored_images_follow_one_another() {
        let windows = Windows::new(103, 40, 10).unwrap();
        let is_of = |window, images: std::ops::Range<usize>| {
            Order::Stored
                .images(windows, window)
                .into_iter()
                .eq([images])
        };
        assert!(is_of(1, 40..80) && is_of(2, 80..103));
        assert!(Order::Stored.of_window(windows, 2).into_iter().eq(0..23));
    }
}
