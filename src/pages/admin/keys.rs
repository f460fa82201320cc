//! `/admin/keys`: the API keys of back ends, and the audit log.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::api_keys::{self, KeyView, Wanted, WhichKey};
use crate::actions::audit::{self, EntryView};
use crate::actions::{AppState, Refusal, Rule};
use crate::alarm::{InvalidValue, KeyName, Scope, Timestamp, TopicPattern};
use crate::http::body::Params;
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html, html_again};
use crate::pages::redirect::see_other;
use crate::pages::view::date_and_time;
use crate::pages::visitor::AdminVisitor;
use crate::pages::words::Words;

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    page: Page,
    form: KeyForm,
    made: Option<Made>,
    error: Option<String>,
    keys: Vec<KeyRow>,
    entries: Vec<EntryRow>,
    /// The `before` of the next page of the audit log.
    older: Option<i64>,
}

/// The form as it was filled in.
#[derive(Default)]
struct KeyForm {
    name: String,
    scopes: Vec<String>,
    topics: String,
    days: String,
}

/// A new key; this page is the only one that ever shows it.
struct Made {
    label: String,
    key: String,
}

struct KeyRow {
    id: String,
    name: String,
    scopes: String,
    topics: String,
    state: String,
    is_good: bool,
    is_revoked: bool,
    last_used: String,
}

struct EntryRow {
    time: String,
    actor: String,
    action: String,
    target: String,
    address: String,
    detail: String,
}

impl KeyForm {
    fn scope_choices(&self) -> Vec<(&'static str, bool)> {
        let is_chosen = |scope: Scope| self.scopes.iter().any(|one| one == scope.as_str());
        let choices = Scope::ALL.into_iter();
        choices
            .map(|scope| (scope.as_str(), is_chosen(scope)))
            .collect()
    }

    fn of(form: &Form) -> Self {
        Self {
            name: form.text("name").to_owned(),
            scopes: form.all("scope").map(str::to_owned).collect(),
            topics: form.text("topics").to_owned(),
            days: form.text("days").to_owned(),
        }
    }

    fn wanted(&self, form: &Form) -> Result<Wanted, Refusal> {
        let scopes = self.scopes.iter().map(|scope| scope.parse::<Scope>());
        let scopes: Result<_, InvalidValue> = scopes.collect();
        let topics = self.topics.split_whitespace().map(TopicPattern::parse);
        let topics: Result<_, InvalidValue> = topics.collect();
        let days = form.optional::<Days>("days")?;
        Ok(Wanted {
            name: form.required::<KeyName>("name")?,
            scopes: scopes.map_err(|rule| Refusal::invalid("scopes", rule))?,
            topics: topics.map_err(|rule| Refusal::invalid("topics", rule))?,
            expires_in_seconds: days.map(|days| days.0.saturating_mul(24 * 3_600)),
        })
    }
}

/// A number of days.
struct Days(u64);

impl std::str::FromStr for Days {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let days: u64 = text.parse().map_err(|_cause| Rule::Between(1, MOST_DAYS))?;
        if (1..=MOST_DAYS).contains(&days) {
            return Ok(Self(days));
        }
        Err(Rule::Between(1, MOST_DAYS))
    }
}

/// `GET /admin/keys`.
pub(crate) async fn show(
    state: Data<AppState>,
    admin: AdminVisitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let before = params.parsed::<i64>("before").unwrap_or_default();
    let page = keys_page(&state, &admin, before).await?;
    html(StatusCode::OK, &page)
}

/// `POST /admin/keys`. The answer is the page with the new key in it: a redirect could not carry the key.
pub(crate) async fn create(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let filled = KeyForm::of(&form);
    let by = admin.actor(&request, &state);
    let made = async { api_keys::create(&state, filled.wanted(&form)?, by).await };
    let made: Result<_, Refusal> = made.await;
    let page = keys_page(&state, &admin, None).await?;
    match made {
        Ok(made) => {
            let made = Made {
                label: admin.words().keys.made.with(&made.view.name),
                key: made.key,
            };
            let made = Some(made);
            html(StatusCode::CREATED, &KeysPage { made, ..page })
        }
        Err(refusal) => {
            let error = Some(admin.words().refusal(&refusal));
            let form = filled;
            html_again(
                &refusal,
                &KeysPage {
                    error,
                    form,
                    ..page
                },
            )
        }
    }
}

/// `POST /admin/keys/{id}/revoke`.
pub(crate) async fn revoke(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let which = WhichKey::Id(id.into_inner());
    api_keys::revoke(&state, which, admin.actor(&request, &state)).await?;
    Ok(see_other("/admin/keys"))
}

/// `POST /admin/keys/{id}/enable`.
pub(crate) async fn enable(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let which = WhichKey::Id(id.into_inner());
    api_keys::enable(&state, which, admin.actor(&request, &state)).await?;
    Ok(see_other("/admin/keys"))
}

async fn keys_page(
    state: &AppState,
    admin: &AdminVisitor,
    before: Option<i64>,
) -> Result<KeysPage, PageError> {
    let words = admin.words();
    let page = Page::of(state, admin, words.keys.title, "admin").await?;
    let keys = api_keys::list(state).await?.into_iter();
    let log = audit::page(state, before, ENTRIES).await?;
    Ok(KeysPage {
        page,
        form: KeyForm::default(),
        made: None,
        error: None,
        keys: keys.map(|key| KeyRow::of(key, words)).collect(),
        entries: log.entries.into_iter().map(EntryRow::of).collect(),
        older: log.next,
    })
}

impl KeyRow {
    fn of(key: KeyView, words: &Words) -> Self {
        let words = &words.keys;
        let is_over = key.expires_at.is_some_and(|end| end <= Timestamp::now());
        let state = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => words.revoked.to_owned(),
            (None, Some(_)) if is_over => words.expired.to_owned(),
            (None, Some(end)) => words.until.with(date_and_time(end)),
            (None, None) => words.good.to_owned(),
        };
        let topics: Vec<String> = key.topics.iter().map(TopicPattern::to_string).collect();
        let topics = topics.join(" ");
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        Self {
            id: key.id,
            name: key.name.to_string(),
            scopes: scopes.join(" "),
            topics: if topics.is_empty() {
                words.all_topics.to_owned()
            } else {
                topics
            },
            state,
            is_good: key.revoked_at.is_none() && !is_over,
            is_revoked: key.revoked_at.is_some(),
            last_used: key
                .last_used_at
                .map_or_else(|| words.never.to_owned(), date_and_time),
        }
    }
}

impl EntryRow {
    fn of(entry: EntryView) -> Self {
        Self {
            time: date_and_time(entry.time),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            address: entry.address,
            detail: entry.detail.get().to_owned(),
        }
    }
}

/// Ten years, as the API has it.
const MOST_DAYS: u64 = 3_650;

/// As many as a person reads through.
const ENTRIES: usize = 50;
