//! The publish form: its fields, the preview of its audience, and publishing.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::actions::audience::{self, Audience};
use crate::actions::publish::{self, Publication};
use crate::actions::{AppState, Refusal, Rule};
use crate::alarm::{AlarmId, InvalidValue, Link, Payload, Recipients, UserId};
use crate::pages::admin::{AdminPage, admin_page};
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{html, html_again, origin_of};
use crate::pages::redirect::see_other;
use crate::pages::visitor::AdminVisitor;
use crate::pages::words::Words;

/// The submitted publish form. Its fields make up the request, so the same fields with the same key are one request.
#[derive(Serialize)]
pub(super) struct PublishForm {
    #[serde(skip)]
    pub(super) idempotency_key: String,
    pub(super) target: String,
    pub(super) users: String,
    pub(super) room: String,
    pub(super) alarm_type: String,
    pub(super) from_user_id: String,
    pub(super) data: String,
    pub(super) url: String,
    pub(super) expires_in_seconds: String,
}

/// The audience of the form.
pub(super) struct Told {
    pub(super) reaches: String,
    /// The named users who do not exist.
    pub(super) unknown: Option<String>,
}

/// The audience alone, which the page's script fetches while the form is being filled in.
#[derive(Template)]
#[template(path = "audience.html")]
struct AudiencePart {
    tag: &'static str,
    title: &'static str,
    told: Option<Told>,
    fault: Option<String>,
}

/// The preview of the form.
pub(super) struct Preview {
    pub(super) told: Told,
    /// The same request as a shell command.
    pub(super) command: String,
}

/// `POST /admin/publish`.
pub(crate) async fn publish(
    state: Data<AppState>,
    admin: AdminVisitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let filled = PublishForm::of(&form);
    match store(&state, &admin, &form, &filled).await {
        Ok(ids) => Ok(see_other(&format!("/admin?published={ids}"))),
        Err(error) => refused(&state, &admin, filled, &error).await,
    }
}

/// `POST /admin/preview`: the page again, with the preview of the form.
pub(crate) async fn preview(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let filled = PublishForm::of(&form);
    match Preview::of(&state, &admin, &request, &form).await {
        Ok(preview) => {
            let page = AdminPage {
                form: filled,
                preview: Some(preview),
                ..admin_page(&state, &admin, "").await?
            };
            html(StatusCode::OK, &page)
        }
        Err(error) => refused(&state, &admin, filled, &error).await,
    }
}

/// `POST /admin/audience`: the audience of a form that may be incomplete.
pub(crate) async fn audience(
    state: Data<AppState>,
    admin: AdminVisitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let words = admin.words();
    let found = match recipients(&form) {
        Ok(to) => audience::of(&state, to).await,
        Err(error) => Err(error),
    };
    let part = AudiencePart {
        tag: words.tag,
        title: words.admin.preview,
        fault: found.as_ref().err().map(|error| words.refusal(error)),
        told: found.as_ref().ok().map(|found| Told::of(found, words)),
    };
    match &found {
        Ok(_told) => html(StatusCode::OK, &part),
        Err(error) => html_again(error, &part),
    }
}

async fn refused(
    state: &AppState,
    admin: &AdminVisitor,
    form: PublishForm,
    error: &Refusal,
) -> Result<HttpResponse, PageError> {
    let page = AdminPage {
        form,
        error: Some(admin.words().refusal(error)),
        ..admin_page(state, admin, "").await?
    };
    html_again(error, &page)
}

async fn store(
    state: &AppState,
    admin: &AdminVisitor,
    form: &Form,
    filled: &PublishForm,
) -> Result<String, Refusal> {
    require_confirmation(form, admin.words())?;
    let publication = publication_of(form)?;
    let body = serde_json::to_vec(filled).map_err(internal)?;
    let key = form.optional("idempotencyKey")?;
    let idempotency = key.map(|key| publish::idempotency(admin.user_id(), key, &body));
    let stored = publish::publish(state, publication, idempotency).await?;
    let ids: Vec<AlarmId> = stored.alarms.iter().map(|alarm| alarm.id).collect();
    Ok(match ids.as_slice() {
        [] => String::new(),
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
    })
}

/// Publishing to everyone must be confirmed by typing a word.
fn require_confirmation(form: &Form, words: &Words) -> Result<(), Refusal> {
    let wanted = form.text("target") == "everyone";
    if wanted && form.given("confirm") != Some(words.admin.confirm_word) {
        return Err(Refusal::invalid("confirm", Rule::Confirmation));
    }
    Ok(())
}

fn publication_of(form: &Form) -> Result<Publication, Refusal> {
    let data = form.given("data").map(Payload::parse).transpose();
    Ok(Publication {
        to: recipients(form)?,
        alarm_type: form.required("alarmType")?,
        from_user_id: form.optional("fromUserId")?,
        target_id: None,
        data: data.map_err(|rule| Refusal::invalid("data", rule))?,
        url: form.optional("url")?,
        expires_in_seconds: form.optional("expiresInSeconds")?,
    })
}

fn recipients(form: &Form) -> Result<Recipients, Refusal> {
    match form.text("target") {
        "everyone" => Ok(Recipients::Everyone),
        "admins" => Ok(Recipients::Admins),
        "room" => Ok(Recipients::Room(form.required("room")?)),
        _ => {
            let users = Recipients::users(users(form.text("users"))?);
            users.map_err(|rule| Refusal::invalid("to.users", rule))
        }
    }
}

fn users(names: &str) -> Result<Vec<UserId>, Refusal> {
    names
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|name| !name.is_empty())
        .map(|name| {
            let refused = |rule: InvalidValue| Refusal::invalid(name.to_owned(), rule);
            UserId::parse(name).map_err(refused)
        })
        .collect()
}

impl Preview {
    async fn of(
        state: &AppState,
        admin: &AdminVisitor,
        request: &HttpRequest,
        form: &Form,
    ) -> Result<Self, Refusal> {
        let wanted = publication_of(form)?;
        let hub = origin_of(request, state);
        let command = command(&hub, form.text("idempotencyKey"), &wanted)?;
        let found = audience::of(state, wanted.to).await?;
        Ok(Self {
            told: Told::of(&found, admin.words()),
            command,
        })
    }
}

impl Told {
    fn of(audience: &Audience, words: &Words) -> Self {
        Self {
            reaches: reaches(audience, words),
            unknown: unknown(audience, words),
        }
    }
}

fn reaches(audience: &Audience, words: &Words) -> String {
    let words = &words.admin;
    let streams = words.reached_streams.of(audience.streams);
    match audience.accounts {
        None => words.reaches_room.with(streams),
        Some(accounts) => {
            let accounts = words.reached_accounts.of(accounts);
            words.reaches.with_both(accounts, streams)
        }
    }
}

fn unknown(audience: &Audience, words: &Words) -> Option<String> {
    let names: Vec<&str> = audience.unknown_users.iter().map(UserId::as_str).collect();
    let sentence = if audience.unknown_are_made {
        &words.admin.unknown_made
    } else {
        &words.admin.unknown
    };
    (!names.is_empty()).then(|| sentence.with(names.join(", ")))
}

/// The request as a shell command; the user of the command fills in the token.
fn command(hub: &str, key: &str, request: &Publication) -> Result<String, Refusal> {
    let data = request.data.as_ref().map(Payload::as_json);
    let data = data.map(|json| RawValue::from_string(json.to_owned()));
    let body = Body {
        to: &request.to,
        alarm_type: request.alarm_type.as_str(),
        from_user_id: request.from_user_id.as_ref(),
        data: data.transpose().map_err(internal)?,
        url: request.url.as_ref().map(Link::as_str),
        expires_in_seconds: request.expires_in_seconds,
    };
    let body = serde_json::to_string(&body).map_err(internal)?;
    Ok([
        format!("curl -X POST {}", quoted(&format!("{hub}/api/alarms"))),
        "-H \"Authorization: Bearer $CAMPANILE_TOKEN\"".to_owned(),
        "-H 'Content-Type: application/json'".to_owned(),
        format!("-H {}", quoted(&format!("Idempotency-Key: {key}"))),
        format!("-d {}", quoted(&body)),
    ]
    .join(" \\\n  "))
}

/// Quotes one word for a POSIX shell (2.2.2): between single quotes every character but the single quote is literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn internal(cause: serde_json::Error) -> Refusal {
    Refusal::Internal(cause.to_string())
}

/// The body of `POST /api/alarms`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    to: &'a Recipients,
    alarm_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
}

impl PublishForm {
    pub(super) fn blank() -> Self {
        Self {
            idempotency_key: Uuid::new_v4().to_string(),
            target: "user".to_owned(),
            users: String::new(),
            room: String::new(),
            alarm_type: String::new(),
            from_user_id: String::new(),
            data: String::new(),
            url: String::new(),
            expires_in_seconds: String::new(),
        }
    }

    fn of(form: &Form) -> Self {
        let field = |name| form.text(name).to_owned();
        Self {
            idempotency_key: field("idempotencyKey"),
            target: field("target"),
            users: field("users"),
            room: field("room"),
            alarm_type: field("alarmType"),
            from_user_id: field("fromUserId"),
            data: field("data"),
            url: field("url"),
            expires_in_seconds: field("expiresInSeconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_quoted_text_as_it_is() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
