//! The file with the issuers: read as a whole, and refused in words that name the entry and the field.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use toml::{Table, Value};
use url::Url;

use crate::auth::Secret;
use crate::auth::issuers::jwk::Family;
use crate::auth::issuers::key::Key;
use crate::outgoing;

/// The settings of one issuer.
#[derive(Clone, PartialEq)]
pub(crate) struct IssuerSettings {
    /// The exact claim `iss`.
    pub(crate) issuer: String,
    /// The audiences of which a token names one; `None` if it need name none.
    pub(super) audience: Option<Vec<String>>,
    /// The place of the keys.
    pub(super) keys: KeySource,
    /// The algorithms that a token may be signed with.
    pub(super) algorithms: Vec<Algorithm>,
    /// The claim that is the user id.
    pub(super) user: String,
    /// The rule of roles; without one everybody is a user.
    pub(super) role: Option<RoleRule>,
    /// An unknown user gets an account.
    pub(crate) create_users: bool,
    /// A token may speak for an account that its issuer has not made.
    pub(crate) link: bool,
    /// The rights of the Mercure protocol that a token may give.
    pub(crate) mercure: Vec<MercureRight>,
    /// The sign-in with this provider on the pages.
    pub(crate) sign_in: Option<SignInSettings>,
}

/// The place of the keys of an issuer.
#[derive(Clone, PartialEq)]
pub(super) enum KeySource {
    /// A key set (RFC 7517).
    Url(Url),
    /// The key set that the document of this address names (OpenID Connect Discovery 1.0).
    Discovery(Url),
    /// One public key, as PEM.
    Pem(String),
    /// A secret that the issuer shares with this hub.
    Secret(Secret),
}

/// The address of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeySetAddress(pub(super) Url);

impl std::str::FromStr for KeySetAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        address(text).map(Self)
    }
}

/// The claim that names groups, and the groups of the roles.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRule {
    pub(super) claim: String,
    #[serde(default)]
    pub(super) admin: Vec<String>,
    #[serde(default)]
    pub(super) service: Vec<String>,
}

/// A right of the Mercure protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MercureRight {
    /// To subscribe to the topics that the token names.
    Subscribe,
    /// To publish to the topics that the token names.
    Publish,
}

/// The sign-in with a provider.
#[derive(Clone, PartialEq)]
pub(crate) struct SignInSettings {
    /// The name of the provider, in the address of its route and on its button.
    pub(crate) name: String,
    /// The name under which the provider knows this hub.
    pub(crate) client_id: String,
    /// The secret of that name; a public client has none.
    pub(crate) client_secret: Option<ClientSecret>,
    /// The scopes that are asked for.
    pub(in crate::auth) scopes: Vec<String>,
}

/// The secret of a client of OpenID Connect. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientSecret(String);

impl ClientSecret {
    /// The secret, for the provider alone.
    pub(in crate::auth) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientSecret(…)")
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuer: String,
    audience: Audience,
    jwks_uri: Option<String>,
    #[serde(default)]
    discovery: bool,
    pem: Option<PathBuf>,
    secret_file: Option<PathBuf>,
    algorithms: Option<Vec<String>>,
    #[serde(default = "subject")]
    user: String,
    role: Option<RoleRule>,
    #[serde(default)]
    create_users: bool,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    mercure: Vec<MercureRight>,
    sign_in: Option<SignInEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInEntry {
    name: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of audiences, or \"any\"")]
enum Audience {
    Word(String),
    List(Vec<String>),
}

fn scopes() -> Vec<String> {
    Vec::from([OPENID.to_owned(), "profile".to_owned()])
}

fn subject() -> String {
    "sub".to_owned()
}

/// Reads a file of issuers. Paths in it are relative to its folder.
pub(crate) fn read(path: &Path) -> Result<Vec<IssuerSettings>, String> {
    let failed = |cause: String| format!("{}: {cause}", path.display());
    let text = std::fs::read_to_string(path).map_err(|cause| failed(cause.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder).map_err(failed)
}

/// Parses the text of a file of issuers.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Vec<IssuerSettings>, String> {
    let mut table: Table = text
        .parse()
        .map_err(|cause: toml::de::Error| cause.to_string().trim_end().replace('\n', " / "))?;
    let entries = match table.remove("issuer") {
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err("issuer: an entry begins with [[issuer]]".to_owned()),
        None => Vec::new(),
    };
    if let Some(unknown) = table.keys().next() {
        return Err(format!(
            "{unknown}: the file holds entries [[issuer]] alone"
        ));
    }
    let numbered = entries.into_iter().enumerate();
    let issuers: Vec<IssuerSettings> = numbered
        .map(|(at, entry)| named(entry, at + 1, folder))
        .collect::<Result<_, _>>()?;
    refuse_repeated("issuer", issuers.iter().map(|one| one.issuer.as_str()))?;
    let sign_ins = issuers.iter().filter_map(|one| one.sign_in.as_ref());
    refuse_repeated("sign_in.name", sign_ins.map(|one| one.name.as_str()))?;
    Ok(issuers)
}

fn refuse_repeated<'a>(field: &str, values: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut met = HashSet::new();
    for value in values {
        if !met.insert(value) {
            return Err(format!("{field}: two entries have {value:?}"));
        }
    }
    Ok(())
}

/// An entry, or its fault behind its number and its name.
fn named(entry: Value, number: usize, folder: &Path) -> Result<IssuerSettings, String> {
    let name = entry.get("issuer").and_then(Value::as_str);
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    let settings = serde_path_to_error::deserialize::<_, Entry>(entry)
        .map_err(|cause| {
            let path = cause.path().to_string();
            let path = if path == "." {
                String::new()
            } else {
                format!("{path}: ")
            };
            let cause = cause.inner().message().trim_end().replace('\n', " ");
            format!("{path}{cause}")
        })
        .and_then(|entry| entry.settings(folder));
    settings.map_err(|cause| format!("issuer {number}{name}: {cause}"))
}

impl Entry {
    fn settings(self, folder: &Path) -> Result<IssuerSettings, String> {
        if self.issuer.is_empty() || self.issuer == OWN_ISSUER {
            return Err(format!(
                "issuer: {:?} is no name of another issuer",
                self.issuer
            ));
        }
        let keys = self.keys(folder)?;
        let algorithms = algorithms(self.algorithms.as_deref(), &keys)?;
        if let KeySource::Pem(pem) = &keys {
            Key::of_pem(pem, &algorithms).map_err(|cause| format!("pem: {cause}"))?;
        }
        if self.sign_in.is_some() && !matches!(keys, KeySource::Discovery(_)) {
            return Err("sign_in: it needs discovery = true".to_owned());
        }
        let sign_in = self.sign_in.map(|one| one.settings(folder)).transpose()?;
        Ok(IssuerSettings {
            audience: audience(self.audience)?,
            keys,
            algorithms,
            issuer: self.issuer,
            user: self.user,
            role: self.role,
            create_users: self.create_users,
            link: self.link,
            mercure: self.mercure,
            sign_in,
        })
    }

    fn keys(&self, folder: &Path) -> Result<KeySource, String> {
        match (&self.jwks_uri, self.discovery, &self.pem, &self.secret_file) {
            (Some(url), false, None, None) => {
                let url = address(url).map_err(|cause| format!("jwks_uri: {cause}"))?;
                Ok(KeySource::Url(url))
            }
            (None, true, None, None) => {
                let url = format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/'));
                let url = address(&url).map_err(|cause| format!("discovery: {cause}"))?;
                Ok(KeySource::Discovery(url))
            }
            (None, false, Some(path), None) => Ok(KeySource::Pem(text("pem", folder, path)?)),
            (None, false, None, Some(path)) => {
                let secret = Secret::parse(&text("secret_file", folder, path)?);
                let secret = secret.map_err(|cause| format!("secret_file: {cause}"))?;
                Ok(KeySource::Secret(secret))
            }
            _ => Err("expected one of jwks_uri, discovery = true, pem, secret_file".to_owned()),
        }
    }
}

impl SignInEntry {
    fn settings(self, folder: &Path) -> Result<SignInSettings, String> {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > MOST_NAME || !self.name.chars().all(is_word) {
            return Err(format!(
                "sign_in.name: it has 1 to {MOST_NAME} of a to z, 0 to 9 and -"
            ));
        }
        if self.client_id.is_empty() {
            return Err("sign_in.client_id: it is empty".to_owned());
        }
        let client_secret = self.secret(folder)?;
        let mut scopes = self.scopes;
        if !scopes.iter().any(|scope| scope == OPENID) {
            scopes.insert(0, OPENID.to_owned());
        }
        Ok(SignInSettings {
            name: self.name,
            client_id: self.client_id,
            client_secret,
            scopes,
        })
    }

    fn secret(&self, folder: &Path) -> Result<Option<ClientSecret>, String> {
        let (field, secret) = match (&self.client_secret_file, &self.client_secret_env) {
            (None, None) => return Ok(None),
            (Some(path), None) => {
                let field = "sign_in.client_secret_file";
                (field, text(field, folder, path)?)
            }
            (None, Some(variable)) => {
                let field = "sign_in.client_secret_env";
                let value = std::env::var(variable);
                (
                    field,
                    value.map_err(|cause| format!("{field}: {variable}: {cause}"))?,
                )
            }
            (Some(_), Some(_)) => {
                return Err(
                    "sign_in: expected one of client_secret_file, client_secret_env".to_owned(),
                );
            }
        };
        match secret.trim() {
            "" => Err(format!("{field}: the secret is empty")),
            secret => Ok(Some(ClientSecret(secret.to_owned()))),
        }
    }
}

fn text(field: &str, folder: &Path, path: &Path) -> Result<String, String> {
    let path = folder.join(path);
    let text = std::fs::read_to_string(&path)
        .map_err(|cause| format!("{field}: {}: {cause}", path.display()))?;
    // Some editors begin each text with it.
    Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_owned())
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|cause| cause.to_string())?;
    outgoing::check(&url)?;
    Ok(url)
}

fn audience(audience: Audience) -> Result<Option<Vec<String>>, String> {
    match audience {
        Audience::Word(word) if word == "any" => Ok(None),
        Audience::List(list) if !list.is_empty() => Ok(Some(list)),
        Audience::Word(_) | Audience::List(_) => {
            Err("audience: expected a list of audiences, or \"any\"".to_owned())
        }
    }
}

fn algorithms(named: Option<&[String]>, keys: &KeySource) -> Result<Vec<Algorithm>, String> {
    let is_secret = matches!(keys, KeySource::Secret(_));
    let Some(named) = named else {
        return match is_secret {
            true => Ok(vec![Algorithm::HS256]),
            false => Err(format!("algorithms: missing; expected some of {PUBLIC}")),
        };
    };
    if named.is_empty() {
        return Err("algorithms: there is none".to_owned());
    }
    let one = |name: &String| match (name.parse(), is_secret) {
        (Ok(Algorithm::HS256), true) => Ok(Algorithm::HS256),
        (Ok(algorithm), false) if Family::of(algorithm).is_some_and(Family::is_public) => {
            Ok(algorithm)
        }
        (_, true) => Err(format!(
            "algorithms: {name} does not go with secret_file, HS256 does"
        )),
        (_, false) => Err(format!("algorithms: {name} is none of {PUBLIC}")),
    };
    named.iter().map(one).collect()
}

/// The issuer of the hub's own sign-in tokens.
pub(in crate::auth) const OWN_ISSUER: &str = "campanile";

/// The scope without which there is no ID token (OpenID Connect Core 1.0, section 3.1.2.1).
const OPENID: &str = "openid";

/// OpenID Connect Discovery 1.0, section 4.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

const BYTE_ORDER_MARK: char = '\u{feff}';

const PUBLIC: &str = "RS256, PS256, ES256, ES384, EdDSA";

/// A button with a longer name is no button.
const MOST_NAME: usize = 40;
