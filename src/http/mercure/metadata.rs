//! The metadata of the hub as a protected resource (RFC 9728). A client that finds none may assume version 0.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::actions::AppState;
use crate::http::mercure::answer::builder;
use crate::http::mercure::paths;
use crate::http::origin;

/// `GET /.well-known/oauth-protected-resource/.well-known/mercure`.
pub(super) async fn describe(state: Data<AppState>, request: HttpRequest) -> HttpResponse {
    let keys = state.mercure.as_ref().map(|mercure| &mercure.keys);
    let issuers = state.tokens.issuers().all();
    let is_granting = issuers.values().map(|issuer| issuer.settings());
    let granting: Vec<&str> = is_granting
        .filter(|settings| !settings.mercure.is_empty())
        .map(|settings| settings.issuer.as_str())
        .collect();
    let has_key = keys.is_some_and(|keys| {
        keys.publisher.is_some() || keys.subscriber.is_some() || !granting.is_empty()
    });
    let own = origin::own(&request, &state).filter(|_own| has_key);
    let (Some(own), Some(keys)) = (own, keys) else {
        return builder(StatusCode::NOT_FOUND).finish();
    };
    let mut servers: Vec<&str> = keys.issuers.iter().map(String::as_str).collect();
    servers.extend(granting);
    servers.sort_unstable();
    servers.dedup();
    let servers = (!servers.is_empty()).then_some(servers);
    let mut metadata = json!({
        "resource": format!("{own}{}", paths::HUB),
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": ["https://mercure.rocks/authorization-detail"],
        "mercure_cookie": "__Secure-mercure_access_token",
    });
    if let (Some(servers), Some(fields)) = (servers, metadata.as_object_mut()) {
        fields.insert("authorization_servers".to_owned(), json!(servers));
    }
    let tells = state.mercure.as_ref().is_some_and(|one| one.subscriptions);
    if let (true, Some(fields)) = (tells, metadata.as_object_mut()) {
        fields.insert("mercure_subscriptions".to_owned(), json!(true));
    }
    builder(StatusCode::OK)
        .content_type("application/json")
        .body(metadata.to_string())
}
