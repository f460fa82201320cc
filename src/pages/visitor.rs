//! The visitor of a page: an extractor like those of the API, but a visitor without a session is sent to sign in.

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

/// The language and the address of a request for a page.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) language: Language,
    pub(crate) words: &'static Words,
    /// The page that the language switch returns to.
    pub(crate) here: String,
}

/// A signed-in user who has an inbox.
pub(crate) struct Visitor {
    caller: Caller,
    visit: Visit,
}

/// A signed-in admin.
pub(crate) struct AdminVisitor(Visitor);

impl Visit {
    /// Returns the visit of a request.
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
    /// Returns the language and the address of the request.
    pub(crate) fn visit(&self) -> Visit {
        self.visit.clone()
    }

    /// Returns the texts in the visitor's language.
    pub(crate) fn words(&self) -> &'static Words {
        self.visit.words
    }

    /// True if the visitor is an admin.
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

/// Returns the signed-in caller; `None` also if the session has ended.
pub(crate) async fn signed_in(request: &HttpRequest) -> Result<Option<Caller>, PageError> {
    match identify(request, QueryToken::Refused).await {
        Ok(caller) => Ok(caller),
        Err(ApiError::Refused(
            Refusal::InvalidToken(_)
            | Refusal::UnknownSubject
            | Refusal::WrongIssuer
            | Refusal::AccountDisabled,
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

/// The page to show after signing in: the requested one, unless the request submitted a form.
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

/// The page that a request shows: its own address, or the page of a form that is shown again.
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
