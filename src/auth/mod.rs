//! Tokens, passwords and the limit on guessing them. Knows neither HTTP nor the store.

mod buckets;
mod claims;
mod fault;
mod hexadecimal;
mod issuers;
mod key_ring;
mod limiter;
pub(crate) mod mercure;
pub(crate) mod openid;
mod own_keys;
mod password;
mod revocations;
mod rights;
mod secret;
mod token;

pub(crate) use claims::Claims;
pub(crate) use fault::TokenFault;
pub(crate) use issuers::{
    Issuer, IssuerSettings, Issuers, KeySet, KeySetAddress, MercureRight, read as read_issuers,
};
pub(crate) use key_ring::{KeyRing, Reading};
pub(crate) use limiter::{Held, Home, LoginLimiter};
pub(crate) use openid::{Begun, Code, Kept, NotSignedIn};
pub(crate) use own_keys::{NotOpened, PublicKey, Seal, Stored};
pub(crate) use password::{PasswordError, Passwords, random_password};
pub(crate) use revocations::Revocations;
pub(crate) use rights::{Epoch, RightsEpoch};
pub(crate) use secret::Secret;
pub(crate) use token::{Tokens, contents};
