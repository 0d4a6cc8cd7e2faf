//! Buffers of 32-bit words, and reading them back.

use std::sync::mpsc;

use super::{Gpu, GpuError};

/// Bytes of four words: every buffer is a multiple of them.
const VECTOR_BYTES: u64 = 16;

/// A range of a buffer, counted in 32-bit words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    buffer: wgpu::Buffer,
    offset: u64,
    len: u64,
}

impl Slice {
    /// All of a buffer.
    pub(crate) fn whole(buffer: wgpu::Buffer) -> Self {
        let len = buffer.size() / 4;
        Self {
            buffer,
            offset: 0,
            len,
        }
    }

    /// `len` words from word `offset` of this slice.
    ///
    /// A kernel can be given it where the offset is a multiple of [`Slice::ALIGNMENT`].
    pub fn part(&self, offset: usize, len: usize) -> Self {
        debug_assert!(
            (offset + len) as u64 <= self.len,
            "part of a slice beyond its end"
        );
        Self {
            buffer: self.buffer.clone(),
            offset: self.offset + offset as u64,
            len: len as u64,
        }
    }

    /// Words between places where a kernel's view may start: WebGPU's default of 256 bytes.
    pub const ALIGNMENT: usize = 64;

    /// How many words it holds.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buffer that this is a part of: wgpu orders what uses it as a whole.
    pub(crate) fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    /// Whole vectors of four words, as some kernels read them: buffers and parts end with one.
    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        let bytes = (4 * self.len).next_multiple_of(VECTOR_BYTES);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: 4 * self.offset,
            size: wgpu::BufferSize::new(bytes.min(self.buffer.size() - 4 * self.offset)),
        })
    }

    /// Records a copy of the words into another slice of the same length.
    pub fn copy_to(&self, encoder: &mut wgpu::CommandEncoder, target: &Self) {
        encoder.copy_buffer_to_buffer(
            &self.buffer,
            4 * self.offset,
            &target.buffer,
            4 * target.offset,
            4 * self.len,
        );
    }
}

impl Gpu {
    /// A buffer of `len` words (at least one), zeroed by the driver.
    ///
    /// # Errors
    /// Where it is larger than the device allows, or memory has run out; `what` names it.
    pub fn allocate(&self, what: &str, len: usize) -> Result<Slice, GpuError> {
        let bytes = (4 * len.max(1) as u64).next_multiple_of(VECTOR_BYTES);
        let limit = self.largest_binding();
        if bytes > limit {
            return Err(GpuError::TooLarge {
                what: what.to_owned(),
                bytes,
                limit,
                adapter: self.summary.name.clone(),
                remedy: "use a smaller batch, smaller layers or fewer images".to_owned(),
            });
        }
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(what, bytes, usage)?;
        Ok(Slice::whole(buffer).part(0, len.max(1)))
    }

    /// How many of so many bytes the device has room for now: all of them, or the half, the quarter and so on, as a
    /// trial says. On a software adapter, whose driver promises memory that the host does not have, the trial says
    /// nothing.
    pub fn room(&self, wanted: u64) -> u64 {
        let mut room = wanted;
        while room > 0 && !self.has_room(room) {
            room /= 2;
        }
        // What the trial took is given back once the device looks after it.
        let _ = self.poll();
        room
    }

    fn has_room(&self, bytes: u64) -> bool {
        let largest = self.largest_binding() / VECTOR_BYTES * VECTOR_BYTES;
        let pieces = bytes.div_ceil(largest.max(VECTOR_BYTES));
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let piece = bytes.div_ceil(pieces.max(1));
        let piece = piece.next_multiple_of(VECTOR_BYTES);
        let buffers = (0..pieces).map(|_| self.buffer("a trial", piece, usage));
        buffers.collect::<Result<Vec<_>, _>>().is_ok()
    }

    /// A buffer that holds `words`.
    ///
    /// # Errors
    /// As [`Gpu::allocate`].
    pub fn upload<T: bytemuck::Pod>(&self, what: &str, words: &[T]) -> Result<Slice, GpuError> {
        let slice = self.allocate(what, size_of_val(words).div_ceil(4))?;
        self.write(&slice, words);
        Ok(slice)
    }

    /// Writes to the start of a slice, before what is submitted next.
    pub fn write<T: bytemuck::Pod>(&self, slice: &Slice, words: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(words);
        debug_assert!(
            bytes.len() <= 4 * slice.len(),
            "write beyond the end of a slice"
        );
        if !bytes.is_empty() {
            self.queue
                .write_buffer(&slice.buffer, 4 * slice.offset, bytes);
        }
    }

    /// Waits for all work before and reads slices, one after the other.
    ///
    /// # Errors
    /// Where the device fails or has no memory left.
    pub fn read<T: bytemuck::Pod>(&self, slices: &[&Slice]) -> Result<Vec<Vec<T>>, GpuError> {
        let total = slices.iter().map(|s| s.len()).sum();
        let mut readback = Readback::new(self, total)?;
        let mut encoder = self.encoder();
        readback.record(&mut encoder, slices);
        let submission = self.submit(encoder);
        readback.map();
        let words = readback.wait(self, &submission)?;
        let mut rest = words.as_slice();
        let mut out = Vec::with_capacity(slices.len());
        for slice in slices {
            let (head, tail) = rest.split_at(slice.len());
            out.push(head.to_vec());
            rest = tail;
        }
        Ok(out)
    }

    pub(super) fn buffer(
        &self,
        what: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, GpuError> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(what),
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        match pollster::block_on(scope.pop()) {
            Some(_) => Err(GpuError::OutOfMemory {
                what: what.to_owned(),
                bytes,
                adapter: self.summary.name.clone(),
            }),
            None => Ok(buffer),
        }
    }
}

/// Memory that the GPU copies into and the host maps: record, submit, map, and take when it is
/// there.
#[derive(Debug)]
pub struct Readback {
    buffer: wgpu::Buffer,
    words: usize,
    mapped: Option<mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>>,
}

impl Readback {
    /// Room for `len` words.
    ///
    /// # Errors
    /// Where memory has run out.
    pub fn new(gpu: &Gpu, len: usize) -> Result<Self, GpuError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu.buffer("read-back", 4 * len.max(1) as u64, usage)?;
        Ok(Self {
            buffer,
            words: 0,
            mapped: None,
        })
    }

    /// Records copies of slices, one after the other.
    pub fn record(&mut self, encoder: &mut wgpu::CommandEncoder, slices: &[&Slice]) {
        self.words = 0;
        for slice in slices {
            if !slice.is_empty() {
                let target = Slice {
                    buffer: self.buffer.clone(),
                    offset: self.words as u64,
                    len: slice.len,
                };
                slice.copy_to(encoder, &target);
                self.words += slice.len();
            }
        }
    }

    /// Asks for the copies, once they are submitted.
    pub fn map(&mut self) {
        let (send, receive) = mpsc::channel();
        let range = self.buffer.slice(..4 * self.words.max(1) as u64);
        range.map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more where the read-back was dropped.
            let _ = send.send(result);
        });
        self.mapped = Some(receive);
    }

    /// Waits for the words of a copy that left with `submission` and was asked for.
    ///
    /// # Errors
    /// Where the device failed, or the driver could not map them.
    pub fn wait<T: bytemuck::Pod>(
        &mut self,
        gpu: &Gpu,
        submission: &wgpu::SubmissionIndex,
    ) -> Result<Vec<T>, GpuError> {
        gpu.wait(Some(submission.clone()))?;
        loop {
            if let Some(words) = self.take(gpu)? {
                return Ok(words);
            }
            // Another thread that polls may have taken this map's callback and be about to call it.
            std::thread::yield_now();
            gpu.poll()?;
        }
    }

    /// The words, if they have arrived.
    ///
    /// # Errors
    /// Where the driver could not map them.
    pub fn take<T: bytemuck::Pod>(&mut self, gpu: &Gpu) -> Result<Option<Vec<T>>, GpuError> {
        let Some(receiver) = &self.mapped else {
            return Ok(None);
        };
        match receiver.try_recv() {
            Err(mpsc::TryRecvError::Empty) => return Ok(None),
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                gpu.check()?;
                return Err(GpuError::Driver {
                    reason: error.to_string(),
                });
            }
            Err(mpsc::TryRecvError::Disconnected) => {
                gpu.check()?;
                return Err(GpuError::Driver {
                    reason: "a read-back was dropped".to_owned(),
                });
            }
        }
        self.mapped = None;
        let range = self.buffer.slice(..4 * self.words.max(1) as u64);
        let view = range.get_mapped_range().map_err(|error| GpuError::Driver {
            reason: error.to_string(),
        })?;
        let mut words = bytemuck::pod_collect_to_vec::<u8, T>(&view);
        words.truncate(self.words * 4 / size_of::<T>());
        drop(view);
        self.buffer.unmap();
        Ok(Some(words))
    }
}
