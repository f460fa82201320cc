//! Refusals as sentences in the visitor's language.

use crate::actions::{Refusal, Thing, names};
use crate::http::problem::ApiError;
use crate::pages::words::Refusals;

/// Returns an error of the API as a sentence.
pub(super) fn of_error(words: &Refusals, error: &ApiError) -> String {
    let sentence = match error {
        ApiError::Refused(refusal) => return of_refusal(words, refusal),
        // These are answers to programs, whose text is English.
        ApiError::MalformedJson(_)
        | ApiError::InvalidBody { .. }
        | ApiError::ContentCoding(_)
        | ApiError::UnknownParameter { .. }
        | ApiError::RepeatedParameter(_)
        | ApiError::Handshake(_)
        | ApiError::WebSocketVersion
        | ApiError::Unreadable(_)
        | ApiError::UnknownOrigin { .. } => return finished(&error.detail()),
        ApiError::Unauthorized | ApiError::QueryTokenRefused | ApiError::OtherUser(_) => {
            words.no_token
        }
        ApiError::StopStreaming => words.account_disabled,
        ApiError::CrossOrigin => words.cross_origin,
        ApiError::NoRoute => words.no_such_page,
        ApiError::MethodNotAllowed(_) => words.no_method,
        ApiError::NotAcceptable => words.not_acceptable,
        ApiError::BodyTimeout(_) => words.too_slow,
        ApiError::BodyTooLarge(_) => words.too_large,
        ApiError::TooManyConnections => words.overloaded,
    };
    sentence.to_owned()
}

/// Returns a refusal as a sentence.
pub(super) fn of_refusal(words: &Refusals, refusal: &Refusal) -> String {
    let sentence = match refusal {
        Refusal::Invalid { field, rule } => {
            return words.in_form(field, &(words.rule)(rule));
        }
        Refusal::InItem { cause, .. } => return of_refusal(words, cause),
        Refusal::Missing(name) => return words.missing.with(name),
        Refusal::UnknownUsers(ids) => return words.unknown_user.with(names(ids)),
        Refusal::UnknownRooms(ids) => return words.unknown_room.with(names(ids)),
        Refusal::Forbidden(forbidden) => return finished(&(words.forbidden)(*forbidden)),
        Refusal::NotFound(Thing::Alarm) => words.no_such_alarm,
        Refusal::NotFound(Thing::Connection) => words.no_such_connection,
        Refusal::NotFound(Thing::Key) => words.no_such_key,
        Refusal::MissingScope(scope) => return words.missing_scope.with(scope),
        Refusal::Exists(Thing::Key) => words.key_exists,
        Refusal::NotFound(Thing::Provider) => words.no_such_page,
        Refusal::NotFound(Thing::Room) => words.no_such_room,
        Refusal::NotFound(Thing::User) => words.no_such_user,
        Refusal::Exists(Thing::Room) => words.room_exists,
        Refusal::Exists(
            Thing::Alarm | Thing::AlarmType | Thing::Connection | Thing::Provider | Thing::User,
        ) => words.user_exists,
        Refusal::UnknownAlarmType(name) => return words.unknown_type.with(name),
        Refusal::InvalidData { fault, .. } => {
            let told = format!("{} {}", fault.pointer, fault.rule);
            return words.bad_data.with(told.trim());
        }
        // No page declares a type.
        Refusal::InvalidSchema(_)
        | Refusal::TooManyAlarmTypes
        | Refusal::AlarmTypesTooLarge
        | Refusal::NotFound(Thing::AlarmType) => return finished(&refusal.to_string()),
        Refusal::IdempotencyMismatch => words.idempotency_mismatch,
        Refusal::InvalidToken(_) => words.no_token,
        Refusal::UnknownSubject => words.no_account,
        Refusal::WrongIssuer => words.wrong_issuer,
        Refusal::BadCredentials => words.bad_credentials,
        Refusal::AccountDisabled => words.account_disabled,
        Refusal::SignupClosed => words.signup_closed,
        Refusal::ProviderFailed => words.provider_failed,
        Refusal::PasswordsOff => words.passwords_off,
        Refusal::TooManyAttempts(_) | Refusal::TooManyStreams | Refusal::TooManyMessages(_) => {
            words.too_many_attempts
        }
        Refusal::TooManyRooms => words.too_many_rooms,
        Refusal::Overloaded(_) => words.overloaded,
        Refusal::ShuttingDown => words.stopping,
        Refusal::StorageFull => words.full,
        Refusal::Unavailable(_) => words.unavailable,
        Refusal::NoKeys => words.provider_away,
        Refusal::Internal(_) => words.internal,
    };
    sentence.to_owned()
}

impl Refusals {
    /// Returns the error in a field, with the label that the form gives it.
    fn in_form(&self, field: &str, fault: &str) -> String {
        match self.label(field) {
            Some("") => finished(fault),
            Some(label) => finished(&self.in_field.with_both(label, fault)),
            // A name that the visitor typed is shown as they typed it.
            None => self.in_field.with_both(field, finished(fault)),
        }
    }

    /// Returns the label of a field; empty if the error needs none.
    fn label(&self, field: &str) -> Option<&'static str> {
        match field {
            "userId" => Some(self.field_user_id),
            "displayName" => Some(self.field_display_name),
            "password" | "scopes" | "topics" | "days" | "name" | "id" | "room" | "text"
            | "alarmType" | "data" | "url" | "confirm" | "to.users" | "expiresInSeconds" => {
                Some("")
            }
            _ => None,
        }
    }
}

/// Makes a sentence begin with a capital letter and end with a full stop.
fn finished(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = letters.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{stop}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::UserId;
    use crate::pages::words::Language;

    #[test]
    fn a_refused_value_is_a_sentence_in_either_language() {
        let rule = UserId::parse("a b").unwrap_err();
        let refusal = Refusal::invalid("userId", rule);

        let english = Language::English.words().refusal(&refusal);
        let korean = Language::Korean.words().refusal(&refusal);

        assert_eq!(
            english,
            "User name: a user id is 1 to 255 letters, marks, digits and _.@-|:/+=~."
        );
        assert!(
            korean.starts_with("사용자 이름: ") && korean.ends_with('.'),
            "{korean}"
        );
    }

    #[test]
    fn an_unknown_user_is_named() {
        let refusal = Refusal::UnknownUsers(vec![UserId::parse("zoe").unwrap()]);

        let sentence = Language::Korean.words().refusal(&refusal);

        assert!(sentence.contains("zoe"), "{sentence}");
    }
}
