//! The documents that tell of active subscriptions, in both dialects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::alarm::update::ActiveSubscription;
use crate::auth::mercure::Version;
use crate::http::mercure::paths;

/// The document of one subscription.
pub(super) fn document(
    subscription: &ActiveSubscription,
    subscriber: &str,
    version: Version,
    is_active: bool,
) -> Value {
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    let kind = subscription.match_type.as_deref().unwrap_or("exact");
    if version == Version::Zero {
        put("@context", json!(CONTEXT));
    }
    put("id", json!(topic(subscription, subscriber, version)));
    if version == Version::Zero {
        put("type", json!("Subscription"));
        put("topic", json!(subscription.text));
    } else {
        put("type", json!("subscription"));
        put("match", json!(subscription.text));
        put("match_type", json!(kind));
    }
    put("subscriber", json!(subscriber));
    put("active", json!(is_active));
    if let Some(payload) = &subscription.payload {
        put("payload", payload.clone());
    }
    Value::Object(document)
}

/// The topic of the updates about one subscription, which is also the path of its document.
pub(super) fn topic(
    subscription: &ActiveSubscription,
    subscriber: &str,
    version: Version,
) -> String {
    let (text, subscriber) = (escaped(&subscription.text), escaped(subscriber));
    let root = paths::SUBSCRIPTIONS;
    let kind = subscription.match_type.as_deref().unwrap_or("exact");
    match version {
        Version::Zero => format!("{root}/{text}/{subscriber}"),
        Version::One => format!("{root}/{kind}/{text}/{subscriber}"),
    }
}

/// The dialect of the matcher of a subscription.
pub(super) fn version_of(subscription: &ActiveSubscription) -> Version {
    match subscription.match_type {
        Some(_) => Version::One,
        None => Version::Zero,
    }
}

/// A segment of a path: everything but unreserved characters (RFC 3986, section 2.3) is escaped.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The context of the documents of version 0.
pub(super) const CONTEXT: &str = "https://mercure.rocks/";

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
