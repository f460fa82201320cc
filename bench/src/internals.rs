//! The folder of the documents that the bench writes, inside the folder of all documents.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Result;

/// The place of a document.
pub(crate) fn path(docs: &Path, name: &str) -> PathBuf {
    docs.join("internals").join(name)
}

/// Writes a document, and makes its folder if there is none.
pub(crate) fn write(docs: &Path, name: &str, text: &str) -> Result<()> {
    let path = path(docs, name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}
