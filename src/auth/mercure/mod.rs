//! Tokens of the Mercure protocol, in both dialects: access tokens with `authorization_details` (version 1.0), and tokens with the
//! claim `mercure` (version 0). The dialect is decided for each token.

mod claims;
mod keys;
mod version_0;
mod version_1;

pub(crate) use claims::{Holder, MercureFault, MercureGrants, NO_KEYS, Version};
pub(crate) use keys::{KeyText, MercureKeys, MercureRole, Verifier};

/// The claim `iss` of a token whose signature was not checked.
pub(crate) fn issuer_of(token: &str) -> Option<String> {
    let (_header, claims) = keys::contents(token)?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// The dialect of a token whose signature was not checked, for the form of an error.
pub(crate) fn version_of(token: &str) -> Option<Version> {
    let (header, claims) = keys::contents(token)?;
    Some(if keys::is_version_1(&header, &claims) {
        Version::One
    } else {
        Version::Zero
    })
}
