//! The rules of validated values: which one a refused value breaks.

/// The rule a value breaks. The text of each is fit for the person who sent the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// A user id.
    #[error("a user id is 1 to 255 letters, marks, digits and _.@-|:/+=~")]
    UserId,
    /// A room id.
    #[error("a room id is 1 to 64 of A-Z a-z 0-9 _ -")]
    RoomId,
    /// An alarm type.
    #[error("an alarm type is a capital letter and up to 63 of A-Z 0-9 _")]
    AlarmType,
    /// The id of a target.
    #[error("a target id is 1 to 128 characters without control characters")]
    TargetId,
    /// A target that is neither a JSON number nor a JSON string.
    #[error("a target id is a number or a string")]
    TargetKind,
    /// The name that a client gave its chat message.
    #[error("a client id is 1 to 128 characters without control characters")]
    ClientMessageId,
    /// The value of an `Idempotency-Key` header.
    #[error("an idempotency key is 1 to 128 characters without control characters")]
    IdempotencyKey,
    /// A display name without a visible character.
    #[error("a name has at least one character that is seen")]
    BlankName,
    /// A display name.
    #[error("a name is 1 to 100 characters without control and invisible characters")]
    DisplayName,
    /// Bytes that are no text.
    #[error("this is not UTF-8")]
    NotUtf8,
    /// The text of a chat message.
    #[error("a text is 1 to 4,000 characters and not blank")]
    ChatText,
    /// The address an alarm leads to.
    #[error("a url is a path starting with a single /, or an http(s) URL, up to 2,048 bytes")]
    Link,
    /// Data that is too large.
    #[error("data is at most 16 KiB of JSON")]
    DataTooLarge,
    /// Data with a number that common readers have no type for.
    #[error("a number in data is out of range (beyond 1.8e308)")]
    DataNumber,
    /// Data that common readers cannot read for its depth.
    #[error("arrays and objects in data are nested deeper than 127")]
    DataNesting,
    /// Data with an escape that is half of a character.
    #[error(
        "an escape from \\ud800 to \\udfff in data without its other half is no character (RFC 8259, section 8.2)"
    )]
    DataSurrogate,
    /// Data that is not JSON.
    #[error("data is not valid JSON")]
    DataNotJson,
    /// Data of the hub itself that has no JSON form.
    #[error("data cannot be written as JSON")]
    DataNotWritable,
    /// A role.
    #[error("a role is user, service or admin")]
    Role,
    /// A topic.
    #[error("a topic is user:ID, everyone, role:admin or room:ID")]
    Topic,
    /// A role that has no topic.
    #[error("only the role admin has a topic")]
    RoleWithoutTopic,
    /// The number of users one alarm is for.
    #[error("name 1 to 1000 users")]
    RecipientCount,
    /// No recipient, or more than one kind of them.
    #[error("name exactly one of user, users, everyone: true, role, room")]
    Recipients,
    /// A password.
    #[error("a password has 8 to 256 characters")]
    Password,
    /// A password with a character that keyboards do not type alike.
    #[error("a password has no control characters and no invisible ones")]
    PasswordCharacters,
    /// The name of an API key.
    #[error("the name of a key is 1 to 64 of A-Z a-z 0-9 _ . -")]
    KeyName,
    /// A scope of an API key.
    #[error(
        "a scope is publish:user, publish:everyone, publish:room, users, tokens, types, metrics, watch or admin"
    )]
    Scope,
    /// An API key without a scope.
    #[error("a key needs at least one scope")]
    NoScope,
    /// A topic of an API key.
    #[error(
        "a topic of a key is user:ID, everyone, role:admin or room:ID, or user:… or room:… with a * at its end"
    )]
    TopicPattern,
    /// The number of topics of an API key.
    #[error("a key has at most 100 topics")]
    KeyTopics,
    /// An API key with topics and the rights of an administrator, who sees all topics.
    #[error("a key with topics cannot have the scope admin")]
    AdminTopics,
    /// The tag of a language.
    #[error("a language is a tag of BCP 47, such as en, ko or pt-BR")]
    LanguageTag,
    /// The words of a type of alarms.
    #[error("words are 1 to 200 characters, one of which is seen, without control characters")]
    TypeText,
    /// A brace in the words of a type that opens no placeholder.
    #[error("a brace opens {{fromName}}, {{targetId}} or {{data.NAME}}")]
    Placeholder,
    /// One of the hub's own types of alarms.
    #[error("this is one of the hub's own types")]
    OwnType,
    /// The secret that tokens are signed with.
    #[error("the secret must have at least 32 bytes")]
    Secret,
}
