//! Signing in over the wire.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::TestApp;

/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Signs in.
pub(crate) fn login(app: &TestApp, id: &str, password: &str) -> RequestBuilder {
    app.request(Method::POST, "/api/auth/login")
        .json(&json!({"userId": id, "password": password}))
}

/// The cookie of a session.
pub(crate) fn session(token: &str) -> String {
    format!("campanile_session={token}")
}
