//! Refusals: the reason why an action is not done, as data. `http` maps them to problem documents and `pages` to
//! sentences, each with one exhaustive match; no code parses the English text.

use std::borrow::Cow;
use std::time::Duration;

use crate::actions::terms::{Forbidden, Rule, Thing};
use crate::alarm::declared::{DataFault, SchemaFault};
use crate::alarm::{AlarmType, RoomId, Scope, UserId};
use crate::auth::{Held, PasswordError, TokenFault};
use crate::hub::SubscribeError;
use crate::journal::AppendError;
use crate::store::{self, MOST_BYTES, MOST_TYPES, StoreError};

/// The reason why an action is not done.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// The named thing does not exist.
    #[error("there is no such {0}")]
    NotFound(Thing),
    /// A thing with that id exists already.
    #[error("there is already {}", .0.taken())]
    Exists(Thing),
    /// A field breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field, as the wire names it.
        field: Cow<'static, str>,
        /// The rule it breaks.
        rule: Rule,
    },
    /// A fault of one item of a list.
    #[error("{item}: {cause}")]
    InItem {
        /// The item and the field, such as `[3].to.user`.
        item: String,
        /// The fault.
        cause: Box<Self>,
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
    /// Rooms that do not exist, as recipients or as topics of a stream.
    #[error("there is no room {}", names(.0))]
    UnknownRooms(Vec<RoomId>),
    /// A type of alarms that nobody declared, where only declared ones are published.
    #[error(
        "nobody declared the type {0}: PUT /api/alarm-types/{0} first (CAMPANILE_ALARM_TYPES=declared)"
    )]
    UnknownAlarmType(AlarmType),
    /// Data that does not match the schema of its type.
    #[error("{field}: {}{}", place(&.fault.pointer), .fault.rule)]
    InvalidData {
        /// The field, which is `data`, or that of an item.
        field: Cow<'static, str>,
        /// The fault.
        fault: DataFault,
    },
    /// A schema that is none, or beyond the bounds.
    #[error("schema: {}{}", place(&.0.pointer), .0.rule)]
    InvalidSchema(SchemaFault),
    /// There are as many declared types as there may be.
    #[error("there are {MOST_TYPES} declared types, which is as many as there may be")]
    TooManyAlarmTypes,
    /// The declared types are as large as they may be.
    #[error("all declared types together have at most {} MiB", MOST_BYTES / 1024 / 1024)]
    AlarmTypesTooLarge,
    /// An idempotency key that was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// A token that is invalid, expired or revoked.
    #[error("the token is refused: {0}")]
    InvalidToken(TokenFault),
    /// A valid token whose user has no account.
    #[error("the token's user has no account")]
    UnknownSubject,
    /// A token whose issuer may not speak for the account.
    #[error(
        "the issuer of the token may not speak for this account: something else made it, or gave it a password or a role \
         (`link` in the settings of the issuer)"
    )]
    WrongIssuer,
    /// A provider that signed nobody in. The cause is written to the log only.
    #[error("the provider did not sign you in; try again")]
    ProviderFailed,
    /// Passwords are switched off.
    #[error("this hub takes no passwords: sign in with a provider")]
    PasswordsOff,
    /// A token whose issuer's keys are not known yet.
    #[error("the keys of the token's issuer were not fetched yet; try again")]
    NoKeys,
    /// A wrong user id or a wrong password; the answer does not say which.
    #[error("the user id or the password is wrong")]
    BadCredentials,
    /// The API key has not the scope for this.
    #[error("this API key has not the scope {0}")]
    MissingScope(Scope),
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
    /// Waiting for providers of sign-ins.
    #[error("too many sign-ins wait for their provider; try again")]
    Providers,
}

/// A place within a value, before what is wrong there.
fn place(pointer: &str) -> String {
    match pointer {
        "" => String::new(),
        pointer => format!("at {pointer}: "),
    }
}

/// Ids, separated by commas.
pub(crate) fn names(ids: &[impl ToString]) -> String {
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
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

    /// The refusal itself, without the item of a list that it is about.
    pub(crate) fn innermost(&self) -> &Self {
        match self {
            Self::InItem { cause, .. } => cause.innermost(),
            other => other,
        }
    }

    /// The refusal as one of an item of a list, in a field of it.
    pub(super) fn in_item(self, index: usize, field: &str) -> Self {
        Self::InItem {
            item: format!("[{index}].{field}"),
            cause: Box::new(self),
        }
    }

    /// The refusal of a field as one of the same field of an item.
    pub(super) fn of_item(self, index: usize) -> Self {
        match self {
            Self::Invalid { field, rule } => Self::invalid(format!("[{index}].{field}"), rule),
            Self::UnknownAlarmType(_) => self.in_item(index, "alarmType"),
            Self::InvalidData { field, fault } => Self::InvalidData {
                field: format!("[{index}].{field}").into(),
                fault,
            },
            other => other,
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
            store::Refusal::UnknownRoom(id) => Self::UnknownRooms(vec![id]),
            store::Refusal::IdempotencyMismatch => Self::IdempotencyMismatch,
            store::Refusal::NotRepeated => Self::Internal(refusal.to_string()),
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
