//! The parts that all pages share: the bar and the headers.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::{AppState, Refusal, inbox};
use crate::alarm::{AlarmId, Count};
use crate::http::origin;
use crate::http::status::{retry_after, status_of};
use crate::pages::error::PageError;
use crate::pages::view::{initial, tone};
use crate::pages::visitor::{Visit, Visitor};
use crate::pages::words::{Language, Words};

/// The values of the template `base.html`.
pub(crate) struct Page {
    pub(crate) words: &'static Words,
    /// The language that the switch selects.
    pub(crate) other: Language,
    /// The page that the language switch returns to.
    pub(crate) here: String,
    pub(crate) title: String,
    pub(crate) section: &'static str,
    pub(crate) viewer: Option<Viewer>,
    pub(crate) room: Option<String>,
}

/// The signed-in user and the counts of their bell.
pub(crate) struct Viewer {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) initial: String,
    pub(crate) tone: u32,
    pub(crate) is_admin: bool,
    pub(crate) unseen: Count,
    pub(crate) unread: Count,
    pub(crate) cursor: AlarmId,
}

impl Page {
    /// Returns a page for a visitor who is not signed in.
    pub(crate) fn public(visit: Visit, title: &str) -> Self {
        Self {
            words: visit.words,
            other: visit.language.other(),
            here: visit.here,
            title: title.to_owned(),
            section: "",
            viewer: None,
            room: None,
        }
    }

    /// Returns a page with the bar. Its counts are read before the rest of the page: later changes arrive on the
    /// stream.
    pub(crate) async fn of(
        state: &AppState,
        visitor: &Visitor,
        title: &str,
        section: &'static str,
    ) -> Result<Self, PageError> {
        let counts = inbox::counts(state, visitor.inbox()).await?;
        let display_name = visitor.display_name();
        let viewer = Viewer {
            id: visitor.user_id().to_string(),
            initial: initial(&display_name),
            tone: tone(visitor.user_id().as_str()),
            display_name,
            is_admin: visitor.is_admin(),
            unseen: counts.badge.unseen,
            unread: counts.badge.unread,
            cursor: counts.head,
        };
        Ok(Self {
            section,
            viewer: Some(viewer),
            ..Self::public(visitor.visit(), title)
        })
    }
}

/// A page that shows a form again, with the reason why the hub refused it.
pub(crate) fn html_again(
    refusal: &Refusal,
    template: &impl Template,
) -> Result<HttpResponse, PageError> {
    let mut page = html(status_of(refusal), template)?;
    if let Some(seconds) = retry_after(refusal) {
        let seconds = HeaderValue::from(seconds);
        page.headers_mut().insert(RETRY_AFTER, seconds);
    }
    Ok(page)
}

/// Answers with a page.
pub(crate) fn html(
    status: StatusCode,
    template: &impl Template,
) -> Result<HttpResponse, PageError> {
    let body = template
        .render()
        .map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Forms must send their origin; other sites do not need it.
        .insert_header((REFERRER_POLICY, "same-origin"))
        // After a sign-out the next user of the browser must not find the page with the Back button.
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

/// The origin of the hub as the visitor sees it (scheme and authority).
pub(crate) fn origin_of(request: &HttpRequest, state: &AppState) -> String {
    origin::own(request, state).map_or_else(String::new, |own| own.to_string())
}

/// Allows scripts, styles and streams of this hub only; no inline script, no frame.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'";
