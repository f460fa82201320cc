//! What all pages have: the bar, the headers, the way to another page.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::{AppState, Refusal, inbox};
use crate::alarm::AlarmId;
use crate::pages::error::PageError;
use crate::pages::view::{initial, tone};
use crate::pages::visitor::{Visit, Visitor};
use crate::pages::words::{Language, Words};

/// What `base.html` shows.
pub(crate) struct Page {
    pub(crate) words: &'static Words,
    /// The language the switch leads to.
    pub(crate) other: Language,
    /// Where the switch leads back to.
    pub(crate) here: String,
    pub(crate) title: String,
    pub(crate) section: &'static str,
    pub(crate) viewer: Option<Viewer>,
    pub(crate) room: Option<String>,
}

/// Who looks at the page, and his bell.
pub(crate) struct Viewer {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) initial: String,
    pub(crate) tone: u32,
    pub(crate) is_admin: bool,
    pub(crate) unseen: i64,
    pub(crate) unread: i64,
    pub(crate) cursor: AlarmId,
}

impl Page {
    /// A page of somebody who is not signed in.
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

    /// A page with the bar. Its figures are read before anything else of the page: what comes later is live.
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
            unseen: counts.unseen,
            unread: counts.unread,
            cursor: counts.head,
        };
        Ok(Self {
            section,
            viewer: Some(viewer),
            ..Self::public(visitor.visit(), title)
        })
    }
}

/// Answers a page.
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
        // Forms must say where they come from; other sites need not know.
        .insert_header((REFERRER_POLICY, "same-origin"))
        // Nobody finds the last person's page by going back.
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

/// Where the visitor sees the hub, as far as a proxy tells: scheme and authority.
pub(crate) fn origin_of(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// Scripts, styles and streams of this hub only; no inline script, no frame.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'";
