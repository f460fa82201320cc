//! `/.well-known/jwks.json`: the public keys of the hub.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use serde::Serialize;

use crate::actions::AppState;
use crate::auth::PublicKey;

/// A key set (RFC 7517).
#[derive(utoipa::ToSchema, Serialize)]
pub(crate) struct KeySet {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// The keys that sign-in tokens are verified with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "operation",
    responses((status = 200, description = "A key set (RFC 7517)", body = KeySet)))]
pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    let keys = state.tokens.own_keys().public();
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
        .json(KeySet { keys })
}
