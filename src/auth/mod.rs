//! Tokens, passwords and the limit on guessing them. Knows neither HTTP nor the store.

mod buckets;
mod claims;
mod fault;
mod hexadecimal;
mod limiter;
mod password;
mod revocations;
mod rights;
mod secret;
mod token;

pub(crate) use claims::Claims;
pub(crate) use fault::TokenFault;
pub(crate) use limiter::{Held, Home, LoginLimiter};
pub(crate) use password::{PasswordError, Passwords, random_password};
pub(crate) use revocations::Revocations;
pub(crate) use rights::{Epoch, RightsEpoch};
pub(crate) use secret::Secret;
pub(crate) use token::{Tokens, contents};
