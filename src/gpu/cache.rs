//! Compiled pipelines, kept in a file from one run to the next.
//!
//! A driver may compile a kernel for a second. What it has compiled it can hand out as bytes, and
//! take back later; only bytes of its own, though: it may trust them. So the file begins with a
//! digest of what follows and of everything that it depends on. A file that does not match (damaged,
//! cut short, of another driver or version) is taken for none and written anew.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::atomic;

/// What a file begins with; the last byte is the layout's version.
const MAGIC: &[u8; 8] = b"vaepipe\x01";
/// Magic and digest.
const HEADER: usize = MAGIC.len() + 32;
/// A larger file is taken for none: drivers only ever add to their bytes, and those of kernels that
/// have changed are never used again.
const LARGEST: u64 = 64 << 20;

/// The folder for the user's pipelines: `~/.cache/vae-wgpu/pipelines` on Linux.
pub(super) fn default_folder() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("vae-wgpu").join("pipelines"))
}

/// A device's pipeline cache and its file.
#[derive(Debug)]
pub(super) struct PipelineFile {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    identity: String,
    /// The driver's bytes as the file has them.
    stored: Option<Vec<u8>>,
}

impl PipelineFile {
    /// What the device must have.
    pub(super) const FEATURE: wgpu::Features = wgpu::Features::PIPELINE_CACHE;

    /// A cache with what the adapter's file in `folder` holds, if anything; none where the device
    /// has no such thing.
    pub(super) fn open(
        device: &wgpu::Device,
        info: &wgpu::AdapterInfo,
        folder: &Path,
    ) -> Option<Self> {
        if !device.features().contains(Self::FEATURE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(info)?;
        let path = folder.join(&key);
        let identity = identity(&key, info);
        let stored = read(&path).and_then(|file| unseal(&identity, &file).map(<[u8]>::to_vec));
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        // SAFETY: the bytes are those that `save` had from `get_data`, for this adapter, driver and
        // version of this program: the digest covers them all. It does not stop somebody who forges
        // a file, but the folder is the user's own, as is this program.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("pipelines"),
                data: stored.as_deref(),
                fallback: true,
            })
        };
        if pollster::block_on(scope.pop()).is_some() {
            return None;
        }
        Some(Self {
            cache,
            path,
            identity,
            stored,
        })
    }

    /// What pipelines are made with.
    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes the file if the driver has anything new. A cache that cannot be written is no error:
    /// the next run compiles again. Processes that do this at once replace each other's files.
    pub(super) fn save(&self) {
        let Some(data) = self.cache.get_data() else {
            return;
        };
        if self.stored.as_ref() == Some(&data) {
            return;
        }
        if let Some(folder) = self.path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let file = seal(&self.identity, &data);
        let _ = atomic::write(&self.path, |out| out.write_all(&file));
    }
}

/// Everything that stored pipelines depend on. The driver checks its own version too; some forget to
/// change it.
fn identity(key: &str, info: &wgpu::AdapterInfo) -> String {
    let program = env!("CARGO_PKG_VERSION");
    format!(
        "{key}\n{}\n{}\n{}\n{program}",
        info.name, info.driver, info.driver_info
    )
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST + 1).read_to_end(&mut content).ok()?;
    (content.len() as u64 <= LARGEST).then_some(content)
}

/// The file that holds `data`.
fn seal(identity: &str, data: &[u8]) -> Vec<u8> {
    [MAGIC, digest(identity, data).as_slice(), data].concat()
}

/// What [`seal`] was given, if `file` is whole and of this identity.
fn unseal<'a>(identity: &str, file: &'a [u8]) -> Option<&'a [u8]> {
    let (header, data) = file.split_at_checked(HEADER)?;
    let (magic, sum) = header.split_at(MAGIC.len());
    (magic == MAGIC && sum == digest(identity, data).as_slice()).then_some(data)
}

fn digest(identity: &str, data: &[u8]) -> [u8; 32] {
    Sha256::new()
        // The length, so that identity and data have one border only.
        .chain_update((identity.len() as u64).to_le_bytes())
        .chain_update(identity)
        .chain_update(data)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &[u8] = b"what a driver compiled";

    #[test]
    fn what_was_sealed_is_read_again() {
        assert_eq!(unseal("driver 1", &seal("driver 1", DATA)), Some(DATA));
        assert_eq!(unseal("", &seal("", b"")), Some(&b""[..]));
    }

    #[test]
    fn every_changed_bit_shows() {
        let whole = seal("driver 1", DATA);
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal("driver 1", &damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_file_cut_short_or_grown_is_none() {
        let whole = seal("driver 1", DATA);
        for len in 0..whole.len() {
            assert_eq!(unseal("driver 1", &whole[..len]), None, "{len} bytes");
        }
        assert_eq!(unseal("driver 1", &[&whole[..], b"\0"].concat()), None);
    }

    #[test]
    fn a_file_of_another_driver_is_none() {
        assert_eq!(unseal("driver 2", &seal("driver 1", DATA)), None);
        // The border between identity and data is part of the digest.
        let moved = [MAGIC, digest("a", b"bc").as_slice(), b"c"].concat();
        assert_eq!(unseal("ab", &moved), None);
    }

    #[test]
    fn a_file_too_large_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        file.set_len(LARGEST).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, LARGEST);
        file.set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&path), None);
        assert_eq!(read(folder.path()), None);
    }
}
