//! The schemas (OpenAPI 3.1) of the types that write or check their JSON themselves.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema,
    SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::alarm::{
    AlarmType, Badge, ChatText, ClientMessageId, DisplayName, IdempotencyKey, KeyName, Link,
    Payload, Recipients, RoomId, Target, TargetId, Timestamp, Topic, TopicPattern, TypeText,
    UserId,
};

/// A topic that a stream names, or `*` for the whole log.
pub(crate) struct WatchedTopic;

/// A password to be set.
pub(crate) struct NewPassword;

/// A schema of data.
pub(crate) struct JsonSchema;

/// Words by language.
pub(crate) struct WordsByLanguage;

/// Declares that a type is written by a schema under its own name.
macro_rules! schema_of {
    ($name:ident, $schema:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

schema_of!(
    UserId,
    text("A user's id: letters, marks, digits and _.@-|:/+=~, in one form (RFC 8265)")
        .pattern(Some(format!("^{USER}$")))
        .min_length(Some(1))
        .max_length(Some(255))
);
schema_of!(
    RoomId,
    text("A room's id").pattern(Some(format!("^{ROOM}$")))
);
schema_of!(
    KeyName,
    text("The name of an API key").pattern(Some("^[A-Za-z0-9_.-]{1,64}$"))
);
schema_of!(
    AlarmType,
    text("The kind of an alarm, an open set").pattern(Some("^[A-Z][A-Z0-9_]{0,63}$"))
);
schema_of!(
    TargetId,
    printable("The thing an alarm is about, in the publisher's own numbering")
);
schema_of!(
    ClientMessageId,
    printable(
        "The name a client gave its own chat message, so that sending it again stores it once"
    )
);
schema_of!(
    IdempotencyKey,
    text("A request that is repeated with the same key is carried out once")
        .pattern(Some("^[!-~]([ -~]*[!-~])?$"))
        .min_length(Some(1))
        .max_length(Some(128))
);
schema_of!(
    DisplayName,
    text("The name people see: it has at least one character that is seen (RFC 8266)")
        .pattern(Some(
            r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0][^\u0000-\u001f\u007f-\u009f]*$",
        ))
        .min_length(Some(1))
        .max_length(Some(100))
);
schema_of!(
    ChatText,
    text("The text of a chat message, not blank")
        .pattern(Some(
            r"^[^\u0000]*[^\u0000\u0009-\u000d\u0020\u0085\u00a0][^\u0000]*$",
        ))
        .min_length(Some(1))
        .max_length(Some(4_000))
);
schema_of!(
    Link,
    text("A path that starts with a single /, or an http or https address")
        .pattern(Some(
            r"^(/([^/\u0000-\u0020\u007f-\u00a0\\][^\u0000-\u0020\u007f-\u00a0\\]*)?|[hH][tT][tT][pP][sS]?://[^/\u0000-\u0020\u007f-\u00a0\\][^\u0000-\u0020\u007f-\u00a0\\]*)$",
        ))
        .max_length(Some(2_048))
);
schema_of!(
    TypeText,
    text("Words for an alarm; {fromName}, {targetId} and {data.NAME} stand for its values")
        .pattern(Some(
            r"^[^\u0000-\u001f\u007f-\u009f{]*[^\u0000-\u0020\u007f-\u00a0{][^\u0000-\u001f\u007f-\u009f{]*$",
        ))
        .min_length(Some(1))
        .max_length(Some(200))
);
schema_of!(
    NewPassword,
    text("8 to 256 characters (RFC 8265)")
        .pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"))
        .min_length(Some(8))
        .max_length(Some(256))
);
schema_of!(
    TopicPattern,
    text("A topic, or the beginning of topics of users or rooms and *").pattern(Some(format!(
        r"^({TOPIC}|(user|room):[^\u0000-\u0020\u007f-\u00a0*]*\*)$"
    )))
);
schema_of!(
    Topic,
    text("user:ID, everyone, role:admin or room:ID").pattern(Some(format!("^{TOPIC}$")))
);
schema_of!(
    WatchedTopic,
    text("A topic, or * for the whole log").pattern(Some(format!(r"^({TOPIC}|\*)$")))
);
schema_of!(
    Timestamp,
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339, UTC, with three decimals"))
);
schema_of!(
    Payload,
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("Any JSON up to 16 KiB; null if absent"))
);
schema_of!(
    Target,
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
        .pattern(Some(PRINTABLE))
        .min_length(Some(1))
        .max_length(Some(128))
        .description(Some("A JSON number or 1 to 128 characters; kept as text"))
);
schema_of!(
    JsonSchema,
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Boolean]))
        .description(Some("A JSON Schema (2020-12)"))
);
schema_of!(
    WordsByLanguage,
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(language_tag()))
        .max_properties(Some(50))
        .additional_properties(Some(Ref::from_schema_name("TypeText")))
        .description(Some("At most 50 languages"))
);
schema_of!(Badge, badge());
schema_of!(Recipients, recipients());

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

/// The tag of a language (BCP 47).
fn language_tag() -> ObjectBuilder {
    text("The tag of a language (BCP 47)")
        .pattern(Some("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"))
        .max_length(Some(35))
}

/// 1 to 128 characters, none of them a control character.
fn printable(description: &str) -> ObjectBuilder {
    text(description)
        .pattern(Some(PRINTABLE))
        .min_length(Some(1))
        .max_length(Some(128))
}

fn badge() -> ObjectBuilder {
    let number = || Object::with_type(Type::Integer);
    let more = || {
        ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some("There if it is true: there are more than 1,000"))
    };
    ObjectBuilder::new()
        .property("unseen", number())
        .property("unseenMore", more())
        .property("unread", number())
        .property("unreadMore", more())
        .required("unseen")
        .required("unread")
}

/// An object with exactly one of the five.
fn recipients() -> OneOfBuilder {
    let only = |name: &str, schema: RefOr<Schema>| {
        ObjectBuilder::new()
            .property(name, schema)
            .required(name)
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
    };
    let user = || Ref::from_schema_name("UserId");
    let users = ArrayBuilder::new()
        .items(user())
        .min_items(Some(1))
        .max_items(Some(1_000));
    let constant =
        |schema: ObjectBuilder, value: serde_json::Value| schema.enum_values(Some([value])).into();
    let yes = ObjectBuilder::new().schema_type(Type::Boolean);
    let role = ObjectBuilder::new().schema_type(Type::String);
    OneOfBuilder::new()
        .item(only("user", user().into()))
        .item(only("users", users.into()))
        .item(only(
            "everyone",
            constant(yes, serde_json::Value::Bool(true)),
        ))
        .item(only(
            "role",
            constant(role, serde_json::Value::from("admin")),
        ))
        .item(only("room", Ref::from_schema_name("RoomId").into()))
}

/// A user's id, exact for ASCII. Of the other characters it lets more through than the hub does: the rules for those are tables.
const USER: &str = r##"(?!\.{1,2}$)[^\u0000-\u0020!"#$%&'()*,;<>?\[\\\]^`{}\u007f]+"##;

const ROOM: &str = "[A-Za-z0-9_-]{1,64}";

const TOPIC: &str = r##"(user:(?!\.{1,2}$)[^\u0000-\u0020!"#$%&'()*,;<>?\[\\\]^`{}\u007f]{1,255}|everyone|role:admin|room:[A-Za-z0-9_-]{1,64})"##;

const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";
