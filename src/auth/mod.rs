//! Tokens, passwords and the limit on guessing them. Knows neither HTTP nor the store.

mod limiter;
mod password;
mod token;

pub use limiter::{Attempt, LoginLimiter};
pub use password::{PasswordError, Passwords, random_password};
pub use token::{Claims, InvalidToken, NewToken, Revocations, Secret, Tokens};
