//! The file with the issuers of the settings.

use std::path::Path;

use crate::app::error::StartError;
use crate::auth::{self, IssuerSettings};

/// Reads the file, if the settings name one.
pub(super) fn read(path: Option<&Path>) -> Result<Vec<IssuerSettings>, StartError> {
    match path {
        Some(path) => auth::read_issuers(path).map_err(StartError::Issuers),
        None => Ok(Vec::new()),
    }
}
