//! The public data sets that are known by name: their files, servers and contents.

use std::path::PathBuf;

use super::folder::{self, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS};
use super::{DataError, Dataset, LoadOptions, Progress, Source, download, idx};

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
        for dir in self.folders(options) {
            if FILES.iter().all(|file| idx::find(&dir, file).is_some()) {
                return folder::read(self.name.into(), &dir, options);
            }
        }
        let missing = FILES
            .iter()
            .enumerate()
            .filter(|(_, file)| idx::find(&own, file).is_none());
        if !options.download {
            let missing = missing.map(|(_, file)| format!("{file}.gz")).collect();
            return Err(DataError::NotDownloaded {
                set: self.name,
                dir: own,
                missing,
            });
        }
        let base = options.mirror.as_deref().unwrap_or(self.url);
        for (index, file) in missing {
            let file = format!("{file}.gz");
            let url = format!("{}/{file}", base.trim_end_matches('/'));
            let check = match self.sha256 {
                Some(hashes) => download::Check::Sha256(hashes[index]),
                None if index % 2 == 0 => download::Check::Images,
                None => download::Check::Labels,
            };
            download::fetch(&url, &own, &file, &check, progress)?;
        }
        folder::read(self.name.into(), &own, options)
    }

    /// Where the files may be: the set's own folder, or the data folder itself.
    fn folders(&self, options: &LoadOptions) -> Vec<PathBuf> {
        let mut folders = vec![options.data_dir.join(self.name)];
        // All sets name their files alike, so that a folder called `mnist` must not pass for
        // `kmnist`.
        let of_another_set = options
            .data_dir
            .file_name()
            .is_some_and(|dir| dir != self.name && Source::NAMES.iter().any(|name| dir == *name));
        if !of_another_set {
            folders.push(options.data_dir.clone());
        }
        folders
    }
}
