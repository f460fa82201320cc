//! The required form of an answer, for success and for failure.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::support::DEADLINE;

/// Sends a request and gives whatever comes back.
pub(crate) async fn send(request: RequestBuilder) -> Response {
    tokio::time::timeout(DEADLINE, request.send())
        .await
        .expect("an answer in time")
        .expect("an answer")
}

/// Sends a request that must succeed with `status`, and gives the JSON of its answer (null for an empty one).
pub(crate) async fn answer(request: RequestBuilder, status: u16) -> Value {
    let response = send(request).await;
    let (actual, url) = (response.status(), response.url().clone());
    let text = text(response).await;
    assert_eq!(actual, status, "{url}: {text}");
    if text.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}

/// The body; a stream that should not have been opened has no end.
pub(crate) async fn text(response: Response) -> String {
    match tokio::time::timeout(DEADLINE, response.text()).await {
        Ok(text) => text.expect("a body"),
        Err(_) => "a body without an end".to_owned(),
    }
}

/// Sends a request that must be refused, checks the whole shape of the problem and gives it.
pub(crate) async fn refusal(request: RequestBuilder, status: u16, code: &str) -> Value {
    problem(send(request).await, status, code).await
}

/// See [`refusal`].
pub(crate) async fn problem(response: Response, status: u16, code: &str) -> Value {
    let (actual, url, headers) = (
        response.status(),
        response.url().clone(),
        response.headers().clone(),
    );
    let text = text(response).await;
    assert_eq!(actual, status, "{url}: {text}");
    assert_eq!(headers["content-type"], "application/problem+json", "{url}");

    let problem: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(problem["code"], code, "{url}: {problem}");
    assert_eq!(problem["status"], status, "{url}: {problem}");
    for member in ["type", "title", "detail", "requestId"] {
        let text = problem[member].as_str();
        assert!(
            text.is_some_and(|text| !text.is_empty()),
            "{url}: {member}: {problem}"
        );
    }
    assert_eq!(
        problem["requestId"].as_str().unwrap().as_bytes(),
        headers["x-request-id"].as_bytes(),
        "{url}"
    );
    problem
}

/// Sends a request whose field `field` must be refused as `invalid_field`, by name.
pub(crate) async fn invalid(request: RequestBuilder, field: &str) {
    let problem = refusal(request, 422, "invalid_field").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(field), "{field:?} is named: {problem}");
}

/// RFC 3339, UTC, milliseconds and `Z`.
pub(crate) fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}
