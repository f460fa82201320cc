//! A small file system in memory, for a disk that fills or cannot be written.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory; it goes when this is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Mounts one under `folder`; `None`, with a message, where that is not permitted.
    pub(crate) fn of(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.join("small");
        std::fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            refused => {
                eprintln!("SKIPPED: a file system cannot be mounted here: {refused:?}");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn make_read_only(&self) {
        let remounted = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(remounted.unwrap().success(), "remounted");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the server may hold its files a moment longer.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.unwrap().success(), "unmounted");
    }
}
