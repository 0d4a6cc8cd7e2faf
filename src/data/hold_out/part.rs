//! A split in two.

use std::collections::TryReserveError;
use std::path::Path;

use crate::data::pixels::PIECE;
use crate::data::{Buffer, Collector, DataError, Images, Number, Pixels, Scratch, Split};

/// Parts the images `held`, which ascend, from the rest: the rest, and they. Both keep their order.
pub(super) fn part(
    mut train: Split,
    held: &[usize],
    path: &Path,
    scratch: &Scratch,
) -> Result<(Split, Split), DataError> {
    let images = &mut train.images;
    let dim = images.dim();
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
    let labels = labels.map(|labels| items(labels, held, 1));
    let factors = train.factors.as_mut().map(|factors| {
        let width = factors.len();
        items(&mut factors.values, held, width).map(|values| factors.with(values))
    });
    let pixels = match &mut images.pixels {
        Pixels::Bytes(bytes) => images_of(bytes, held, dim, scratch)?.map(Pixels::Bytes),
        Pixels::Floats(floats) => images_of(floats, held, dim, scratch)?.map(Pixels::Floats),
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
    images.count -= held.len();
    Ok((train, test))
}

/// Takes the images `held` out of values, in memory or from file to file.
fn images_of<T: Number>(
    values: &mut Buffer<T>,
    held: &[usize],
    dim: usize,
    scratch: &Scratch,
) -> Result<Result<Buffer<T>, TryReserveError>, DataError> {
    if !values.is_mapped() {
        return Ok(items(values.to_mut(), held, dim).map(Buffer::from));
    }
    let dim = dim.max(1);
    let held_len = held.len() * dim;
    let lens = [values.len() - held_len, held_len];
    let mut parts = lens.map(|len| Collector::new(scratch, len));
    let mut next = held.iter().peekable();
    let pieces = values.pieces((PIECE / dim).max(1) * dim);
    for (number, image) in pieces.flat_map(|piece| piece.chunks_exact(dim)).enumerate() {
        let is_held = next.next_if(|&&held| held == number).is_some();
        parts[usize::from(is_held)].extend(image)?;
    }
    let [kept, parted] = parts;
    *values = kept.finish()?;
    Ok(Ok(parted.finish()?))
}

/// Takes the items `held`, which ascend, out of `values`, which has `width` values an item. What
/// stays is moved together where it lies, since there may be no room for a second copy.
fn items<T: Copy>(
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
    use std::io::Write;

    use super::*;
    use crate::data::{Factors, Mapped};

    #[test]
    fn labels_and_factors_stay_with_their_images() {
        let all: Vec<u8> = (0..100).collect();
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch {
            memory: 0,
            folder: folder.path().to_owned(),
        };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&all).unwrap();
        let mapped = Mapped::<u8>::new(&file, 0, 100).unwrap();
        for pixels in [all.into(), Buffer::from(mapped)] {
            let train = Split {
                images: Images {
                    channels: 1,
                    count: 100,
                    height: 1,
                    width: 1,
                    pixels: pixels.into(),
                },
                labels: Some((0..100).map(|number| number / 7).collect()),
                factors: Some(Factors {
                    names: vec!["number".into(), "half".into()],
                    sizes: vec![100, 2],
                    values: (0..100).flat_map(|number| [number, number / 50]).collect(),
                }),
            };
            let (train, test) = part(train, &[6, 18, 94], Path::new("images"), &scratch).unwrap();
            assert!(test.images.pixels == vec![6_u8, 18, 94].into());
            for split in [train, test] {
                let numbers = split.images.pixels.as_bytes().unwrap();
                assert_eq!(numbers.len(), split.images.count);
                let labels: Vec<_> = numbers.iter().map(|number| number / 7).collect();
                assert_eq!(split.labels.unwrap(), labels);
                let rows = numbers.iter();
                let rows = rows.flat_map(|&number| [number.into(), u32::from(number / 50)]);
                assert!(split.factors.unwrap().values.into_iter().eq(rows));
            }
        }
    }

    #[test]
    fn items_are_parted_and_both_parts_keep_their_order() {
        let all: Vec<u8> = (0..18).collect();
        for held in [&[0][..], &[5], &[0, 1, 5], &[2, 4], &[]] {
            let mut kept = all.clone();
            let parted = items(&mut kept, held, 3).unwrap();
            let items = |is_held: bool| -> Vec<u8> {
                let item = |value: &u8| held.contains(&usize::from(value / 3)) == is_held;
                all.iter().copied().filter(item).collect()
            };
            assert_eq!((parted, kept), (items(true), items(false)), "{held:?}");
        }
    }
}
