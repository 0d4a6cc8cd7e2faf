//! Images for testing, where there are none: a tenth of the training images, drawn by a seed.

use std::collections::TryReserveError;
use std::path::Path;

use rand::seq::index;

use super::{DataError, Images, Pixels, Split};
use crate::rng::{Philox, Stream};

/// Parts a tenth, at least one image, from the rest; both keep their order.
///
/// The files of many data sets are sorted by class, so that the last tenth would be one class.
pub(super) fn hold_out(
    mut train: Split,
    path: &Path,
    seed: u64,
) -> Result<(Split, Split), DataError> {
    let images = &mut train.images;
    let (count, dim) = (images.count, images.dim());
    if count < 2 {
        return Err(DataError::NothingToHoldOut {
            path: path.to_owned(),
        });
    }
    let mut rng = Philox::new(seed, Stream::HoldOut, 0);
    let mut held = index::sample(&mut rng, count, (count / 10).max(1)).into_vec();
    held.sort_unstable();
    let size_of_pixel = match images.pixels {
        Pixels::Bytes(_) => size_of::<u8>(),
        Pixels::Floats(_) => size_of::<f32>(),
    };
    let no_memory = |_| DataError::Memory {
        path: path.to_owned(),
        what: "pixels to hold out",
        bytes: held.len() * dim * size_of_pixel,
    };
    let labels = train.labels.as_mut();
    let labels = labels.map(|labels| part(labels, &held, 1));
    let factors = train.factors.as_mut().map(|factors| {
        let width = factors.len();
        part(&mut factors.values, &held, width).map(|values| factors.with(values))
    });
    let pixels = match &mut images.pixels {
        Pixels::Bytes(bytes) => part(bytes, &held, dim).map(Pixels::Bytes),
        Pixels::Floats(floats) => part(floats, &held, dim).map(Pixels::Floats),
    };
    let test = Split {
        images: Images {
            channels: images.channels,
            count: held.len(),
            height: images.height,
            width: images.width,
            pixels: pixels.map_err(no_memory)?,
        },
        labels: labels.transpose().map_err(no_memory)?,
        factors: factors.transpose().map_err(no_memory)?,
    };
    images.count = count - held.len();
    Ok((train, test))
}

/// Takes the items `held`, which ascend, out of `values`, which has `width` values an item. What
/// stays is moved together where it lies, since there may be no room for a second copy.
fn part<T: Copy>(
    values: &mut Vec<T>,
    held: &[usize],
    width: usize,
) -> Result<Vec<T>, TryReserveError> {
    let mut parted = Vec::new();
    parted.try_reserve_exact(held.len() * width)?;
    let mut end = held.first().map_or(values.len(), |first| first * width);
    for (index, item) in held.iter().enumerate() {
        let start = item * width;
        parted.extend_from_slice(&values[start..start + width]);
        let kept = start + width
            ..held
                .get(index + 1)
                .map_or(values.len(), |next| next * width);
        let len = kept.len();
        values.copy_within(kept, end);
        end += len;
    }
    values.truncate(end);
    Ok(parted)
}

#[cfg(test)]
mod tests {
    use super::super::Factors;
    use super::*;

    /// A resumed run must measure with the same images, whichever version of the crate rand it has.
    #[test]
    fn a_seed_always_holds_out_the_same_images() {
        let train = Split {
            images: Images {
                channels: 1,
                count: 100,
                height: 1,
                width: 1,
                pixels: (0..100).collect::<Vec<u8>>().into(),
            },
            labels: None,
            factors: Some(Factors {
                names: vec!["number".into(), "half".into()],
                sizes: vec![100, 2],
                values: (0..100).flat_map(|number| [number, number / 50]).collect(),
            }),
        };
        let (train, test) = hold_out(train, Path::new("images"), 7).unwrap();
        let expected = vec![6_u8, 18, 20, 32, 44, 61, 62, 80, 90, 94];
        assert!(test.images.pixels == expected.into());
        for split in [train, test] {
            let factors = split.factors.unwrap();
            assert_eq!(factors.count(), split.images.count);
            let numbers = split.images.pixels.as_bytes().unwrap().iter();
            let rows = numbers.flat_map(|&number| [number.into(), u32::from(number / 50)]);
            assert!(factors.values.into_iter().eq(rows));
        }
    }

    #[test]
    fn items_are_parted_and_both_parts_keep_their_order() {
        let all: Vec<u8> = (0..18).collect();
        for held in [&[0][..], &[5], &[0, 1, 5], &[2, 4], &[]] {
            let mut kept = all.clone();
            let parted = part(&mut kept, held, 3).unwrap();
            let items = |is_held: bool| -> Vec<u8> {
                let item = |value: &u8| held.contains(&usize::from(value / 3)) == is_held;
                all.iter().copied().filter(item).collect()
            };
            assert_eq!((parted, kept), (items(true), items(false)), "{held:?}");
        }
    }
}
