//! The errors of the bench. They are text, because a person reads them at a terminal.

/// A bench's result.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
