//! The stylesheets and the scripts: embedded in the binary and compressed once. The viewer of `/api/docs` is embedded compressed.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{LazyLock, OnceLock};

use actix_web::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

use crate::http::lists::members;
use crate::http::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

struct Asset {
    media_type: String,
    /// A digest of the content. A cache may keep an address that contains it for ever.
    digest: String,
    plain: OnceLock<Bytes>,
    /// The content compressed with Brotli, where the build of `web/` left it.
    brotli: Option<Bytes>,
    gzip: OnceLock<Option<Bytes>>,
}

/// `GET /assets/{name}`.
pub(crate) async fn asset(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(named(&name)?.answer(&request, EACH_TIME))
}

/// `GET /campanile.js`: the module that other sites load, at a permanent address.
pub(crate) async fn module(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(for_every_site(named(MODULE)?.answer(&request, EACH_TIME)))
}

/// `GET /campanile@{version}.js`: the module at the address of one version, which browsers cache for ever. Any other
/// version is redirected to the current module, so that an upgrade of the hub does not break sites that name an older
/// version.
pub(crate) async fn versioned_module(
    request: HttpRequest,
    version: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let module = named(MODULE)?;
    let response = if module.digest == *version {
        module.answer(&request, FOR_EVER)
    } else {
        HttpResponse::TemporaryRedirect()
            .insert_header((LOCATION, "/campanile.js"))
            .insert_header((CACHE_CONTROL, EACH_TIME))
            .finish()
    };
    Ok(for_every_site(response))
}

/// `GET /campanile-client.tgz`: the npm package of the client for this hub.
pub(crate) async fn package(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Ok(for_every_site(named(PACKAGE)?.answer(&request, EACH_TIME)))
}

/// Returns the version of the current module, as its address contains it.
pub(crate) fn module_version() -> Result<&'static str, ApiError> {
    Ok(&named(MODULE)?.digest)
}

fn named(name: &str) -> Result<&'static Asset, ApiError> {
    ASSETS.get(name).ok_or(ApiError::NoRoute)
}

/// Adds the headers that a module loaded from another origin needs. The module is public and the same for everyone.
fn for_every_site(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

impl Asset {
    fn embedded(name: &str) -> Option<Self> {
        let file = Assets::get(name)?;
        let hash = file.metadata.sha256_hash();
        let content = Bytes::from(file.data.into_owned());
        let is_packed = name == PACKAGE;
        let is_compressed = name.ends_with(GZIP);
        let name = name.trim_end_matches(GZIP);
        let media_type = if is_packed {
            "application/gzip".to_owned()
        } else {
            let kind = mime_guess::from_path(name).first_or_octet_stream();
            format!("{kind}; charset=utf-8")
        };
        let brotli = Assets::get(&format!("{name}{BROTLI}"));
        Some(Self {
            media_type,
            digest: hash
                .iter()
                .take(6)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            plain: if is_compressed {
                OnceLock::new()
            } else {
                OnceLock::from(content.clone())
            },
            brotli: brotli.map(|file| Bytes::from(file.data.into_owned())),
            gzip: if is_packed {
                // Compressed files do not become smaller.
                OnceLock::from(None)
            } else if is_compressed {
                OnceLock::from(Some(content))
            } else {
                OnceLock::new()
            },
        })
    }

    /// The content as it is. For a file that is embedded compressed it is made when a client first asks for it.
    fn plain(&self) -> Bytes {
        let decompress = || self.gzip.get().and_then(Option::as_ref).map(decompressed);
        self.plain
            .get_or_init(|| decompress().unwrap_or_default())
            .clone()
    }

    fn answer(&self, request: &HttpRequest, cache: &'static str) -> HttpResponse {
        let (coding, body) = self.coded(request);
        // Each compressed form and the plain one are different bytes, so each has its own tag (RFC 9110, section 8.8.3).
        let suffix = coding.map_or_else(String::new, |coding| format!("-{coding}"));
        let tag = format!("\"{}{suffix}\"", self.digest);
        // Weak comparison (RFC 9110, section 13.1.2).
        let mut known = members(request.headers(), IF_NONE_MATCH).map(|member| member.value);
        let unchanged = known.any(|known| known == "*" || known.trim_start_matches("W/") == tag);
        let mut response = if unchanged {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        response.insert_header((CACHE_CONTROL, cache));
        response.insert_header((VARY, "Accept-Encoding"));
        response.insert_header((ETAG, tag));
        response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if unchanged {
            return response.finish();
        }
        response.content_type(self.media_type.as_str());
        if let Some(coding) = coding {
            response.insert_header((CONTENT_ENCODING, coding));
        }
        response.body(body)
    }

    /// The form of the content that a request is answered with: Brotli, which is the smallest, unless gzip is preferred.
    fn coded(&self, request: &HttpRequest) -> (Option<&'static str>, Bytes) {
        let (brotli, gzip) = (weight(request, "br"), weight(request, "gzip"));
        if let Some(body) = self
            .brotli
            .as_ref()
            .filter(|_| brotli > 0 && brotli >= gzip)
        {
            return (Some("br"), body.clone());
        }
        let packed = || self.gzip.get_or_init(|| compressed(&self.plain())).clone();
        let body = (gzip > 0).then(packed).flatten();
        body.map_or_else(|| (None, self.plain()), |body| (Some("gzip"), body))
    }
}

/// The weight that a request gives to a coding, or else to any.
fn weight(request: &HttpRequest, name: &str) -> u16 {
    let weight = |name: &str| {
        let mut codings = members(request.headers(), ACCEPT_ENCODING);
        let coding = codings.find(|coding| coding.value.eq_ignore_ascii_case(name));
        coding.map(|coding| coding.weight)
    };
    weight(name).or_else(|| weight("*")).unwrap_or_default()
}

/// Compresses the content; `None` if compression fails, and then it is served uncompressed.
fn compressed(plain: &Bytes) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// The content of a file that is embedded compressed.
fn decompressed(gzip: &Bytes) -> Bytes {
    let mut plain = Vec::new();
    match GzDecoder::new(gzip.as_ref()).read_to_end(&mut plain) {
        Ok(_length) => Bytes::from(plain),
        Err(cause) => {
            log::error!("an embedded file cannot be decompressed: {cause}");
            Bytes::new()
        }
    }
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    Assets::iter()
        .filter(|name| !name.ends_with(BROTLI))
        .filter_map(|name| {
            let asset = Asset::embedded(&name)?;
            Some((name.trim_end_matches(GZIP).to_owned(), asset))
        })
        .collect()
});

const MODULE: &str = "campanile.js";
const PACKAGE: &str = "campanile-client.tgz";

/// The ending of a file that holds another one compressed.
const BROTLI: &str = ".br";

/// The ending of a file that is embedded in its compressed form alone: a large one that browsers always take compressed.
const GZIP: &str = ".gz";

/// The names are the same in every version, so browsers revalidate each time; the answer is mostly 304.
const EACH_TIME: &str = "public, no-cache";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
