//! The public data sets that are known by name: their files, servers and contents.

use std::path::{Path, PathBuf};

use super::names::{Files, Listing, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS};
use super::{DataError, Dataset, LoadOptions, Progress, Source, download, folder};

/// MNIST's four files: images and labels in turn.
const FILES: [&str; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

pub(super) struct NamedSet {
    name: &'static str,
    /// The folder on the set's own server, ending in a slash.
    url: &'static str,
    /// SHA-256 of the uncompressed contents, in the order of `FILES`. The archives themselves
    /// differ from server to server, since anyone may compress the same bytes anew.
    sha256: Option<[&'static str; 4]>,
}

pub(super) const MNIST: NamedSet = NamedSet {
    name: "mnist",
    url: "https://ossci-datasets.s3.amazonaws.com/mnist/",
    sha256: Some([
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ]),
};

pub(super) const FASHION_MNIST: NamedSet = NamedSet {
    name: "fashion-mnist",
    url: "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    sha256: None,
};

pub(super) const KMNIST: NamedSet = NamedSet {
    name: "kmnist",
    url: "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    sha256: None,
};

impl NamedSet {
    pub(super) fn load(
        &self,
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Dataset, DataError> {
        let own = options.data_dir.join(self.name);
        if let Some(files) = self.find(options)? {
            return self.read(&files, options);
        }
        let is_there = |name: &str| {
            let is_file = |path: PathBuf| path.is_file();
            is_file(own.join(name)) || is_file(own.join(format!("{name}.gz")))
        };
        let missing = FILES.iter().enumerate().filter(|(_, file)| !is_there(file));
        if !options.download {
            let missing = missing.map(|(_, file)| format!("{file}.gz")).collect();
            return Err(DataError::NotDownloaded {
                set: self.name,
                namesake: Path::new(self.name).is_dir(),
                dir: own,
                missing,
            });
        }
        for (index, file) in missing {
            let file = format!("{file}.gz");
            let own_server = || format!("{}{file}", self.url);
            let url = options
                .mirror
                .as_ref()
                .map_or_else(own_server, |mirror| mirror.file(&file));
            let check = match self.sha256 {
                Some(hashes) => download::Check::Sha256(hashes[index]),
                None if index % 2 == 0 => download::Check::Images,
                None => download::Check::Labels,
            };
            download::fetch(&url, &own, &file, &check, progress)?;
        }
        match Listing::read(&own)?.files()? {
            Some(files) => self.read(&files, options),
            None => Err(Listing::read(&own)?.no_images()),
        }
    }

    fn read(&self, files: &Files, options: &LoadOptions) -> Result<Dataset, DataError> {
        let mut data = folder::read(self.name.into(), files, options)?;
        let namesake = Path::new(self.name);
        let is_what_was_read = |namesake: PathBuf| {
            let read = files.train_images.canonicalize();
            read.is_ok_and(|read| read.starts_with(namesake))
        };
        if namesake.is_dir() && !namesake.canonicalize().is_ok_and(is_what_was_read) {
            data.notes.push(passed_over(self.name));
        }
        Ok(data)
    }

    /// The files of the set, if all four are on this machine.
    fn find(&self, options: &LoadOptions) -> Result<Option<Files>, DataError> {
        for dir in self.folders(options)? {
            let Some(listing) = Listing::read_if_there(&dir)? else {
                continue;
            };
            // Files that could be of several sets are not taken for this one.
            let Ok(Some(files)) = listing.files() else {
                continue;
            };
            let parts = [&files.train_labels, &files.test_images, &files.test_labels];
            if files.set.is_empty() && parts.iter().all(|part| part.is_some()) {
                return Ok(Some(files));
            }
        }
        Ok(None)
    }

    /// Where the files may be: the set's own folder, that of torchvision, or the data folder itself.
    fn folders(&self, options: &LoadOptions) -> Result<Vec<PathBuf>, DataError> {
        let data_dir = &options.data_dir;
        let mut folders = vec![data_dir.join(self.name)];
        let listing = Listing::read_if_there(data_dir)?;
        for dir in listing.iter().flat_map(Listing::folders_below) {
            if plain_name(&dir) == plain(self.name) {
                folders.push(dir);
            }
        }
        // All sets name their files alike, so that a folder called `mnist` must not pass for
        // `kmnist`.
        let name = plain_name(data_dir);
        let of_another_set =
            name != plain(self.name) && Source::NAMES.iter().any(|set| name == plain(set));
        if !of_another_set {
            folders.push(data_dir.clone());
        }
        Ok(folders)
    }
}

/// Of a folder that is called as a set, and how to mean it.
pub(super) fn passed_over(set: &str) -> String {
    format!("{set} is the data set of that name; the folder {set} here is meant by ./{set}")
}

/// A set's name as torchvision writes it too: `FashionMNIST`.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "")
}

/// The name of a folder of data; torchvision's files lie in `raw` of the folder that has the name.
fn plain_name(dir: &Path) -> String {
    let name = |dir: &Path| dir.file_name().map(|name| plain(&name.to_string_lossy()));
    match name(dir) {
        Some(raw) if raw == "raw" => dir.parent().and_then(name).unwrap_or(raw),
        other => other.unwrap_or_default(),
    }
}
