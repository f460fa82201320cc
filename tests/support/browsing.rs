//! Asking for the pages and sending their forms, as a browser with a session does.

use reqwest::{Method, RequestBuilder, Response};

use crate::answers::send;
use crate::support::TestApp;

/// Asks for a page as a browser with this session does.
pub(crate) fn page(app: &TestApp, session: &str, path: &str) -> RequestBuilder {
    app.request(Method::GET, path)
        .header("Accept", "text/html")
        .header("Cookie", format!("campanile_session={session}"))
}

/// Sends a form of the hub's own pages.
pub(crate) fn submit(
    app: &TestApp,
    session: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> RequestBuilder {
    app.request(Method::POST, path)
        .header("Accept", "text/html")
        .header("Origin", &app.base_url)
        .header("Cookie", format!("campanile_session={session}"))
        .form(fields)
}

/// Sends a request that must be answered with a page, and gives its text.
pub(crate) async fn html(request: RequestBuilder, status: u16) -> String {
    let response = send(request).await;
    let (actual, url) = (response.status(), response.url().clone());
    let media_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let text = response.text().await.unwrap();
    assert_eq!(actual, status, "{url}: {text}");
    assert!(media_type.starts_with("text/html"), "{url}: {media_type}");
    text
}

/// The address that the answer to a form redirects to.
pub(crate) fn back(response: &Response) -> String {
    assert_eq!(response.status(), 303, "{response:?}");
    response.headers()["location"].to_str().unwrap().to_owned()
}
