//! The fields of a submitted form.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::actions::{Refusal, Rule};
use crate::alarm::{InvalidValue, Link};
use crate::http::body::{JsonBody, Params, SMALL_BODY};
use crate::http::problem::ApiError;
use crate::pages::error::PageError;

/// A form as browsers send it (`application/x-www-form-urlencoded`).
pub(crate) struct Form(Params);

impl Form {
    /// A field as it was typed; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.first(name).unwrap_or_default()
    }

    /// A field without the surrounding white space; `None` if it is empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.0
            .first(name)
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.all(name)
    }

    /// A required field, parsed.
    pub(crate) fn required<T: std::str::FromStr<Err: Into<Rule>>>(
        &self,
        name: &'static str,
    ) -> Result<T, Refusal> {
        let given = self
            .given(name)
            .ok_or_else(|| Refusal::invalid(name, Rule::Required))?;
        given.parse().map_err(|rule| Refusal::invalid(name, rule))
    }

    /// An optional field, parsed.
    pub(crate) fn optional<T: std::str::FromStr<Err: Into<Rule>>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Refusal> {
        let parse = |given: &str| given.parse().map_err(|rule| Refusal::invalid(name, rule));
        self.given(name).map(parse).transpose()
    }

    /// A path under `root` to return to, from a field; otherwise `root`.
    pub(crate) fn way_back(&self, name: &str, root: &str) -> String {
        local_path(self.text(name))
            .filter(|path| path.starts_with(root))
            .unwrap_or(root)
            .to_owned()
    }
}

/// True for a path of this site that no browser interprets as another site.
pub(crate) fn local_path(text: &str) -> Option<&str> {
    let stays_here = text.starts_with('/') && Link::parse(text).is_ok();
    stays_here.then_some(text)
}

impl FromRequest for Form {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = JsonBody::<SMALL_BODY>::from_request(request, payload);
        Box::pin(async move {
            let bytes = body.await?.bytes()?;
            let params = Params::of_bytes(&bytes);
            match params.not_text() {
                Some(name) => Err(ApiError::invalid(name.to_owned(), InvalidValue::NotUtf8).into()),
                None => Ok(Self(params)),
            }
        })
    }
}
