//! Everything that can go wrong between a file or a server and a [`Dataset`](super::Dataset).

use std::io;
use std::path::PathBuf;

use super::arrays::ArrayError;
use super::pictures::Flaw;
use super::table::TableError;
use super::{HoldOut, ImageSize, Source};
use crate::setting::{Remedy, Setting};

/// What can be read as data, as the end of a message.
pub(super) const READABLE: &str = "pictures (PNG, JPEG, WebP, TIFF, also in .zip or .tar), images in IDX format (as MNIST's), arrays (.npy, .npz, \
     .safetensors)";

/// Why a data set could not be loaded or written.
///
/// Byte offsets count the contents of the IDX file; where the file is compressed, its uncompressed
/// contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither the name of a data set nor a path.
    #[error(
        "there is no data set and no folder or file `{}`: name one of {}, or an existing folder or file with \
         {READABLE}",
        path.display(),
        Source::NAMES.join(", ")
    )]
    UnknownSource {
        /// What was asked for.
        path: PathBuf,
    },

    /// A file that is none of those that are read, by its contents and its name.
    #[error(
        "{} is no file that is read as data, by its first bytes and by its ending: name a folder or a file with {READABLE}",
        path.display()
    )]
    UnknownForm {
        /// What was asked for.
        path: PathBuf,
    },

    /// A file of arrays that cannot be used.
    #[error(transparent)]
    Array(#[from] ArrayError),

    /// A named set is not on this machine.
    #[error(
        "{set} is not on this machine{}: have it downloaded, or put {} into {}, or name the folder \
         that has them",
        if *namesake { format!(" (the folder {set} here is meant by ./{set})") } else { String::new() },
        missing.join(", "),
        dir.display()
    )]
    NotDownloaded {
        /// Name of the set.
        set: &'static str,
        /// Whether the working directory has a folder of that name.
        namesake: bool,
        /// The folder where the files are expected.
        dir: PathBuf,
        /// The files that are not there.
        missing: Vec<String>,
    },

    /// A folder of the user's has no training images.
    #[error(
        "{} has no training images in IDX format under a name that is known, such as {expected} or \
         {expected}.gz, and no pictures (PNG, JPEG, WebP or TIFF files, beside each other or in a folder for each \
         label): {}; put the training images there, or name another folder",
        dir.display(),
        listed(names, *count)
    )]
    NoImages {
        /// The folder.
        dir: PathBuf,
        /// MNIST's name of the file that is not there.
        expected: &'static str,
        /// Names of what is there; the first few.
        names: Vec<String>,
        /// How much is there.
        count: usize,
    },

    /// A picture file that cannot be read.
    #[error(
        "{}: {flaw}; repair or remove it, or have broken pictures left out{}",
        path.display(),
        if let Flaw::TooLarge { .. } = flaw { ", or raise the limit" } else { "" }
    )]
    Picture {
        /// The file; in an archive, its path there behind that of the archive.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },

    /// An archive that cannot be read, or that nobody should.
    #[error("{}: {reason}; it is damaged or another kind of file: name a zip or tar archive of pictures", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// No file in a folder or an archive is a picture.
    #[error(
        "{} has no pictures{}: it should have PNG, JPEG, WebP or TIFF files (.png, .jpg, .jpeg, .webp, .tif, .tiff), \
         beside each other or in a folder for each label",
        path.display(),
        if *others > 0 { format!(" among {others} files") } else { String::new() }
    )]
    NoPictures {
        /// The folder or the archive.
        path: PathBuf,
        /// How many other files there are.
        others: usize,
    },

    /// Pictures of several sizes.
    #[error(
        "{} has {}x{} pixels and {} has {}x{}: choose a size that all are brought to",
        first.display(),
        of_first[0],
        of_first[1],
        other.display(),
        of_other[0],
        of_other[1]
    )]
    MixedSizes {
        /// The first file.
        first: PathBuf,
        /// Its width and height.
        of_first: [u32; 2],
        /// One of another size.
        other: PathBuf,
        /// Its width and height.
        of_other: [u32; 2],
    },

    /// Pictures beside folders of pictures.
    #[error(
        "{} has pictures beside folders of pictures ({loose} and {within}), so that it is not clear which label the \
         first has: put all into folders, one for each label, or all beside each other",
        path.display()
    )]
    MixedLayout {
        /// The folder or the archive.
        path: PathBuf,
        /// A picture in no folder.
        loose: String,
        /// A picture in a folder.
        within: String,
    },

    /// More folders of pictures than there can be labels.
    #[error(
        "{} has pictures in {found} folders, each a label, and there can be at most {most} labels: put the pictures \
         beside each other, or into fewer folders",
        path.display()
    )]
    TooManyClasses {
        /// The folder or the archive.
        path: PathBuf,
        /// How many folders there are.
        found: usize,
        /// How many labels there can be.
        most: usize,
    },

    /// Several files are named as the same part of a data set.
    #[error(
        "in {}, it is not clear which of {} is meant: put the files of one set into a folder of \
         their own",
        dir.display(),
        fitting.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Ambiguous {
        /// The folder.
        dir: PathBuf,
        /// The files, relative to the folder.
        fitting: Vec<PathBuf>,
    },

    /// Test images that are named as those of another set than the training images.
    #[error(
        "{} is not named as the test images of {}: give both names the same beginning, or put each \
         set into a folder of its own",
        test.display(),
        train.display()
    )]
    StrayTest {
        /// The file of the training images.
        train: PathBuf,
        /// The file of the test images.
        test: PathBuf,
    },

    /// There is no memory for the contents of a file.
    #[error(
        "{}: there is no memory for its {bytes} bytes of {what}: free some, \
         raise the limit of this process, or take fewer or smaller images",
        path.display()
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// `pixels` or `labels`.
        what: &'static str,
        /// Bytes that were asked for.
        bytes: usize,
    },

    /// The operating system refused to read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The operating system refused to write.
    #[error(
        "cannot write {}: {cause}; check the space and the permissions there, or choose another \
         folder",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// A gzip stream that ends early or does not decode.
    #[error(
        "{}: the gzip stream is {} after byte {offset} of the uncompressed contents ({cause}): \
         delete the file and fetch it again",
        path.display(),
        if cause.kind() == io::ErrorKind::UnexpectedEof { "cut short" } else { "damaged" }
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Uncompressed bytes that could be read.
        offset: u64,
        /// What the decoder said.
        cause: io::Error,
    },

    /// The file ends inside the header.
    #[error(
        "{}: the file ends at byte {found}, inside the {expected}-byte header of {what} in IDX \
         format: it is cut short or another kind of file",
        path.display()
    )]
    ShortHeader {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        what: &'static str,
        /// Bytes of the header.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },

    /// The first four bytes are not those of the wanted kind of IDX file.
    #[error(
        "{}: the magic number at byte 0 is {found:#010x}, but {what} in IDX format begin with \
         {expected:#010x}{}",
        path.display(),
        magic_hint(what, *found)
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        what: &'static str,
        /// The number that was expected.
        expected: u32,
        /// The number that is there.
        found: u32,
    },

    /// A dimension of zero.
    #[error(
        "{}: the {dimension} at byte {offset} is 0: the file holds nothing to train on",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
        /// Which dimension.
        dimension: &'static str,
        /// Where it stands.
        offset: u64,
    },

    /// A header whose sizes multiply to more than this machine can address.
    #[error(
        "{}: the header (bytes 4 to {}) claims {count} images of {height}x{width}{} pixels, more \
         bytes than this machine can address: the file is damaged or not in IDX format",
        path.display(),
        if *channels == 1 { 15 } else { 19 },
        if *channels == 1 { String::new() } else { format!("x{channels}") }
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Number of images claimed.
        count: u32,
        /// Rows claimed.
        height: u32,
        /// Columns claimed.
        width: u32,
        /// Channels claimed; 1 where a file does not say.
        channels: u32,
    },

    /// Fewer bytes than the header claims.
    #[error(
        "{}: cut short at byte {found}: the header claims {expected} bytes in all; fetch or write \
         the file again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the header claims, header included.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },

    /// More bytes than the header claims.
    #[error(
        "{}: the data that the header claims end at byte {expected}, but more bytes follow: the \
         header or the file is wrong; write the file again",
        path.display()
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes that the header claims, header included.
        expected: u64,
    },

    /// Images and labels that do not belong together.
    #[error(
        "{} has {labels} labels (count at byte 4), but {} has {images} images (count at byte 4): \
         these files do not belong together",
        labels_path.display(),
        images_path.display()
    )]
    LabelCount {
        /// The file of the images.
        images_path: PathBuf,
        /// The file of the labels.
        labels_path: PathBuf,
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },

    /// Training and test images of different sizes.
    #[error(
        "{} has images of {test} pixels (bytes 8 to {}), but the training images are {train}: bring them to one size",
        path.display(),
        if test.channels == 1 { 15 } else { 19 }
    )]
    SizeMismatch {
        /// The file of the test images.
        path: PathBuf,
        /// How large the training images are.
        train: ImageSize,
        /// How large the test images are.
        test: ImageSize,
    },

    /// A pixel that is no number to learn from.
    #[error(
        "{}: row {row}, column {column} of image {image} (all counted from 0) is {value}, and only finite \
         numbers that f32 can hold are pixels: repair or leave out that image",
        path.display()
    )]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// Which image.
        image: usize,
        /// The row of the pixel within it.
        row: usize,
        /// Its column.
        column: usize,
        /// What is there, as `f32`.
        value: f32,
    },

    /// Training images of bytes and test images of numbers, or the other way round.
    #[error(
        "{} has images of {test} and the training images are {train}, which mean different values (bytes \
         are seen as 0 to 1, numbers as they are): write both files in one way",
        path.display()
    )]
    KindMismatch {
        /// The file of the test images.
        path: PathBuf,
        /// `bytes` or `numbers`.
        train: &'static str,
        /// `bytes` or `numbers`.
        test: &'static str,
    },

    /// A single image cannot be both trained on and held out.
    #[error(
        "{} holds a single image and there is no test file, so that nothing could be held out: \
         add images, or a file t10k-images-idx3-ubyte",
        path.display()
    )]
    NothingToHoldOut {
        /// The file.
        path: PathBuf,
    },

    /// So many images cannot be held out.
    #[error(
        "{asked} of the {count} images of {} cannot be held out for testing: give a share between 0 and 1 such \
         as 0.1, or a number from 1 to {}",
        path.display(), count - 1
    )]
    HoldOut {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        asked: HoldOut,
        /// Images that there are.
        count: usize,
    },

    /// Images are to be held out for testing, and there are test images.
    #[error(
        "{name} has {test} test images, so that none of its training images are held out for testing: \
         do not ask for {asked} of them"
    )]
    HoldOutBesideTest {
        /// The data set.
        name: String,
        /// What was asked for.
        asked: HoldOut,
        /// Test images that there are.
        test: usize,
    },

    /// Images that are too many for memory could not be put into a file.
    #[error(
        "the images are more than memory should hold, and the folder {} for them, which should have room for all, \
         cannot be used: {cause}",
        folder.display()
    )]
    Scratch {
        /// The folder of the data sets.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// The pixels or labels given to a writer do not fit the sizes given with them.
    #[error(
        "cannot write {}: {count} x {height} x {width}{} are not the {len} pixels given, or a size \
         exceeds the 32 bits of the format",
        path.display(),
        if *channels == 1 { String::new() } else { format!(" x {channels}") }
    )]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Number of images announced.
        count: usize,
        /// Rows announced.
        height: usize,
        /// Columns announced.
        width: usize,
        /// Channels announced.
        channels: usize,
        /// Pixels given.
        len: usize,
    },

    /// A mirror that is no folder of a web server.
    #[error("`{text}` is no URL of a web server: it must begin with http:// or https://")]
    Mirror {
        /// What was given.
        text: String,
    },

    /// The server answered, but not with the file.
    #[error("{url}: the server answered {status} {reason}: {}", status_remedy(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status code.
        status: u16,
        /// The status in words.
        reason: &'static str,
    },

    /// No connection, or one that broke too often.
    #[error(
        "{url}: {message} (attempts without progress: {attempts}); check the network, or put the \
         file in place by hand; what has arrived is kept and the next run continues from it"
    )]
    Network {
        /// What was asked for.
        url: String,
        /// Attempts since the last byte arrived.
        attempts: u32,
        /// What went wrong last.
        message: String,
    },

    /// What was downloaded is not the file that is known under this name.
    #[error(
        "{url}: the uncompressed contents have SHA-256 {found}, but those of {file} have \
         {expected}: the download was deleted; run again, or check the mirror if one is set"
    )]
    Hash {
        /// Where it came from.
        url: String,
        /// Name of the file.
        file: String,
        /// SHA-256 of the true contents.
        expected: String,
        /// SHA-256 of what arrived.
        found: String,
    },

    /// What was downloaded does not read as an IDX file.
    #[error(
        "{url}: what the server sent is not the wanted file and was deleted; run again, or check \
         the mirror if one is set. What was wrong: {cause}"
    )]
    BadDownload {
        /// Where it came from.
        url: String,
        /// What was wrong with it.
        cause: Box<DataError>,
    },

    /// A table that is none to learn from, or of other columns than a model knows.
    #[error(transparent)]
    Table(Box<TableError>),

    /// Another process writes the same file.
    #[error("{} is being downloaded by another process: wait for it and run again", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
}

impl From<TableError> for DataError {
    fn from(error: TableError) -> Self {
        Self::Table(Box::new(error))
    }
}

impl DataError {
    /// Settings that would put it right.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NotDownloaded { .. } => {
                vec![
                    Remedy::change(Setting::Download),
                    Remedy::change(Setting::DataDir),
                ]
            }
            Self::Scratch { .. } => {
                vec![
                    Remedy::change(Setting::DataDir),
                    Remedy::change(Setting::DataMemory),
                ]
            }
            Self::HoldOut { .. } | Self::HoldOutBesideTest { .. } => {
                vec![Remedy::change(Setting::HoldOut)]
            }
            Self::Array(ArrayError::Which { .. }) => vec![Remedy::change(Setting::Array)],
            Self::Table(error) => error.remedies(),
            Self::MixedSizes { .. } => vec![Remedy::change(Setting::Size)],
            Self::Picture { flaw, .. } => {
                let mut remedies = vec![Remedy::change(Setting::SkipBroken)];
                if let Flaw::TooLarge { needed, .. } = flaw {
                    remedies.push(Remedy::set(Setting::DecodeLimit, needed.div_ceil(1 << 20)));
                }
                remedies
            }
            _ => Vec::new(),
        }
    }
}

/// What a folder has, of which `names` are the first of `count`.
fn listed(names: &[String], count: usize) -> String {
    match count - names.len() {
        _ if count == 0 => "the folder is empty".to_owned(),
        0 => format!("there are {}", names.join(", ")),
        more => format!("there are {} and {more} more", names.join(", ")),
    }
}

fn magic_hint(what: &str, found: u32) -> &'static str {
    match found {
        0x0000_0801 => ": this is a file of labels",
        0x0000_0803 | 0x0000_0804 => ": this is a file of images",
        _ if found >> 16 != 0 => ": this is another kind of file",
        _ if what == "labels" => ": only unsigned bytes in one dimension are read as labels",
        _ => {
            ": only numbers in three dimensions, or in four where the last is of colours, are read as images"
        }
    }
}

fn status_remedy(status: u16) -> &'static str {
    match status {
        404 | 410 => {
            "the file is not there; check the mirror, if one is set, or put the file in place by hand"
        }
        401 | 403 | 407 => {
            "access is refused; check proxy and mirror, or put the file in place by hand"
        }
        408 | 429 | 500.. => "the server is in trouble; try again later, or set another mirror",
        _ => "this server cannot be used; set another mirror, or put the file in place by hand",
    }
}
