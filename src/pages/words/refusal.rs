//! Refusals in words for a person.

use crate::http::error::ApiError;
use crate::pages::words::Refusals;

pub(super) fn sentence(words: &Refusals, error: &ApiError) -> String {
    let known = match error {
        ApiError::BadCredentials => words.bad_credentials,
        ApiError::Exists("user") => words.user_exists,
        ApiError::Exists("room") => words.room_exists,
        ApiError::AccountDisabled => words.account_disabled,
        ApiError::SignupClosed => words.signup_closed,
        ApiError::CrossOrigin => words.cross_origin,
        ApiError::NotFound("room") => words.no_such_room,
        ApiError::NotFound("user") => words.no_such_user,
        ApiError::NotFound("alarm") => words.no_such_alarm,
        ApiError::NotFound("connection") => words.no_such_connection,
        ApiError::NotFound(_) => words.no_such_page,
        ApiError::TooManyAttempts(_) => words.too_many_attempts,
        ApiError::BodyTooLarge(_) => words.too_large,
        ApiError::BodyTimeout(_) => words.too_slow,
        ApiError::Unavailable(_) => words.unavailable,
        ApiError::Overloaded(_) | ApiError::TooManyConnections => words.overloaded,
        ApiError::ShuttingDown => words.stopping,
        ApiError::StorageFull => words.full,
        ApiError::Internal(_) => words.internal,
        ApiError::Unprocessable { code, detail } => {
            return of_value(words, code, detail);
        }
        ApiError::Forbidden(why) => return finished(reason(words, why)),
        other => return finished(reason(words, &other.detail())),
    };
    known.to_owned()
}

/// What is wrong with a value: the wire names its field first, a person reads the form's label.
fn of_value(words: &Refusals, code: &str, detail: &str) -> String {
    // The wire ends these two with the id in question.
    let id = detail.rsplit(' ').next().unwrap_or_default();
    match code {
        "unknown_user" => return words.unknown_user.with(id),
        "unknown_room" => return words.unknown_room.with(id),
        "idempotency_mismatch" => return words.idempotency_mismatch.to_owned(),
        _ => {}
    }
    let Some((field, why)) = detail.split_once(": ") else {
        return finished(reason(words, detail));
    };
    let why = reason(words, why);
    match words.label(field) {
        Some("") => finished(why),
        Some(label) => finished(&words.in_field.with_both(label, why)),
        // What was typed stays as it was typed.
        None => words.in_field.with_both(field, finished(why)),
    }
}

impl Refusals {
    /// What the form calls a field; empty where the reason speaks for itself.
    fn label(&self, field: &str) -> Option<&'static str> {
        match field {
            "userId" => Some(self.field_user_id),
            "displayName" => Some(self.field_display_name),
            "password" | "name" | "id" | "room" | "text" | "alarmType" | "data" | "url"
            | "confirm" | "to.users" | "expiresInSeconds" => Some(""),
            _ => None,
        }
    }
}

fn reason<'a>(words: &Refusals, english: &'a str) -> &'a str {
    let translated = words.reasons.iter().find(|(known, _)| *known == english);
    translated.map_or(english, |(_, ours)| ours)
}

/// Begins with a capital letter and ends with a full stop.
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
    use std::path::Path;

    use super::*;
    use crate::alarm::UserId;
    use crate::pages::words::Language;

    #[test]
    fn every_rule_for_a_value_is_translated() {
        let korean = &Language::Korean.words().refusals;
        let mut rules = 0;
        for folder in ["src/alarm", "src/auth"] {
            for file in
                std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap()
            {
                let code = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let code = code.split("mod tests").next().unwrap();
                for rule in
                    quoted_after(code, "InvalidValue(").chain(quoted_after(code, "printable("))
                {
                    assert_ne!(
                        reason(korean, &rule),
                        rule,
                        "{folder}: {rule:?} has no Korean"
                    );
                    rules += 1;
                }
            }
        }
        assert!(rules > 10, "the rules were found");
    }

    /// The text literal that follows a call's opening, which may be some arguments or a line further on.
    fn quoted_after(code: &str, opening: &'static str) -> impl Iterator<Item = String> {
        let found: Vec<String> = code
            .split(opening)
            .skip(1)
            .filter_map(|rest| {
                let call = rest.split([';', '{']).next()?;
                let (_, quoted) = call.split_once('"')?;
                Some(quoted.split('"').next()?.to_owned())
            })
            .filter(|text| text.contains(' '))
            .collect();
        found.into_iter()
    }

    #[test]
    fn a_refused_value_is_a_sentence_in_either_language() {
        let cause = UserId::parse("a b").unwrap_err();
        let error = ApiError::invalid("userId", cause);

        let english = Language::English.words().sentence(&error);
        let korean = Language::Korean.words().sentence(&error);

        assert_eq!(
            english,
            "User name: a user id is 1 to 64 letters, digits and _.@-."
        );
        assert!(
            korean.starts_with("사용자 이름: ") && korean.ends_with('.'),
            "{korean}"
        );
    }

    #[test]
    fn an_unknown_user_is_named() {
        let error = ApiError::Unprocessable {
            code: "unknown_user",
            detail: "there is no user zoe".to_owned(),
        };

        let sentence = Language::Korean.words().sentence(&error);

        assert!(sentence.contains("zoe"), "{sentence}");
    }
}
