//! The data set of a pass, on the GPU: in one buffer, or in as few as its bindings' size allows.

use super::staging::{self, Staging};
use crate::executor::{Rows, Values};
use crate::gpu::{Gpu, GpuError, Slice};
use crate::graph::Graph;
use crate::kernels::gather::{self, Form};

/// Images, and the order in which an epoch sees them.
#[derive(Clone, Debug)]
pub(super) struct Dataset {
    pub(super) images: Vec<Images>,
    /// What they are.
    pub(super) form: Form,
    /// A byte for each image, where there are labels.
    pub(super) labels: Option<Slice>,
    /// The epoch's order.
    pub(super) order: Slice,
    /// Values of an image.
    dim: usize,
    /// For programs, where the images take several buffers.
    staging: Option<Staging>,
}

/// Images that follow one another in one buffer.
#[derive(Clone, Debug)]
pub(super) struct Images {
    /// The number of the first.
    pub(super) first: usize,
    /// They themselves, as the data set's [`Form`] lays them out.
    pub(super) values: Slice,
}

/// About the bytes that are uploaded at a time.
const PIECE: usize = 1 << 22;

impl Dataset {
    /// Uploads the images; the order is all zeros.
    ///
    /// They go in pieces, the last first, and each piece of owned images is then given back: what the
    /// host still has and what the GPU already has are one data set, on software adapters too, whose
    /// memory is the host's.
    pub(super) fn new(gpu: &Gpu, data: Rows<'_>) -> Result<Self, GpuError> {
        let (dim, count) = (data.dim, data.count());
        let form = match &data.pixels {
            Values::Bytes(_) => Form::Bytes,
            Values::Floats(_) => Form::Floats,
        };
        let mut upload = Upload::new(gpu, form, data.pixels, [count, dim])?;
        let fitting = (gpu.largest_binding() as usize / (4 * upload.words)).max(1);
        let mut images = Vec::new();
        // Of an empty data set, an empty buffer.
        for first in (0..count.max(1)).step_by(fitting).rev() {
            let rows = count.min(first + fitting) - first;
            let values = gpu.allocate("the images", rows * upload.words)?;
            let of_buffer = Images { first, values };
            upload.last(&of_buffer)?;
            images.push(of_buffer);
        }
        images.reverse();
        let labels = data
            .labels
            .map(|labels| gpu.upload("the labels", &packed_labels(labels.into_owned())));
        Ok(Self {
            images,
            form,
            labels: labels.transpose()?,
            order: gpu.allocate("the order of images", count)?,
            dim,
            staging: None,
        })
    }

    /// Uploads other images to where these are, at most as many; the order stays.
    pub(super) fn load(&self, gpu: &Gpu, data: Rows<'_>) -> Result<(), GpuError> {
        let shape = [data.count(), self.dim];
        let mut upload = Upload::new(gpu, self.form, data.pixels, shape)?;
        for images in self.images.iter().rev() {
            upload.last(images)?;
        }
        if let (Some(slice), Some(labels)) = (&self.labels, data.labels) {
            gpu.write(slice, &packed_labels(labels.into_owned()));
        }
        Ok(())
    }

    /// Says why a graph's program could not read its batches, if that is so: of images it reads bytes in
    /// one buffer, and labels only by the order of the whole data set, which staged images are not in.
    pub(super) fn check_programs(&self, gpu: &Gpu, graph: &Graph) -> Result<(), String> {
        let reason = match self.images.len() {
            _ if self.form == Form::Floats => "its images are f32, and the kernels read bytes",
            1 if graph.reads_labels() && self.labels.is_none() => {
                "the graph reads labels, and the data set has none"
            }
            1 => return Ok(()),
            _ if !staging::is_possible(gpu, graph.batch(), self.dim) => {
                "the images of a batch take several buffers, and the kernels read one"
            }
            _ if graph.reads_labels() => {
                "it reads labels, and its images take several buffers, whose order the kernels do not see"
            }
            _ => return Ok(()),
        };
        Err(reason.to_owned())
    }

    /// Makes ready what programs read, for steps of `batch` rows at the most.
    ///
    /// # Panics
    /// Where the images of a batch do not fit: see [`Dataset::check_programs`].
    pub(super) fn prepare(
        &mut self,
        gpu: &Gpu,
        state: &Slice,
        batch: usize,
    ) -> Result<(), GpuError> {
        if self.images.len() > 1 && self.staging.is_none() {
            let (images, order) = (&self.images, &self.order);
            let shape = [batch, self.dim];
            self.staging = Some(Staging::new(gpu, images, order, state, shape)?);
        }
        Ok(())
    }

    /// What copies images before the steps of a submission, if they take several buffers and a program
    /// reads them.
    pub(super) fn staging(&self) -> Option<&Staging> {
        self.staging.as_ref()
    }

    /// Images and their order, as programs read them.
    pub(super) fn of_programs(&self) -> [&Slice; 2] {
        match &self.staging {
            Some(staging) => [&staging.images, &staging.order],
            None => [&self.images[0].values, &self.order],
        }
    }
}

/// Images on their way to the GPU.
struct Upload<'a> {
    gpu: &'a Gpu,
    values: Values<'a>,
    /// Images that are still to go, and values of an image.
    shape: [usize; 2],
    /// Words of an image.
    words: usize,
    /// Images that go at a time.
    piece: usize,
    /// Bytes as kernels read them.
    packed: Vec<u8>,
}

impl<'a> Upload<'a> {
    fn new(
        gpu: &'a Gpu,
        form: Form,
        values: Values<'a>,
        [count, dim]: [usize; 2],
    ) -> Result<Self, GpuError> {
        let words = form.words_per_row(dim).max(1);
        let piece = (PIECE / (4 * words)).clamp(1, count.max(1));
        let mut packed = Vec::new();
        if form == Form::Bytes {
            let bytes = piece * 4 * words;
            let room = packed.try_reserve_exact(bytes);
            room.map_err(|_| GpuError::OutOfMemory {
                what: "the images on their way".to_owned(),
                bytes: bytes as u64,
                adapter: gpu.adapter().name.clone(),
            })?;
        }
        Ok(Self {
            gpu,
            values,
            shape: [count, dim],
            words,
            piece,
            packed,
        })
    }

    /// Those from the first of `images` on, if there are any.
    fn last(&mut self, images: &Images) -> Result<(), GpuError> {
        let [count, dim] = self.shape;
        let first = images.first.min(count);
        for start in (first..count).step_by(self.piece).rev() {
            let rows = start..count.min(start + self.piece);
            let to = (start - first) * self.words;
            let to = images.values.part(to, rows.len() * self.words);
            match self.values.part(rows.start * dim..rows.end * dim) {
                Values::Bytes(bytes) => {
                    self.packed.clear();
                    gather::pack_into(&mut self.packed, &bytes, dim);
                    self.gpu.write(&to, &self.packed);
                }
                Values::Floats(floats) => self.gpu.write(&to, &floats),
            }
            // Else the driver's copies of all pieces would wait for the next submission.
            let submission = self.gpu.submit(self.gpu.encoder());
            self.gpu.wait(Some(submission))?;
            self.values.give_back_from(start * dim);
        }
        self.shape[0] = first;
        Ok(())
    }
}

/// Labels in whole words.
fn packed_labels(mut labels: Vec<u8>) -> Vec<u8> {
    labels.resize(labels.len().next_multiple_of(4), 0);
    labels
}
