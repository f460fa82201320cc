//! The terms in which refusals speak: things, rules of fields, and conditions of callers.

use std::num::{IntErrorKind, ParseIntError};

use crate::alarm::InvalidValue;

/// A kind of thing that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    /// An alarm of the caller's inbox.
    Alarm,
    /// A declared type of alarms.
    AlarmType,
    /// An open stream.
    Connection,
    /// An API key.
    Key,
    /// A provider to sign in with.
    Provider,
    /// A room.
    Room,
    /// An account.
    User,
}

/// The rule that a field breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rule {
    /// The rule of a value of its own type.
    #[error(transparent)]
    Value(#[from] InvalidValue),
    /// A required field of a form.
    #[error("fill this in")]
    Required,
    /// A whole number.
    #[error("expected a whole number")]
    Number,
    /// A whole number that is kept in 64 bits.
    #[error("the number is out of range: it has more than 64 bits")]
    NumberRange,
    /// A number within bounds, both included.
    #[error("expected {0} to {1}")]
    Between(u64, u64),
    /// The maximum number of entries.
    #[error("at most {0} at once")]
    AtMost(usize),
    /// One of a list of words.
    #[error("expected {0}")]
    OneOf(&'static str),
    /// The time after which an alarm expires.
    #[error("expected 1 to 315360000 (ten years)")]
    Expiry,
    /// Publishing to everyone has to be confirmed by typing a word.
    #[error("type the word that confirms it")]
    Confirmation,
}

/// The condition that the caller does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    /// Needs an inbox, which a service does not have.
    #[error("a service has no inbox")]
    ServiceInbox,
    /// Needs pages, which a service does not have.
    #[error("a service has no pages")]
    ServicePages,
    /// Needs the role service or admin.
    #[error("this needs the role service or admin")]
    NeedsPublisher,
    /// Needs the role admin.
    #[error("this needs the role admin")]
    NeedsAdmin,
    /// Needs the role admin, on a page.
    #[error("only admins may see this page")]
    AdminPage,
    /// Needs the role admin, for a change of another account.
    #[error("only an admin gives or takes the role admin, or disables an account")]
    AdminChange,
    /// Administrators cannot disable their own account.
    #[error("nobody can disable their own account")]
    OwnAccount,
    /// Needs the role service or admin, for `topic`.
    #[error("topic is for the roles service and admin")]
    Topic,
    /// Needs the caller's own id in `id`.
    #[error("id must be your own user id")]
    ForeignId,
    /// Needs the caller's own id in `sender`.
    #[error("sender must be your own user id")]
    ForeignSender,
    /// Needs a person, or a token of a role.
    #[error("an API key does not do this")]
    ApiKey,
    /// Needs an API key.
    #[error("this needs an API key")]
    NeedsKey,
    /// Needs a topic of the API key.
    #[error("this is not among the topics of the API key")]
    KeyTopic,
    /// Nobody can delete their own account.
    #[error("nobody can delete their own account")]
    OwnDeletion,
    /// The last administrator stays.
    #[error("this is the last administrator who is not disabled")]
    LastAdmin,
    /// Needs an administrator, for an account of another role than user.
    #[error("only an admin does this to an account of another role than user")]
    OtherThanUser,
    /// Needs the role service or admin, for `user`.
    #[error("user is for the roles service and admin")]
    OtherInbox,
    /// Needs the scope admin, for a role.
    #[error("an API key without the scope admin gives and takes no role")]
    KeyRole,
    /// A token is given to accounts of the role user only.
    #[error("tokens are for accounts of the role user, and this account has another")]
    TokenOfOtherRole,
}

impl Thing {
    /// The thing that has the id or the name already.
    pub(super) fn taken(self) -> &'static str {
        match self {
            Self::Alarm => "an alarm of that id",
            Self::AlarmType => "a type of that name",
            Self::Connection => "a connection of that id",
            Self::Key => "an API key of that name",
            Self::Provider => "a provider of that name",
            Self::Room => "a room of that id",
            Self::User => "a user of that id",
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Alarm => "alarm",
            Self::AlarmType => "declared type",
            Self::Connection => "connection",
            Self::Key => "API key",
            Self::Provider => "provider",
            Self::Room => "room",
            Self::User => "user",
        })
    }
}

impl From<ParseIntError> for Rule {
    fn from(cause: ParseIntError) -> Self {
        match cause.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => Self::NumberRange,
            _ => Self::Number,
        }
    }
}
