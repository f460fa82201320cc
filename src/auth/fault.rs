//! The mistakes that tokens are made with.

use std::fmt;

use crate::alarm::{InvalidValue, Role, Timestamp};

/// The reason why a token is refused. The text of each is fit for the person who made the token, and holds no part of it
/// but the name of an algorithm, of a claim or of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    /// Too long.
    #[error("the token has {0} bytes; at most {MOST_TOKEN_BYTES} are taken")]
    TooLong(usize),
    /// Not three parts.
    #[error("not a JWT: expected three parts with dots between them, found {0}")]
    NotThreeParts(usize),
    /// Five parts.
    #[error("not a signed JWT: five parts are an encrypted one")]
    Encrypted,
    /// Several tokens in one request.
    #[error("several tokens that differ are given; one is taken")]
    Several,
    /// A part that is not base64url.
    #[error("not a JWT: the {0} is not base64url without padding")]
    NotBase64(Part),
    /// A part that is not JSON.
    #[error("not a JWT: the {0} is not a JSON object")]
    NotJson(Part),
    /// No `alg`.
    #[error("the header has no `alg`")]
    NoAlgorithm,
    /// An algorithm that the secret does not allow.
    #[error("signed with {0}; this hub's secret allows HS256, HS384, HS512")]
    Algorithm(Shown),
    /// The algorithm `none`.
    #[error("not signed (`alg` is none); this hub's secret allows HS256, HS384, HS512")]
    Unsigned,
    /// An extension that has to be understood (RFC 7515, section 4.1.11).
    #[error("the header has `crit`, and this hub understands no extension")]
    Critical,
    /// A payload that is not encoded (RFC 7797).
    #[error("the header has `b64` other than true, which this hub does not understand")]
    Unencoded,
    /// Another secret, or a changed token.
    #[error("the signature does not match")]
    Signature,
    /// A missing claim.
    #[error("no claim `{0}`")]
    NoClaim(&'static str),
    /// A claim of the wrong type.
    #[error("claim `{0}` is not {1}")]
    Type(&'static str, &'static str),
    /// A claim that is JSON, but that common readers cannot read.
    #[error("claim `{0}` {1}")]
    Unreadable(&'static str, &'static str),
    /// A subject that is no user id.
    #[error("claim `sub`: {0}")]
    Subject(InvalidValue),
    /// An unknown role.
    #[error("claim `role` is {0}: a role is user, service or admin")]
    Role(Shown),
    /// An end beyond the year 5000.
    #[error("claim `exp` is beyond the year 5000: it is in seconds, not in milliseconds")]
    EndTooFar,
    /// The end has passed.
    #[error("expired {} ago", span(*.0))]
    Expired(i64),
    /// Not good yet.
    #[error("not good before {0} (claim `nbf`)")]
    TooEarly(Timestamp),
    /// Issued in the future.
    #[error("issued {} in the future (claim `iat`): one of the two clocks is wrong", span(*.0))]
    FromTheFuture(i64),
    /// An algorithm that the settings of the issuer do not allow.
    #[error("signed with {0}; the settings of its issuer allow {1}")]
    AlgorithmOfIssuer(Shown, String),
    /// A `kid` that is no text.
    #[error("the header has a `kid` that is not a string")]
    KeyName,
    /// A key that the issuer does not show.
    #[error("signed with the key {0}, which its issuer does not show")]
    UnknownKey(Shown),
    /// An ID token that is too long.
    #[error("the ID token has more than 32 KiB")]
    IdTokenTooLong,
    /// An ID token of another sign-in or another client.
    #[error("claim `{0}` of the ID token is not that of this sign-in")]
    IdToken(&'static str),
    /// A key that is none of the hub's own.
    #[error(
        "a sign-in token signed with the key {0}, which this hub does not have: it was retired, or another hub made it"
    )]
    OwnKey(Shown),
    /// The keys of the issuer were not fetched yet.
    #[error("the keys of its issuer were not fetched yet")]
    NoKeys,
    /// Not meant for this hub.
    #[error("claim `aud` names none of the audiences that the settings of its issuer take")]
    Audience,
    /// The claim that is the user id is missing.
    #[error("no claim `{0}`, which the settings of its issuer name as the user")]
    NoUser(String),
    /// The claim that is the user id is no text.
    #[error("claim `{0}` is not a string")]
    UserType(String),
    /// The claim that is the user id is none.
    #[error("claim `{0}`: {1}")]
    User(String, InvalidValue),
    /// Revoked.
    #[error("the token was revoked by signing out")]
    Revoked,
    /// An API key that this hub does not know.
    #[error("there is no such API key")]
    UnknownApiKey,
    /// An API key outside of `Authorization`, where it would be written to logs or sent by a browser.
    #[error("an API key is sent as `Authorization: Bearer` only")]
    KeyElsewhere,
    /// An API key that was revoked, or a token that such a key made.
    #[error("the API key was revoked")]
    KeyRevoked,
    /// An API key whose end has passed, or a token that such a key made.
    #[error("the API key has expired")]
    KeyExpired,
    /// Issued before the user was signed out everywhere, or before the account was deleted.
    #[error(
        "issued before the user was signed out everywhere or deleted; a token of the user needs a later `iat` now"
    )]
    SignedOut,
    /// Issued before the role or the password changed.
    #[error("issued before the role or the password of its account changed")]
    FormerRole,
    /// A token without `iat` that names another role than its account has.
    #[error(
        "without a claim `iat` the role has to be the account's: the token names {named}, the account is {known}"
    )]
    OtherRole {
        /// The role of the token.
        named: Role,
        /// The role of the account.
        known: Role,
    },
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
    /// The third.
    Signature,
}

/// The start of a foreign text, quoted, so that it breaks no line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    /// Takes the start of a text.
    pub(super) fn of(text: &str) -> Self {
        let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let start: String = text.chars().take(MOST_SHOWN).collect();
        if is_word && !start.is_empty() {
            return Self(start);
        }
        Self(format!("{start:?}"))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims part",
            Self::Signature => "signature",
        })
    }
}

/// A span of milliseconds, rounded up to seconds and written with its largest units.
fn span(millis: i64) -> String {
    let seconds = u64::try_from(millis).unwrap_or_default().div_ceil(1_000);
    if seconds < 120 {
        return format!("{seconds} s");
    }
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

/// Tokens of the hub take 250 bytes; the rest is room for the claims of others.
pub(super) const MOST_TOKEN_BYTES: usize = 4 * 1024;

/// Enough for every name of an algorithm or a role.
const MOST_SHOWN: usize = 20;
