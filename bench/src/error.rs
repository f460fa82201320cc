//! What can go wrong is told to a person at a terminal, so it is text.

/// A bench's result.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
