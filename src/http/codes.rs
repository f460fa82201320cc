//! The codes of all errors, and the schema of the document that carries one.

use utoipa::ToSchema;
use utoipa::openapi::RefOr;

/// An error of any route (RFC 9457).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "it is there for its schema; the bodies are written elsewhere"
)]
pub(crate) struct ProblemDocument {
    /// `urn:campanile:problem:` and the code.
    r#type: String,
    title: String,
    status: u16,
    /// The fault, for a person.
    detail: String,
    /// The fault, for a program.
    code: Code,
    /// The id of the request, as the hub's log has it.
    request_id: String,
    /// With `unknown_room`: the rooms that do not exist.
    rooms: Option<Vec<String>>,
    /// With `invalid_data` and `invalid_schema`: the place of the fault in `data` or in `schema`, as a JSON pointer (RFC 6901).
    pointer: Option<String>,
}

/// The codes of errors, with the status of each.
pub(crate) const CODES: &[(u16, &[&str])] = &[
    (400, &["malformed_json", "bad_request", "invalid_handshake"]),
    (
        401,
        &[
            "unauthorized",
            "invalid_token",
            "unknown_user",
            "wrong_issuer",
            "bad_credentials",
            "provider_failed",
        ],
    ),
    (
        403,
        &[
            "forbidden",
            "cross_origin",
            "signup_closed",
            "passwords_off",
            "account_disabled",
            "topic_not_allowed",
            "missing_scope_publish_user",
            "missing_scope_publish_everyone",
            "missing_scope_publish_room",
            "missing_scope_users",
            "missing_scope_tokens",
            "missing_scope_types",
            "missing_scope_metrics",
            "missing_scope_watch",
            "missing_scope_admin",
        ],
    ),
    (
        404,
        &[
            "not_found",
            "alarm_not_found",
            "alarm_type_not_found",
            "room_not_found",
            "user_not_found",
            "connection_not_found",
            "key_not_found",
            "provider_not_found",
        ],
    ),
    (405, &["method_not_allowed"]),
    (406, &["not_acceptable"]),
    (408, &["request_timeout"]),
    (409, &["user_exists", "room_exists", "key_exists"]),
    (412, &["other_user"]),
    (413, &["body_too_large"]),
    (415, &["unsupported_encoding"]),
    (
        422,
        &[
            "unknown_field",
            "missing_field",
            "invalid_field",
            "unknown_parameter",
            "repeated_parameter",
            "unknown_user",
            "unknown_room",
            "unknown_alarm_type",
            "invalid_data",
            "invalid_schema",
            "too_many_alarm_types",
            "idempotency_mismatch",
        ],
    ),
    (426, &["websocket_version"]),
    (
        429,
        &[
            "too_many_attempts",
            "too_many_streams",
            "too_many_rooms",
            "too_many_messages",
        ],
    ),
    (431, &["header_too_large"]),
    (500, &["internal_error"]),
    (
        503,
        &[
            "unavailable",
            "overloaded",
            "shutting_down",
            "keys_unavailable",
        ],
    ),
    (507, &["storage_full"]),
];

/// A code.
struct Code;

impl utoipa::PartialSchema for Code {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        let mut codes: Vec<&str> = CODES
            .iter()
            .flat_map(|(_, codes)| *codes)
            .copied()
            .collect();
        codes.sort_unstable();
        codes.dedup();
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .enum_values(Some(codes))
            .into()
    }
}

impl ToSchema for Code {}
