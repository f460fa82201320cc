//! The streams that a Close means.

use std::collections::HashSet;

use crate::alarm::{SignerId, UserId};
use crate::hub::ClientId;

/// The streams that a Close means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamList {
    /// This one.
    Client(ClientId),
    /// This one, if it is this user's.
    ClientOf(ClientId, UserId),
    /// Those that came with this token.
    Token(String),
    /// Those that came with this API key, or with a token that it made.
    Key(String),
    /// All that end with the rights of this user.
    User(UserId),
    /// All.
    All,
    /// Those whose token was signed with one of these keys.
    Signers(HashSet<SignerId>),
    /// These.
    Clients(HashSet<ClientId>),
}
