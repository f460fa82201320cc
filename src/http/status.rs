//! The status and the code of each refusal, and the time after which a client may try again.

use actix_web::http::StatusCode;

use crate::actions::{Forbidden, Overload, Refusal, Thing};
use crate::alarm::Scope;

/// The status of a refusal.
pub(crate) fn status_of(refusal: &Refusal) -> StatusCode {
    status_and_code(refusal).0
}

/// The status and the stable code of a refusal.
pub(super) fn status_and_code(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::NotFound(thing) => (StatusCode::NOT_FOUND, not_found(*thing)),
        Refusal::Exists(Thing::Room) => (StatusCode::CONFLICT, "room_exists"),
        Refusal::Exists(Thing::Key) => (StatusCode::CONFLICT, "key_exists"),
        Refusal::Exists(
            Thing::Alarm | Thing::AlarmType | Thing::Connection | Thing::Provider | Thing::User,
        ) => (StatusCode::CONFLICT, "user_exists"),
        Refusal::InItem { cause, .. } => status_and_code(cause),
        Refusal::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_field"),
        Refusal::Missing(_) => (StatusCode::UNPROCESSABLE_ENTITY, "missing_field"),
        Refusal::UnknownUsers(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_user"),
        Refusal::UnknownRooms(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_room"),
        Refusal::UnknownAlarmType(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_alarm_type"),
        Refusal::InvalidData { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_data"),
        Refusal::InvalidSchema(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_schema"),
        Refusal::TooManyAlarmTypes | Refusal::AlarmTypesTooLarge => {
            (StatusCode::UNPROCESSABLE_ENTITY, "too_many_alarm_types")
        }
        Refusal::IdempotencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch"),
        Refusal::InvalidToken(_) => (StatusCode::UNAUTHORIZED, "invalid_token"),
        Refusal::UnknownSubject => (StatusCode::UNAUTHORIZED, "unknown_user"),
        Refusal::WrongIssuer => (StatusCode::UNAUTHORIZED, "wrong_issuer"),
        Refusal::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials"),
        Refusal::MissingScope(scope) => (StatusCode::FORBIDDEN, missing_scope(*scope)),
        Refusal::Forbidden(Forbidden::KeyTopic) => (StatusCode::FORBIDDEN, "topic_not_allowed"),
        Refusal::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
        Refusal::AccountDisabled => (StatusCode::FORBIDDEN, "account_disabled"),
        Refusal::SignupClosed => (StatusCode::FORBIDDEN, "signup_closed"),
        Refusal::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
        Refusal::TooManyStreams => (StatusCode::TOO_MANY_REQUESTS, "too_many_streams"),
        Refusal::TooManyRooms => (StatusCode::TOO_MANY_REQUESTS, "too_many_rooms"),
        Refusal::TooManyMessages(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_messages"),
        Refusal::Overloaded(_) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        Refusal::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
        Refusal::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
        Refusal::ProviderFailed => (StatusCode::UNAUTHORIZED, "provider_failed"),
        Refusal::PasswordsOff => (StatusCode::FORBIDDEN, "passwords_off"),
        Refusal::NoKeys => (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable"),
        Refusal::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Refusal::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
    }
}

/// The seconds after which the same request may succeed: the value of `Retry-After`.
pub(crate) fn retry_after(refusal: &Refusal) -> Option<u64> {
    match refusal.innermost() {
        Refusal::TooManyAttempts(wait) | Refusal::TooManyMessages(wait) => {
            Some(wait.as_secs().saturating_add(1))
        }
        Refusal::TooManyRooms => Some(3_600),
        Refusal::TooManyStreams => Some(10),
        // Spread, so that a crowd does not come back as one.
        Refusal::Overloaded(Overload::Opening) => Some(rand::random_range(2..=10)),
        Refusal::Unavailable(_) | Refusal::NoKeys => Some(rand::random_range(1..=5)),
        Refusal::Overloaded(_) | Refusal::ShuttingDown => Some(1),
        _ => None,
    }
}

fn not_found(thing: Thing) -> &'static str {
    match thing {
        Thing::Alarm => "alarm_not_found",
        Thing::AlarmType => "alarm_type_not_found",
        Thing::Connection => "connection_not_found",
        Thing::Key => "key_not_found",
        Thing::Provider => "provider_not_found",
        Thing::Room => "room_not_found",
        Thing::User => "user_not_found",
    }
}

/// The code of a missing scope, which names it.
fn missing_scope(scope: Scope) -> &'static str {
    match scope {
        Scope::PublishUser => "missing_scope_publish_user",
        Scope::PublishEveryone => "missing_scope_publish_everyone",
        Scope::PublishRoom => "missing_scope_publish_room",
        Scope::Users => "missing_scope_users",
        Scope::Tokens => "missing_scope_tokens",
        Scope::Types => "missing_scope_types",
        Scope::Metrics => "missing_scope_metrics",
        Scope::Watch => "missing_scope_watch",
        Scope::Admin => "missing_scope_admin",
    }
}
