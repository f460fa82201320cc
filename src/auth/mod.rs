//! Tokens, passwords and the limit on guessing them. Knows neither HTTP nor the store.

mod limiter;
mod password;
mod token;

pub(crate) use limiter::LoginLimiter;
pub(crate) use password::{PasswordError, Passwords, random_password};
pub(crate) use token::{Claims, Revocations, Secret, Tokens};
