//! Refusals: the reason why an action is not done, as data. `http` maps them to problem documents and `pages` to
//! sentences, each with one exhaustive match; no code parses the English text.

use std::borrow::Cow;
use std::num::ParseIntError;
use std::time::Duration;

use crate::alarm::{InvalidValue, RoomId, UserId};
use crate::auth::{Held, PasswordError, TokenFault};
use crate::hub::SubscribeError;
use crate::journal::AppendError;
use crate::store::{self, StoreError};

/// The reason why an action is not done.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// The named thing does not exist.
    #[error("there is no such {0}")]
    NotFound(Thing),
    /// A thing with that id exists already.
    #[error("there is already a {0} of that id")]
    Exists(Thing),
    /// A field breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field, as the wire names it.
        field: Cow<'static, str>,
        /// The rule it breaks.
        rule: Rule,
    },
    /// A required parameter is missing.
    #[error("missing parameter `{0}`")]
    Missing(&'static str),
    /// Recipients without an account.
    #[error(
        "unknown {} {}: PUT /api/users/{{id}} first, or CAMPANILE_USERS=any",
        if .0.len() == 1 { "user" } else { "users" },
        names(.0)
    )]
    UnknownUsers(Vec<UserId>),
    /// A room that does not exist as a recipient.
    #[error("there is no room {0}")]
    UnknownRoom(RoomId),
    /// An idempotency key that was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// A token that is invalid, expired or revoked.
    #[error("the token is refused: {0}")]
    InvalidToken(TokenFault),
    /// A valid token whose user has no account.
    #[error("the token's user has no account")]
    UnknownSubject,
    /// A wrong user id or a wrong password; the answer does not say which.
    #[error("the user id or the password is wrong")]
    BadCredentials,
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// The account is disabled.
    #[error("this account is disabled")]
    AccountDisabled,
    /// Users cannot create accounts themselves.
    #[error("people cannot create accounts here")]
    SignupClosed,
    /// Too many attempts; the next one is allowed after this time.
    #[error("too many attempts; try again later")]
    TooManyAttempts(Duration),
    /// The user has the maximum number of streams.
    #[error("this user has as many streams as one may have")]
    TooManyStreams,
    /// The user has opened the maximum number of rooms.
    #[error("this user has opened as many rooms as one may open")]
    TooManyRooms,
    /// The user sends messages too fast; the next one is allowed after this time.
    #[error("this user sends messages too fast; try again later")]
    TooManyMessages(Duration),
    /// The queue of waiting work is full.
    #[error("{0}")]
    Overloaded(Overload),
    /// The hub is stopping.
    #[error("the hub is stopping")]
    ShuttingDown,
    /// The disk is full.
    #[error("there is no room left to store it")]
    StorageFull,
    /// The database does not answer. The cause is written to the log only.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// An internal error. The cause is written to the log only.
    #[error("{0}")]
    Internal(String),
}

/// A kind of thing that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    /// An alarm of the caller's inbox.
    Alarm,
    /// An open stream.
    Connection,
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
}

/// The kind of work whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Overload {
    /// Storing an alarm; it was not stored.
    #[error("more is waiting to be stored than can soon be; nothing was, so try again")]
    Storing,
    /// Storing an alarm; it may have been stored.
    #[error(
        "storing it takes too long; it may be done yet, so try again with the same Idempotency-Key"
    )]
    Unsettled,
    /// Reading the log for clients that missed something.
    #[error("too many replays are under way; try again")]
    Replaying,
    /// Opening a stream.
    #[error("too many streams are being opened; try again")]
    Opening,
    /// Checking passwords.
    #[error("too many passwords are being checked; try again")]
    Passwords,
}

/// The ids of users, separated by commas.
pub(crate) fn names(users: &[UserId]) -> String {
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    names.join(", ")
}

impl Refusal {
    /// A field that breaks a rule.
    pub(crate) fn invalid(field: impl Into<Cow<'static, str>>, rule: impl Into<Rule>) -> Self {
        Self::Invalid {
            field: field.into(),
            rule: rule.into(),
        }
    }

    fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause.clone()),
            StoreError::Full => Self::StorageFull,
            StoreError::Conflict | StoreError::Broken(_) => Self::Internal(error.to_string()),
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Alarm => "alarm",
            Self::Connection => "connection",
            Self::Room => "room",
            Self::User => "user",
        })
    }
}

impl From<ParseIntError> for Rule {
    fn from(_cause: ParseIntError) -> Self {
        Self::Number
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::of_store(&error)
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Refused(refusal) => Self::from(refusal),
            AppendError::Overloaded => Self::Overloaded(Overload::Storing),
            AppendError::Unsettled => Self::Overloaded(Overload::Unsettled),
            AppendError::ShuttingDown => Self::ShuttingDown,
            AppendError::Store(cause) => Self::of_store(&cause),
        }
    }
}

impl From<store::Refusal> for Refusal {
    fn from(refusal: store::Refusal) -> Self {
        match refusal {
            store::Refusal::Failed(cause) => Self::of_store(&cause),
            store::Refusal::UnknownUsers(ids) => Self::UnknownUsers(ids),
            store::Refusal::UnknownRoom(id) => Self::UnknownRoom(id),
            store::Refusal::IdempotencyMismatch => Self::IdempotencyMismatch,
        }
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::TooManyStreams => Self::TooManyStreams,
            SubscribeError::ShuttingDown => Self::ShuttingDown,
        }
    }
}

/// The actor has ended, because the hub is stopping.
impl From<actix::MailboxError> for Refusal {
    fn from(_gone: actix::MailboxError) -> Self {
        Self::ShuttingDown
    }
}

impl From<Held> for Refusal {
    fn from(held: Held) -> Self {
        match held {
            Held::TooMany(wait) => Self::TooManyAttempts(wait),
            Held::Busy => Self::Overloaded(Overload::Passwords),
        }
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Invalid(rule) => Self::invalid("password", rule),
            PasswordError::Busy => Self::Overloaded(Overload::Passwords),
            PasswordError::Failed(cause) => Self::Internal(cause),
        }
    }
}
