//! Tokens, passwords and the limit on guessing them. Knows neither HTTP nor the store.

mod buckets;
mod claims;
mod fault;
mod limiter;
mod password;
mod revocations;
mod secret;
mod token;

use std::fmt::Write as _;

pub(crate) use claims::Claims;
pub(crate) use fault::TokenFault;
pub(crate) use limiter::{Held, LoginLimiter};
pub(crate) use password::{PasswordError, Passwords, random_password};
pub(crate) use revocations::Revocations;
pub(crate) use secret::Secret;
pub(crate) use token::{Tokens, contents};

/// Bytes as lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _done = write!(text, "{byte:02x}");
    }
    text
}
