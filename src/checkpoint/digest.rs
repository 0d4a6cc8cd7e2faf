//! What a checkpoint's file holds, in 64 hexadecimal digits.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Checkpoint, CheckpointError};

impl Checkpoint {
    /// SHA-256 of a file's bytes, as 64 lower-case hexadecimal digits. The same training writes the same
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Read`].
    pub fn digest(path: &Path) -> Result<String, CheckpointError> {
        let read = |cause| CheckpointError::read(path, cause);
        let mut file = BufReader::new(File::open(path).map_err(read)?);
        let mut hash = Sha256::new();
        let mut bytes = vec![0; 1 << 16];
        loop {
            match file.read(&mut bytes).map_err(read)? {
                0 => break,
                len => hash.update(&bytes[..len]),
            }
        }
        let digits = hash.finalize();
        Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
