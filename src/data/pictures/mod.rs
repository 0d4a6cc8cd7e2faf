//! Pictures as images of one size: PNG, JPEG, WebP and TIFF files in a folder, or in a zip or tar archive.
//!
//! Files lie side by side, or in a folder for each label, or either of these in the folders `train` and `test`. Images
//! are bytes, grey where the files of all pictures are and else red, green and blue. Pictures of 16 bits are seen as
//! of 8, those that are not opaque over white, and those that a camera has turned upright; colour profiles are not
//! applied. Hidden files and files with other endings are passed over.
//!
//! ```no_run
//! use std::path::Path;
//! use vae_wgpu::data::LoadOptions;
//! use vae_wgpu::data::pictures::{PictureOptions, Pictures};
//!
//! let options = LoadOptions {
//!     pictures: PictureOptions {
//!         size: Some("32x32".parse()?),
//!         ..PictureOptions::default()
//!     },
//!     ..LoadOptions::default()
//! };
//! let faces = Pictures::open(Path::new("faces.zip"))?.load(&options, &mut |_| {})?;
//! println!("{} images of {}", faces.train.images.count, faces.train.images.size());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod collect;
mod decode;
mod flaw;
mod jpeg;
mod layout;
mod options;
mod raster;
mod store;
mod stream;
mod tiff;
mod webp;

use std::fmt;
use std::io::{Read, Seek};
use std::path::Path;

pub use flaw::Flaw;
pub use options::{Colours, DECODE_LIMIT, Fit, PictureOptions, PictureSize};
pub use stream::PictureExamples;

use super::{DataError, Dataset, Images, LoadOptions, Progress, Split, hold_out};
use collect::Collected;
use layout::Layout;
use store::Store;

/// Picture files that were found and not yet read.
pub struct Pictures {
    store: Store,
}

impl Pictures {
    /// Finds the pictures in a folder and in the folders below it, or in an archive: zip, tar, or tar compressed with
    /// gzip. The path of a picture is one of a single picture.
    ///
    /// # Errors
    /// [`DataError::Read`] where the folder or the archive cannot be read, [`DataError::Archive`] and
    /// [`DataError::Gzip`] where the archive is damaged or inflates beyond all reason.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let store = match path.is_dir() {
            true => Store::of_folder(path)?,
            false => Store::of_file(path)?,
        };
        Ok(Self { store })
    }

    /// Finds the pictures in the bytes of an archive; errors call it `path`.
    ///
    /// # Errors
    /// As [`Pictures::open`].
    pub fn in_archive(
        bytes: impl Read + Seek + Send + 'static,
        path: &Path,
    ) -> Result<Self, DataError> {
        let store = Store::of_archive(Box::new(bytes), path)?;
        Ok(Self { store })
    }

    /// Whether bytes are the beginning of what [`Pictures::open`] opens, but for what gzip has compressed.
    pub(super) fn begin_with(start: &[u8]) -> bool {
        archive::kind_of(start).is_some_and(|kind| kind != archive::Kind::Gzip)
            || decode::kind(start).is_ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.store.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them as a data set: without a folder `test`, a part is held out. `progress` hears of pictures that were
    /// read.
    ///
    /// # Errors
    /// [`DataError::NoPictures`], [`DataError::MixedLayout`], [`DataError::TooManyClasses`], [`DataError::Picture`]
    /// for the first that is broken, [`DataError::MixedSizes`], [`DataError::Memory`], and those of holding out.
    pub fn load(
        &self,
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Dataset, DataError> {
        self.check_there()?;
        let layout = Layout::of(&self.store)?;
        let mut notes = self.notes(&layout);
        let test = layout.test.as_deref().unwrap_or_default();
        let parts = [&layout.train[..], test];
        let Collected {
            size,
            counts: [train, test],
            mut pixels,
            labels: [of_train, of_test],
            broken,
        } = collect::collect(&self.store, parts, &options.pictures, progress)?;
        notes.extend(broken.note());
        let of_test_pixels = pixels.split_off(train * size.dim());
        let split = |count, pixels: Vec<u8>, labels| Split {
            images: Images {
                count,
                height: size.height,
                width: size.width,
                channels: size.channels,
                pixels: pixels.into(),
            },
            labels,
            factors: None,
        };
        let mut data = Dataset {
            name: self.name(),
            train: split(train, pixels, of_train),
            test: split(test, of_test_pixels, of_test),
            notes,
            held_out: false,
            classes: layout.classes,
            table: None,
        };
        if test == 0 {
            (data.train, data.test) = hold_out::hold_out(data.train, &self.store.path, options)?;
            data.held_out = true;
            data.notes.push(format!(
                "{} has no folder test: {} of {train} pictures, drawn by the seed, are held out for testing",
                self.store.path.display(),
                data.test.images.count,
            ));
        }
        Ok(data)
    }

    /// All of them in the order of their paths, block by block: none is kept.
    ///
    /// # Errors
    /// [`DataError::NoPictures`], [`DataError::MixedLayout`] and [`DataError::TooManyClasses`]. Where nobody said whether
    /// in colours or in grey, every file is looked at before the first is decoded.
    pub fn examples(self, options: &PictureOptions) -> Result<PictureExamples, DataError> {
        self.check_there()?;
        let layout = Layout::of(&self.store)?;
        let notes = self.notes(&layout);
        let name = self.name();
        Ok(PictureExamples::new(
            self.store,
            layout,
            (name, notes),
            options.clone(),
        ))
    }

    fn check_there(&self) -> Result<(), DataError> {
        match self.is_empty() {
            false => Ok(()),
            true => Err(DataError::NoPictures {
                path: self.store.path.clone(),
                others: self.store.ignored,
            }),
        }
    }

    /// What is passed over.
    fn notes(&self, layout: &Layout) -> Vec<String> {
        let path = self.store.path.display();
        let of = |count: usize, what: &str| (count > 0).then(|| format!("{path}: {count} {what}"));
        let others = "files that are hidden or whose names end otherwise than those of PNG, JPEG, WebP and TIFF are \
                      passed over";
        let beside = "pictures beside the folders train and test are passed over";
        [of(self.store.ignored, others), of(layout.beside, beside)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What to call the data: the folder's name, or the archive's without its ending.
    fn name(&self) -> String {
        let path = &self.store.path;
        // `.` and `..` have no name of their own.
        let real = path.canonicalize().ok();
        let name = real.as_deref().unwrap_or(path).file_name();
        let name = name.map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "pictures".to_owned());
        let endings = [".tar.gz", ".tgz", ".tar", ".zip"];
        let stem = endings.iter().find_map(|ending| name.strip_suffix(ending));
        stem.filter(|_| !path.is_dir()).unwrap_or(&name).to_owned()
    }
}

impl fmt::Debug for Pictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pictures")
            .field("path", &self.store.path)
            .field("count", &self.len())
            .finish_non_exhaustive()
    }
}

/// One picture of the bytes of its file, as an image; of the size and in the colours that the options say.
///
/// # Errors
/// What is wrong with the file.
pub fn decode(bytes: &[u8], options: &PictureOptions) -> Result<Images, Flaw> {
    let raster = decode::decode(bytes, 0, options)?;
    Ok(Images {
        count: 1,
        height: raster.height as usize,
        width: raster.width as usize,
        channels: raster.channels,
        pixels: raster.pixels.into(),
    })
}
