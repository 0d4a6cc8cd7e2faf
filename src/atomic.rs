//! Replacing a file whole: readers, and whoever comes after a crash, find the old content or the new.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Both ends of a temporary file's name, by which one that a killed process left is recognised.
const TEMPORARY_PREFIX: &str = ".writing-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes a file beside `path`, and renames it to `path` when it is safely on the disk.
///
/// # Errors
///
/// That of `content`, or the operating system's; then `path` is as it was, and no temporary file remains.
pub fn write<E: From<io::Error>>(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let replacement = Replacement::begin(path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, replacement.file());
    content(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(replacement.commit()?)
}

/// A file that is being written beside the one whose place it will take. Dropped before [`Replacement::commit`], it is
/// removed.
#[derive(Debug)]
pub(crate) struct Replacement {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// An empty file beside `path`.
    ///
    /// # Errors
    /// The operating system's, as where the folder is not there or cannot be written.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let target = target(path)?;
        let temporary = temporary_in(folder_of(&target))?;
        Ok(Self { temporary, target })
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Another file in the same folder, which is removed when dropped: for what is put together at the end.
    pub(crate) fn spool(&self) -> io::Result<NamedTempFile> {
        temporary_in(folder_of(&self.target))
    }

    /// Puts the file in its place, when it is safely on the disk.
    ///
    /// # Errors
    /// The operating system's; then what was there is as it was.
    pub(crate) fn commit(self) -> io::Result<()> {
        // Without this, a power cut after the rename could leave a new name on content that never reached the disk.
        sync(self.temporary.as_file())?;
        let persisted = self.temporary.persist(&self.target);
        persisted.map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target));
        Ok(())
    }
}

/// The folder of a file. Renaming is atomic only within one file system, so that temporary files lie there.
fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The regular file to replace, or to make. Renaming would put a file in the place of whatever bears the name: of a
/// device, as `/dev/null`, and of a link that leads to where the user wants the file to be.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(stat) if stat.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(stat) if !stat.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
        Ok(_) if path.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

/// An empty file in `folder` that is removed when dropped.
///
/// Opened here, because `tempfile` would make it unreadable for others, and would name it in the error instead of the
/// file that the user knows.
pub(crate) fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(TEMPORARY_SUFFIX)
        .make_in(folder, |path| {
            File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)
        })
}

/// Waits until a file's content is on the disk. `false` where the file system cannot say when it is: some of those in
/// user space and on networks refuse the question, and a file there is as good as any other until the power is cut.
pub(crate) fn sync(file: &File) -> io::Result<bool> {
    match file.sync_all() {
        Ok(()) => Ok(true),
        Err(cause) if is_unsupported(&cause) => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Whether the file system does not have what it was asked for, a lock or a sync. POSIX has several errors for that.
pub(crate) fn is_unsupported(cause: &io::Error) -> bool {
    #[cfg(unix)]
    let has_none = cause.raw_os_error() == Some(libc::ENOLCK);
    #[cfg(not(unix))]
    let has_none = false;
    let kinds = [io::ErrorKind::Unsupported, io::ErrorKind::InvalidInput];
    has_none || kinds.contains(&cause.kind())
}

/// Makes the rename itself durable. Not every file system can; the file is complete either way, so a failure here is
/// not one of the save.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Removes the temporary files that killed processes left in `folder`. To be called only by who holds the folder's lock:
/// a file of a living process looks the same.
pub(crate) fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
            // One that cannot be removed only takes space.
            let _ = fs::remove_file(entry.path());
        }
    }
}
