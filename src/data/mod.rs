//! Image data sets: where they come from and how they are read.
//!
//! A [`Source`] says which data set, [`LoadOptions`] where the named ones live and how files are
//! read, and [`load`] turns both into a [`Dataset`] of images, whose [`Pixels`] are grey bytes or
//! numbers. Nothing here knows what the images are used for.
//!
//! ```
//! use vae_wgpu::data::{LoadOptions, Source, load};
//!
//! let digits = load(&Source::Digits, &LoadOptions::default(), &mut |_| {})?;
//! assert_eq!((digits.train.images.height, digits.train.images.width), (28, 28));
//! # Ok::<(), vae_wgpu::data::DataError>(())
//! ```

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

pub mod arrays;
mod buffer;
mod digest;
pub mod digits;
mod download;
mod error;
mod examples;
mod factors;
mod folder;
mod hold_out;
pub mod idx;
mod labels;
mod mirror;
mod named;
mod names;
mod oddities;
mod path;
pub mod pictures;
mod pixels;
pub mod shapes;
mod size;
pub mod table;

pub use arrays::ArrayError;
pub use buffer::{Buffer, Mapped, Number};
use buffer::{Collector, Scratch};
pub use error::DataError;
pub use examples::{Block, Examples, InMemory, Part, Stream, examples};
pub use factors::Factors;
pub use hold_out::HoldOut;
pub use labels::{Labels, LabelsError};
pub use mirror::Mirror;
pub use pixels::Pixels;
pub use size::ImageSize;

use crate::machine;
use pictures::PictureOptions;
use pixels::{PIECE, either};
use table::{Schema, TableOptions};

/// Images of one height, width and number of channels; or rows of a table, which are images of the height 1.
#[derive(Clone, PartialEq)]
pub struct Images {
    /// Number of images.
    pub count: usize,
    /// Rows of one image, in pixels.
    pub height: usize,
    /// Columns of one image, in pixels.
    pub width: usize,
    /// Values of one pixel: 1 where it is grey or a number, 3 for red, green and blue.
    pub channels: usize,
    /// All values, row-major `[count, height, width, channels]`.
    pub pixels: Pixels,
}

impl Images {
    /// Values of one image: `height * width * channels`.
    pub fn dim(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// How large one image is.
    pub fn size(&self) -> ImageSize {
        ImageSize {
            height: self.height,
            width: self.width,
            channels: self.channels,
        }
    }

    /// The mean of each value of an image over the images; bytes count as 0 to 1:
    /// `[height * width * channels]`.
    pub fn means(&self) -> Vec<f64> {
        self.pixels.means(self.dim())
    }

    /// A copy of the first `count` images, or of all where there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.count);
        Self {
            count,
            height: self.height,
            width: self.width,
            channels: self.channels,
            pixels: self.pixels.first(count * self.dim()),
        }
    }

    /// A copy of the images of these numbers, in their order.
    ///
    /// # Panics
    /// Where there are fewer images.
    #[must_use]
    pub fn chosen(&self, numbers: &[usize]) -> Self {
        let dim = self.dim();
        let pixels = either!(&self.pixels, values => {
            let images = numbers.iter().flat_map(|&number| &values[number * dim..][..dim]);
            images.copied().collect::<Vec<_>>().into()
        });
        Self {
            count: numbers.len(),
            pixels,
            ..*self
        }
    }

    /// Exchanges rows and columns of every image, in memory: `[height, width]` becomes
    /// `[width, height]`.
    pub fn transpose(&mut self) {
        let size = [self.height, self.width];
        let channels = self.channels;
        either!(&mut self.pixels, values => transpose(values.to_mut(), size, channels));
        (self.height, self.width) = (self.width, self.height);
    }
}

/// The images with rows and columns exchanged; those that lie in a file go to another one.
fn transposed(mut images: Images, scratch: &Scratch) -> Result<Images, DataError> {
    let Images {
        height,
        width,
        channels,
        ..
    } = images;
    if !images.pixels.is_mapped() {
        images.transpose();
        return Ok(images);
    }
    let dim = images.dim();
    let pixels = either!(&images.pixels, values => {
        let mut collector = Collector::new(scratch, values.len());
        for piece in values.pieces((PIECE / dim.max(1)).max(1) * dim) {
            let mut piece = piece.to_vec();
            transpose(&mut piece, [height, width], channels);
            collector.extend(&piece)?;
        }
        collector.finish()?.into()
    });
    Ok(Images {
        height: width,
        width: height,
        pixels,
        ..images
    })
}

/// Exchanges rows and columns of every image of this height and width.
fn transpose<T: Copy + Default>(values: &mut [T], [height, width]: [usize; 2], channels: usize) {
    let dim = height * width * channels;
    let mut image = vec![T::default(); dim];
    for values in values.chunks_exact_mut(dim.max(1)) {
        image.copy_from_slice(values);
        for (index, pixel) in values.chunks_exact_mut(channels).enumerate() {
            let (row, column) = (index / height, index % height);
            pixel.copy_from_slice(&image[(column * width + row) * channels..][..channels]);
        }
    }
}

// Millions of pixels in a failed assertion or a log line help nobody.
impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images")
            .field("count", &self.count)
            .field("height", &self.height)
            .field("width", &self.width)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

/// Images, with their labels and factors when these are known.
#[derive(Clone, PartialEq)]
pub struct Split {
    /// The images.
    pub images: Images,
    /// One class number per image: `[count]`.
    pub labels: Option<Vec<u8>>,
    /// What the images were made from: `[count, factors]`.
    pub factors: Option<Factors>,
}

impl Split {
    /// A copy of the first `count` images with their labels and factors, or of all where there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let labels = self.labels.as_deref();
        Self {
            images: self.images.first(count),
            labels: labels.map(|labels| labels[..count.min(labels.len())].to_vec()),
            factors: self.factors.as_ref().map(|factors| factors.first(count)),
        }
    }

    /// One more than the largest label: how many classes there are. 0 without labels.
    pub fn classes(&self) -> usize {
        let labels = self.labels.as_deref().unwrap_or_default();
        labels
            .iter()
            .max()
            .map_or(0, |&label| usize::from(label) + 1)
    }
}

// As with pixels: a label per image is too much to read.
impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split")
            .field("images", &self.images)
            .field("labels", &self.labels.as_ref().map(Vec::len))
            .field("factors", &self.factors)
            .finish()
    }
}

/// A data set: images to train on and images to measure with, both of the same height and width.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What to call it: the name of the set, or of the folder that it was read from.
    pub name: String,
    /// What to train on.
    pub train: Split,
    /// What to measure with; never empty.
    pub test: Split,
    /// What the user should be told about the set, such as that test images were held out: a
    /// sentence each.
    pub notes: Vec<String>,
    /// Whether the test images are training images that the seed has drawn, since there were none.
    pub held_out: bool,
    /// The words for the classes of the labels, as folders or a column of a table name them: that of class n is
    /// the n-th. None where the data number them.
    pub classes: Vec<String>,
    /// What the columns of the rows mean, where they are those of a table.
    pub table: Option<Arc<Schema>>,
}

impl<'a> From<&'a Dataset> for Cow<'a, Dataset> {
    fn from(data: &'a Dataset) -> Self {
        Self::Borrowed(data)
    }
}

impl From<Dataset> for Cow<'_, Dataset> {
    fn from(data: Dataset) -> Self {
        Self::Owned(data)
    }
}

/// Which data set.
///
/// Parsing never fails: a string that is not one of [`Source::NAMES`] is the path of a folder
/// or a file, which [`load`] then looks for. `Display` writes what parses back to the same source, unless it is
/// a path that is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Handwritten-looking digits that the program draws itself ([`digits`]): needs no file and no
    /// network.
    Digits,
    /// Squares, ellipses and hearts that the program draws itself, of known factors ([`shapes`]): needs no
    /// file and no network either.
    Shapes,
    /// MNIST: 60,000 + 10,000 handwritten digits.
    Mnist,
    /// Fashion-MNIST: 60,000 + 10,000 pieces of clothing.
    FashionMnist,
    /// Kuzushiji-MNIST: 60,000 + 10,000 cursive Japanese characters.
    Kmnist,
    /// What lies at a path: a folder with files in IDX format, named as MNIST's are, or as Kaggle, EMNIST, QMNIST or
    /// torchvision name theirs; one such file; a file of arrays, by its contents or its ending ([`arrays`]); a folder or
    /// an archive of [`pictures`].
    Path(PathBuf),
}

impl Source {
    /// The names that are not paths.
    pub const NAMES: [&'static str; 5] = ["digits", "shapes", "mnist", "fashion-mnist", "kmnist"];

    /// Whether rows and columns of its images can be exchanged: a matrix that is a table exchanges its own.
    fn has_images(&self) -> bool {
        !matches!(self, Self::Path(path) if table::is_table(path))
    }

    /// Whether the program makes the data itself, so that they lie nowhere.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::Digits | Self::Shapes)
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "digits" => Self::Digits,
            "shapes" => Self::Shapes,
            "mnist" => Self::Mnist,
            "fashion-mnist" => Self::FashionMnist,
            "kmnist" => Self::Kmnist,
            path => Self::Path(PathBuf::from(path)),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits => f.write_str("digits"),
            Self::Shapes => f.write_str("shapes"),
            Self::Mnist => f.write_str("mnist"),
            Self::FashionMnist => f.write_str("fashion-mnist"),
            Self::Kmnist => f.write_str("kmnist"),
            Self::Path(path) => {
                let text = path.display().to_string();
                // A folder that happens to be called `mnist` must not read back as the set of that
                // name.
                if Self::NAMES.contains(&text.as_str()) {
                    f.write_str("./")?;
                }
                f.write_str(&text)
            }
        }
    }
}

/// Where the named sets live on this machine, whether they may be fetched, and how files are read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadOptions {
    /// A folder with one folder per set, `DATA_DIR/mnist/train-images-idx3-ubyte.gz`; or the folder
    /// that has the files of the wanted set itself. Downloads go to the first form.
    pub data_dir: PathBuf,
    /// Whether to download files that are not there.
    pub download: bool,
    /// A folder that has the four `.gz` files of the wanted set, instead of the set's own server.
    pub mirror: Option<Mirror>,
    /// Whether images are stored column by column, as EMNIST's are, so that rows and columns are
    /// exchanged.
    pub transpose: bool,
    /// How picture files become images.
    pub pictures: PictureOptions,
    /// Draws the images that are held out for testing where there are no test images.
    pub seed: u64,
    /// How many are held out; `None` is a tenth. Where there are test images, to ask for some is an error.
    pub hold_out: Option<HoldOut>,
    /// Whether each class is held out in its proportion, where there are labels. Version 0.1.0 drew of all
    /// images as one.
    pub by_class: bool,
    /// Which array of a file with several has what to train on, where its name does not say so.
    pub array: Option<String>,
    /// How a table is read, where the data are one.
    pub table: TableOptions,
    /// The most bytes that the images of a split take in memory. More of them stay in their file, where that has
    /// them as they are seen (bytes, or f32 of this machine, not compressed), or go to one in `data_dir`, which has no name there and
    /// is gone when nobody reads it any more. `None` is half of the machine's memory.
    pub memory: Option<u64>,
}

impl LoadOptions {
    /// What is done with images that are too many for memory.
    fn scratch(&self) -> Scratch {
        let half = || machine::memory().map_or(u64::MAX, |bytes| bytes / 2);
        Scratch {
            memory: self.memory.unwrap_or_else(half),
            folder: self.data_dir.clone(),
        }
    }
}

impl Default for LoadOptions {
    /// The cache folder of the platform (`~/.cache/vae-wgpu` on Linux), no download, seed 0, a tenth held out by
    /// class.
    fn default() -> Self {
        // Without a home there is no cache folder: a folder that the user can see is better than a
        // temporary one.
        let data_dir = dirs::cache_dir().map_or_else(
            || PathBuf::from("vae-wgpu-data"),
            |dir| dir.join("vae-wgpu"),
        );
        Self {
            data_dir,
            download: false,
            mirror: None,
            transpose: false,
            pictures: PictureOptions::default(),
            seed: 0,
            hold_out: None,
            by_class: true,
            array: None,
            table: TableOptions::default(),
            memory: None,
        }
    }
}

/// How far a download or the reading of pictures has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file that is downloaded, or path of the folder or archive whose pictures are read.
    pub file: &'a str,
    /// How much is done; of a download, what an earlier, interrupted attempt has left is included.
    pub done: u64,
    /// How much there is, if the server said.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

/// What [`Progress`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a download.
    Bytes,
    /// Pictures that were decoded.
    Pictures,
}

/// Loads a data set; `progress` hears of downloads and of pictures.
///
/// # Errors
///
/// [`DataError`] if a file is missing, cannot be read, is not what its header says, or cannot be
/// downloaded; the message names the file, what was wrong where, and what to do.
pub fn load(
    source: &Source,
    options: &LoadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Dataset, DataError> {
    let mut data = match source {
        Source::Digits => digits::dataset(),
        Source::Shapes => shapes::dataset(),
        Source::Mnist => named::MNIST.load(options, progress)?,
        Source::FashionMnist => named::FASHION_MNIST.load(options, progress)?,
        Source::Kmnist => named::KMNIST.load(options, progress)?,
        Source::Path(path) => path::load(path, options, progress)?,
    };
    if let Some(asked) = options.hold_out.filter(|_| !data.held_out) {
        return Err(DataError::HoldOutBesideTest {
            name: data.name,
            asked,
            test: data.test.images.count,
        });
    }
    if source.is_built_in() && Path::new(&data.name).is_dir() {
        data.notes.push(named::passed_over(&data.name));
    }
    if options.transpose && source.has_images() {
        let scratch = options.scratch();
        data.train.images = transposed(data.train.images, &scratch)?;
        data.test.images = transposed(data.test.images, &scratch)?;
    }
    data.notes.extend(oddities::note(&data.train.images));
    let files =
        data.train.images.pixels.bytes_in_files() + data.test.images.pixels.bytes_in_files();
    if files > 0 {
        data.notes.push(format!(
            "{} of images are more than memory should hold, and are read from the disk as they are needed",
            machine::size(files)
        ));
    }
    Ok(data)
}
