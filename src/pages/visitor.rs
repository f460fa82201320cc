//! The visitor of a page: like the extractors of the wire, but a visitor without a session is sent to sign in.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest};

use crate::actions::{Forbidden, Refusal};
use crate::alarm::Role;
use crate::http::identity::{Caller, QueryToken, identify};
use crate::http::problem::ApiError;
use crate::pages::error::PageError;
use crate::pages::words::{Language, Words};

/// How to speak to whoever asked for a page, and where he is.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) language: Language,
    pub(crate) words: &'static Words,
    /// Where the switch of the language leads back to.
    pub(crate) here: String,
}

/// Somebody signed in who has an inbox.
pub(crate) struct Visitor {
    caller: Caller,
    visit: Visit,
}

/// An admin.
pub(crate) struct AdminVisitor(Visitor);

impl Visit {
    /// The visit a request belongs to.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let language = Language::of(request);
        Self {
            language,
            words: language.words(),
            here: page_of(request),
        }
    }
}

impl Visitor {
    /// How to speak to him.
    pub(crate) fn visit(&self) -> Visit {
        self.visit.clone()
    }

    /// What the pages say to him.
    pub(crate) fn words(&self) -> &'static Words {
        self.visit.words
    }

    /// Whether he also publishes and watches the hub.
    pub(crate) fn is_admin(&self) -> bool {
        self.role() == Role::Admin
    }
}

impl Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Deref for AdminVisitor {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.0
    }
}

impl FromRequest for Visit {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { visitor(&request).await })
    }
}

impl FromRequest for AdminVisitor {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let visitor = visitor(&request).await?;
            if !visitor.is_admin() {
                return Err(Refusal::Forbidden(Forbidden::AdminPage).into());
            }
            Ok(Self(visitor))
        })
    }
}

/// The signed-in caller; `None` also for a session that has ended.
pub(crate) async fn signed_in(request: &HttpRequest) -> Result<Option<Caller>, PageError> {
    match identify(request, QueryToken::Refused).await {
        Ok(caller) => Ok(caller),
        Err(ApiError::Refused(
            Refusal::InvalidToken | Refusal::UnknownSubject | Refusal::AccountDisabled,
        )) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn visitor(request: &HttpRequest) -> Result<Visitor, PageError> {
    let Some(caller) = signed_in(request).await? else {
        return Err(PageError::SignIn {
            next: wanted(request),
        });
    };
    if caller.role() == Role::Service {
        return Err(Refusal::Forbidden(Forbidden::ServicePages).into());
    }
    Ok(Visitor {
        caller,
        visit: Visit::of(request),
    })
}

/// Where to go after signing in: what was asked for, unless that was the sending of a form.
fn wanted(request: &HttpRequest) -> String {
    if *request.method() != Method::GET {
        return "/rooms".to_owned();
    }
    request
        .uri()
        .path_and_query()
        .map_or("/rooms", |path| path.as_str())
        .to_owned()
}

/// The page a request shows: its own address, or for a form that is shown again the one that form is on.
fn page_of(request: &HttpRequest) -> String {
    let path = request.path();
    if *request.method() == Method::GET {
        return wanted(request);
    }
    let page = match path.split('/').nth(1) {
        Some("rooms") => path,
        Some("alarms") => "/alarms",
        Some("admin") => "/admin",
        _ => "/",
    };
    page.to_owned()
}
