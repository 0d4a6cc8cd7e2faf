//! All examples of an array, which may be more than memory holds.

use super::{ArrayError, Reader};
use crate::data::{Buffer, Collector, DataError, Images, Mapped, Number, Pixels, Scratch};

/// About the values that are read at a time on their way to a file.
const PIECE: usize = 1 << 20;

impl Reader {
    /// All examples. Those that are too many for memory stay in the file, where it has them as they are seen, and else
    /// go to another one.
    pub(in crate::data::arrays) fn all(mut self, scratch: &Scratch) -> Result<Images, DataError> {
        let of_value = if self.is_of_bytes() { 1 } else { 4 };
        let bytes = (self.count * self.dim()) as u64 * of_value;
        if bytes <= scratch.memory {
            return Ok(self.next(self.count)?);
        }
        let pixels = match self.stored()? {
            Some(pixels) => pixels,
            None if self.is_of_bytes() => self.collected(scratch, |pixels| match pixels {
                Pixels::Bytes(bytes) => bytes,
                Pixels::Floats(_) => unreachable!("an array has numbers of one kind"),
            })?,
            None => self.collected(scratch, |pixels| match pixels {
                Pixels::Floats(floats) => floats,
                Pixels::Bytes(_) => unreachable!("an array has numbers of one kind"),
            })?,
        };
        let [height, width, channels] = self.size;
        Ok(Images {
            count: self.count,
            height,
            width,
            channels,
            pixels,
        })
    }

    /// The values where they lie, if the file has them as they are seen.
    fn stored(&self) -> Result<Option<Pixels>, ArrayError> {
        if self.is_of_bytes() {
            return Ok(self.mapped::<u8>()?.map(Pixels::from));
        }
        let Some(floats) = self.mapped::<f32>()? else {
            return Ok(None);
        };
        match floats.position(|float| !float.is_finite()) {
            None => Ok(Some(floats.into())),
            Some(index) => Err(ArrayError::Value {
                path: self.place.path.clone(),
                array: self.name.clone(),
                value: self.element.text(&floats[index].to_ne_bytes()),
                place: self.place_of(index),
            }),
        }
    }

    /// The same, as numbers of this type.
    fn mapped<T: Number>(&self) -> Result<Option<Buffer<T>>, ArrayError> {
        let size = size_of::<T>() as u64;
        let at = self.stored_at.filter(|at| at.is_multiple_of(size));
        let Some(at) = at.filter(|_| self.element.is_in_memory_as_it_is()) else {
            return Ok(None);
        };
        let Some(file) = self.place.open_file()? else {
            return Ok(None);
        };
        let mapped = Mapped::new(&file, at, self.count * self.dim());
        let mapped = mapped.map_err(|cause| self.place.refused(cause))?;
        Ok(Some(mapped.into()))
    }

    /// The values by way of `of`, which takes those of a block out of its pixels.
    fn collected<T: Number>(
        &mut self,
        scratch: &Scratch,
        of: impl Fn(Pixels) -> Buffer<T>,
    ) -> Result<Pixels, DataError>
    where
        Pixels: From<Buffer<T>>,
    {
        let most = (PIECE / self.dim().max(1)).max(1);
        let mut collector = Collector::new(scratch, self.count * self.dim());
        loop {
            let block = self.next(most)?;
            if block.count == 0 {
                return Ok(collector.finish()?.into());
            }
            collector.extend(&of(block.pixels))?;
        }
    }
}
