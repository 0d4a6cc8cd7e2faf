//! Fetching one file over HTTP: resumable, verified, and in place only when it is whole.
//!
//! The bytes go into `FILE.part`. A file under its final name has therefore always been verified.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::Response;

use super::{DataError, Progress, Unit, idx};

/// Attempts in a row that may pass without a new byte.
const ATTEMPTS: u32 = 4;
/// Pause before the second attempt; it doubles with every further one.
const PAUSE: Duration = Duration::from_millis(250);

/// How a downloaded file is told from a wrong one.
pub(super) enum Check {
    /// SHA-256 of the uncompressed contents, in lower-case hexadecimal digits.
    Sha256(&'static str),
    /// It reads as an IDX file of images.
    Images,
    /// It reads as an IDX file of labels.
    Labels,
}

/// Downloads `url` to `dir/file`.
pub(super) fn fetch(
    url: &str,
    dir: &Path,
    file: &str,
    check: &Check,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    fs::create_dir_all(dir).map_err(|cause| cannot_write(dir, cause))?;
    let target = dir.join(file);
    let path = dir.join(format!("{file}.part"));
    let part = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        // What an earlier run left is continued.
        .truncate(false)
        .open(&path)
        .map_err(|cause| cannot_write(&path, cause))?;
    // Two processes that append to one file would spoil it. Where the file system has no locks, the
    // check at the end still notices.
    if matches!(part.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(DataError::Busy { path });
    }
    let mut transfer = Transfer {
        agent: agent(url),
        url,
        file,
        part,
        path: &path,
        progress,
    };
    let arrived = transfer.run();
    let mut part = transfer.part;
    if let Err(error) = arrived {
        if part.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            drop(part);
            // The error at hand matters more than an empty file left behind.
            let _ = fs::remove_file(&path);
        }
        return Err(error);
    }

    let verified = part.rewind().map_err(|cause| DataError::Read {
        path: path.clone(),
        cause,
    });
    let verified = verified.and_then(|()| verify(&part, &path, url, file, check));
    if let Err(error @ (DataError::Hash { .. } | DataError::BadDownload { .. })) = verified {
        drop(part);
        fs::remove_file(&path).map_err(|cause| cannot_write(&path, cause))?;
        return Err(error);
    }
    verified?;
    part.sync_all()
        .map_err(|cause| cannot_write(&path, cause))?;
    // Windows renames no open file.
    drop(part);
    fs::rename(&path, &target).map_err(|cause| cannot_write(&target, cause))
}

fn cannot_write(path: &Path, cause: io::Error) -> DataError {
    DataError::Write {
        path: path.to_owned(),
        cause,
    }
}

fn agent(url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .user_agent(concat!("vae-wgpu/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        // A redirect must not lead out of the encrypted connection.
        .https_only(url.starts_with("https://"))
        .timeout_resolve(Some(Duration::from_secs(20)))
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        // No limit on the whole body: a slow line is not a broken one.
        .timeout_per_read(Some(Duration::from_secs(30)));
    // A proxy from the environment cannot reach this machine's own servers.
    if ["http://127.", "http://localhost", "http://[::1]"]
        .iter()
        .any(|own| url.starts_with(own))
    {
        config = config.proxy(None);
    }
    config.build().into()
}

/// The way of one file from the server to the disk.
struct Transfer<'a> {
    agent: Agent,
    url: &'a str,
    file: &'a str,
    part: File,
    path: &'a Path,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

/// Why an attempt ended before the file did.
enum Failure {
    /// Trying again may help.
    Passing(DataError),
    /// It cannot.
    Final(DataError),
}

impl Transfer<'_> {
    /// Repeats attempts until the file is whole, or until several in a row have brought nothing
    /// new.
    fn run(&mut self) -> Result<(), DataError> {
        let mut furthest = self.len()?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.attempt(attempts) {
                Ok(()) => return Ok(()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error)) => error,
            };
            let len = self.len()?;
            if len > furthest {
                (furthest, attempts) = (len, 0);
            } else if attempts >= ATTEMPTS {
                return Err(error);
            }
            thread::sleep(PAUSE * (1 << attempts.saturating_sub(1)));
        }
    }

    fn len(&self) -> Result<u64, DataError> {
        let metadata = self.part.metadata();
        Ok(metadata
            .map_err(|cause| cannot_write(self.path, cause))?
            .len())
    }

    /// Asks for what is missing and appends what comes.
    fn attempt(&mut self, attempt: u32) -> Result<(), Failure> {
        let start = self
            .part
            .seek(SeekFrom::End(0))
            .map_err(|cause| Failure::Final(cannot_write(self.path, cause)))?;
        let mut request = self
            .agent
            .get(self.url)
            .header("accept-encoding", "identity");
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        let response = request
            .call()
            .map_err(|error| self.no_answer(error, attempt))?;
        let (start, total) = self.accept(start, &response)?;
        self.append(response.into_body().into_reader(), start, total, attempt)
    }

    /// Where the body begins and how long the whole file is, if the answer can be used.
    fn accept<T>(
        &mut self,
        start: u64,
        response: &Response<T>,
    ) -> Result<(u64, Option<u64>), Failure> {
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let status = response.status();
        let refused = || DataError::Status {
            url: self.url.to_owned(),
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or(""),
        };
        match status.as_u16() {
            // The whole file, whether or not a part was asked for.
            200 => {
                let total = header("content-length").and_then(|text| text.parse().ok());
                self.restart()?;
                Ok((0, total))
            }
            206 if start > 0 => {
                let range = header("content-range").and_then(parse_content_range);
                if let Some((first, total)) = range
                    && first == start
                {
                    return Ok((start, total));
                }
                let error = refused();
                self.restart()?;
                Err(Failure::Passing(error))
            }
            // What is here already is longer than the file, or as long: it is from another file or
            // unverified.
            416 if start > 0 => {
                let error = refused();
                self.restart()?;
                Err(Failure::Passing(error))
            }
            408 | 429 | 500.. => Err(Failure::Passing(refused())),
            _ => Err(Failure::Final(refused())),
        }
    }

    fn restart(&mut self) -> Result<(), Failure> {
        let emptied = self.part.set_len(0).and_then(|()| self.part.rewind());
        emptied.map_err(|cause| Failure::Final(cannot_write(self.path, cause)))
    }

    fn append(
        &mut self,
        mut body: impl Read,
        start: u64,
        total: Option<u64>,
        attempt: u32,
    ) -> Result<(), Failure> {
        let mut bytes = start;
        let mut block = vec![0; 1 << 16];
        loop {
            (self.progress)(Progress {
                file: self.file,
                done: bytes,
                total,
                unit: Unit::Bytes,
            });
            match body.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    let written = self.part.write_all(&block[..n]);
                    written.map_err(|cause| Failure::Final(cannot_write(self.path, cause)))?;
                    bytes += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Failure::Passing(self.network(error.to_string(), attempt)));
                }
            }
        }
        match total {
            Some(total) if bytes < total => {
                let message = format!("the connection ended after {bytes} of {total} bytes");
                Err(Failure::Passing(self.network(message, attempt)))
            }
            _ => Ok(()),
        }
    }

    fn no_answer(&self, error: ureq::Error, attempt: u32) -> Failure {
        let failure = match error {
            ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::Protocol(_) => Failure::Passing,
            _ => Failure::Final,
        };
        failure(self.network(error.to_string(), attempt))
    }

    fn network(&self, message: String, attempts: u32) -> DataError {
        DataError::Network {
            url: self.url.to_owned(),
            attempts,
            message,
        }
    }
}

/// The first byte and the total of `bytes FIRST-LAST/TOTAL`, where the total may be unknown, `*`.
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

fn verify(part: &File, path: &Path, url: &str, file: &str, check: &Check) -> Result<(), DataError> {
    let contents = match check {
        Check::Images => idx::images_from(part, path).map(drop),
        Check::Labels => idx::labels_from(part, path).map(drop),
        Check::Sha256(expected) => sha256(part, path).and_then(|found| {
            if found == *expected {
                return Ok(());
            }
            let file = file.trim_end_matches(".gz").to_owned();
            Err(DataError::Hash {
                url: url.to_owned(),
                file,
                expected: (*expected).to_owned(),
                found,
            })
        }),
    };
    contents.map_err(|error| match error {
        // The disk's fault, or already said in full.
        DataError::Read { .. } | DataError::Hash { .. } => error,
        error => DataError::BadDownload {
            url: url.to_owned(),
            cause: Box::new(error),
        },
    })
}

/// SHA-256 of the uncompressed contents, in hexadecimal digits.
fn sha256(part: &File, path: &Path) -> Result<String, DataError> {
    let mut hasher = Sha256::new();
    idx::for_each_block(part, path, |block| hasher.update(block))?;
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
