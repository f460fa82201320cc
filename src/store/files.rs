//! The files of an embedded database, which hold password hashes: nobody but their owner may read them.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use crate::store::Location;

/// Makes the file of a database that has none, and takes the rights of others from the files that are there. SQLite gives
/// the files beside it the rights of the first. What the system refuses is told by SQLite, or left to the operator.
pub(super) fn keep_private(location: &Location) {
    let Location::Sqlite(path) = location else {
        return;
    };
    let mut options = OpenOptions::new();
    let made = options
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .open(path);
    if made.is_ok() {
        return;
    }
    for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
        let file = format!("{path}{suffix}");
        if let Err(cause) = shut(&file) {
            log::warn!("{file} can be read by others: {cause}");
        }
    }
}

fn shut(file: &str) -> io::Result<()> {
    let mode = match fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause),
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(file, Permissions::from_mode(PRIVATE))?;
    log::info!("{file} could be used by others; it is its owner's alone now");
    Ok(())
}

/// To be read and written by the owner.
const PRIVATE: u32 = 0o600;

/// The rights of the group and of everybody.
const OTHERS: u32 = 0o077;
