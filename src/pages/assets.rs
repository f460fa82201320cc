//! The stylesheet and the scripts, embedded in the binary.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;

use crate::http::error::ApiError;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// `GET /assets/{name}`.
pub(crate) async fn asset(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    serve(&request, &name)
}

/// `GET /campanile.js`: the module other sites load, under an address that stays.
pub(crate) async fn module(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut response = serve(&request, "campanile.js")?;
    let headers = response.headers_mut();
    // A module from another origin runs only with this. It is public and the same for everyone.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(response)
}

fn serve(request: &HttpRequest, name: &str) -> Result<HttpResponse, ApiError> {
    let file = Assets::get(name).ok_or(ApiError::NotFound("asset"))?;
    let hash = file.metadata.sha256_hash();
    let digest: String = hash
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{digest}\"");
    let known = request.headers().get_all(IF_NONE_MATCH);
    let unchanged = known
        .into_iter()
        .any(|value| value.to_str().is_ok_and(|text| text.contains(&tag)));
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    // The names stay the same from one version to the next, so browsers ask each time; the answer is mostly 304.
    response.insert_header((CACHE_CONTROL, "public, no-cache"));
    response.insert_header((ETAG, tag));
    response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if unchanged {
        return Ok(response.finish());
    }
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    response.content_type(format!("{kind}; charset=utf-8"));
    Ok(response.body(file.data.into_owned()))
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
