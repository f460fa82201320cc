//! The ways to name the caller of a request as the contracts tell them: the schemes, and those that each operation takes.

use serde_json::{Value, json};
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::cookies::{SECURE_SESSION, SESSION};
use crate::http::parameters::{STREAM, WITHOUT_TOKEN};

/// A way to name the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A signed token or an API key in the header.
    Bearer,
    /// A session in the cookie of a hub without TLS.
    Session,
    /// A session in the cookie of a hub behind TLS.
    SecureSession,
    /// A signed token in the query.
    Query,
}

impl Scheme {
    pub(super) const ALL: [Self; 4] = [
        Self::Bearer,
        Self::Session,
        Self::SecureSession,
        Self::Query,
    ];

    /// The name of the scheme in the contracts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session => "session",
            Self::SecureSession => "secureSession",
            Self::Query => "queryToken",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Bearer => {
                "In the header `Authorization: Bearer`: a JWT (of a session, of `campanile token`, or of an issuer that the hub trusts), or an API key \
                within its scopes and topics. A key is refused in a cookie and in the query. It has no inbox and speaks in no room: \
                it publishes, keeps accounts and types, opens streams, reads the metrics, or administers."
            }
            Self::Session => {
                "The cookie of a session where the hub is reached by plain http. POST, PUT and DELETE take it only from a page of the hub or of an \
                origin in CAMPANILE_CORS_ORIGINS, by the headers `Sec-Fetch-Site` and `Origin`; any other gets `403 cross_origin`. \
                A WebSocket is opened with it by a page of the hub alone."
            }
            Self::SecureSession => {
                "The cookie of a session where the hub is reached by https. The rules are those of `session`."
            }
            Self::Query => {
                "A JWT in the query, for an EventSource or a WebSocket, which cannot send headers. CAMPANILE_QUERY_TOKEN=off switches it off."
            }
        }
    }

    /// The scheme in OpenAPI.
    pub(super) fn openapi(self) -> SecurityScheme {
        let description = self.description();
        let value = |name: &str| ApiKeyValue::with_description(name, description);
        match self {
            Self::Bearer => {
                let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
                SecurityScheme::Http(scheme.description(Some(description)).build())
            }
            Self::Session => SecurityScheme::ApiKey(ApiKey::Cookie(value(SESSION))),
            Self::SecureSession => SecurityScheme::ApiKey(ApiKey::Cookie(value(SECURE_SESSION))),
            Self::Query => SecurityScheme::ApiKey(ApiKey::Query(value("token"))),
        }
    }

    /// The scheme in AsyncAPI.
    pub(super) fn asyncapi(self) -> Value {
        let description = self.description();
        let named = |place: &str, name: &str| json!({"type": "httpApiKey", "in": place, "name": name, "description": description});
        match self {
            Self::Bearer => json!({"type": "http", "scheme": "bearer", "description": description}),
            Self::Session => named("cookie", SESSION),
            Self::SecureSession => named("cookie", SECURE_SESSION),
            Self::Query => named("query", "token"),
        }
    }
}

/// The schemes that an operation takes, each of which is enough; none for an operation that asks for no caller.
pub(super) fn schemes(path: &str) -> Vec<Scheme> {
    if WITHOUT_TOKEN.contains(&path) {
        return Vec::new();
    }
    let all = Scheme::ALL.into_iter();
    all.filter(|scheme| match scheme {
        Scheme::Bearer => true,
        // It is for API keys alone, which no cookie carries.
        Scheme::Session | Scheme::SecureSession => path != TOKENS,
        Scheme::Query => path == STREAM,
    })
    .collect()
}

/// The alternatives that OpenAPI lists for an operation.
pub(super) fn requirements(path: &str) -> Vec<SecurityRequirement> {
    let named = schemes(path).into_iter();
    let named =
        named.map(|scheme| SecurityRequirement::new::<_, [&str; 0], &str>(scheme.name(), []));
    // From the machine itself the metrics are read without a token.
    let none = (path == METRICS).then(SecurityRequirement::default);
    none.into_iter().chain(named).collect()
}

const METRICS: &str = "/metrics";

const TOKENS: &str = "/api/tokens";
