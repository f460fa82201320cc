//! The body and the query of a request: JSON and parameters, with a clear error for each fault.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use bytes::Buf;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::actions::{Refusal, Rule};
use crate::alarm::InvalidValue;
use crate::http::object::Object;
use crate::http::problem::ApiError;

/// A body of at most `MOST` bytes. Extracting it never fails, so that the caller's rights are checked before the body.
pub(crate) struct JsonBody<const MOST: usize = SMALL_BODY> {
    bytes: Result<Bytes, ApiError>,
    /// The `Content-Type`, if it names something else than JSON.
    other_type: Option<String>,
}

/// The query, decoded, in the order it was written.
pub(crate) struct Params(Vec<Param>);

struct Param {
    name: String,
    value: String,
    /// False if bytes of it are not UTF-8; `value` then holds marks in their place, which no id and no token has.
    is_text: bool,
}

/// The size of one alarm, or one form.
pub(crate) const SMALL_BODY: usize = 64 * 1024;

/// The time a body may take: slow ones hold a connection, not a worker.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// The size of a thousand recipients or users.
pub(crate) const LARGE_BODY: usize = 1024 * 1024;

impl<const MOST: usize> JsonBody<MOST> {
    /// The bytes as they came.
    pub(crate) fn bytes(self) -> Result<Bytes, ApiError> {
        self.bytes
    }

    /// True if the body begins as a JSON array.
    pub(crate) fn is_array(&self) -> bool {
        let bytes = self.bytes.as_ref().map(|bytes| bytes.trim_ascii_start());
        bytes.is_ok_and(|bytes| bytes.starts_with(b"["))
    }

    /// The object the body is JSON of.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        self.parse_with_bytes().map(|(value, _bytes)| value)
    }

    /// The object the body is JSON of, and the bytes as they came.
    pub(crate) fn parse_with_bytes<T: DeserializeOwned>(self) -> Result<(T, Bytes), ApiError> {
        let (object, bytes) = self.value::<Object<T>>()?;
        Ok((object.0, bytes))
    }

    /// The objects of the array that the body is JSON of, and the bytes as they came.
    pub(crate) fn parse_list<T: DeserializeOwned>(self) -> Result<(Vec<T>, Bytes), ApiError> {
        let (objects, bytes) = self.value::<Vec<Object<T>>>()?;
        Ok((objects.into_iter().map(|object| object.0).collect(), bytes))
    }

    fn value<T: DeserializeOwned>(self) -> Result<(T, Bytes), ApiError> {
        let bytes = self.bytes?;
        match (parse_json(&bytes), self.other_type) {
            (Ok(value), _) => Ok((value, bytes)),
            // Often the reason why it is not: it is a form, or a file.
            (Err(ApiError::MalformedJson(fault)), Some(other)) => {
                let fault = format!("{fault}; it came as {other}, and this route takes {JSON}");
                Err(ApiError::MalformedJson(fault))
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// The value `bytes` is JSON of. Not JSON: 400; not the right one: 422, naming the field.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(ApiError::MalformedJson(NOT_UTF8.to_owned()));
    }
    if bytes.is_empty() {
        return Err(ApiError::MalformedJson("it is empty".to_owned()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refuse(&path, error.inner())
    })?;
    deserializer
        .end()
        .map_err(|error| ApiError::MalformedJson(error.to_string()))?;
    Ok(value)
}

fn refuse(path: &str, error: &serde_json::Error) -> ApiError {
    let text = in_words_of_json(error.to_string());
    let detail = if path == "." {
        text.clone()
    } else {
        format!("{path}: {text}")
    };
    // serde has no other sign of these than its words.
    if let Some((words, rule)) = UNREADABLE.iter().find(|(words, _)| text.starts_with(words)) {
        return ApiError::InvalidBody {
            code: "invalid_field",
            detail: detail.replace(&text, &text.replace(words, rule)),
        };
    }
    if error.classify() != Category::Data {
        return ApiError::MalformedJson(text);
    }
    let code = match &text {
        text if text.starts_with("unknown field") => "unknown_field",
        text if text.starts_with("missing field") => "missing_field",
        _ => "invalid_field",
    };
    ApiError::InvalidBody { code, detail }
}

/// A message of serde, without the names of types in this code.
fn in_words_of_json(text: String) -> String {
    const STRUCT: &str = "expected struct ";
    let text = match text.split_once(STRUCT) {
        Some((before, rest)) => {
            let rest = rest.trim_start_matches(char::is_alphanumeric);
            format!("{before}expected an object{rest}")
        }
        None => text,
    };
    let text = text.replace("unknown variant", "unknown value");
    TYPES.iter().fold(text, |text, (name, words)| {
        text.replace(&format!("expected {name}"), &format!("expected {words}"))
            .replace(
                &format!("invalid type: {name},"),
                &format!("invalid type: {words},"),
            )
    })
}

/// The types of fields, as JSON has them.
const TYPES: [(&str, &str); 7] = [
    ("map", "object"),
    ("sequence", "array"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("i64", "a whole number"),
    ("a sequence", "an array"),
    ("a map", "an object"),
];

/// Well-formed JSON that common readers cannot read: the words of serde, and the rule.
const UNREADABLE: [(&str, &str); 4] = [
    (
        "number out of range",
        "a number is out of range (beyond 1.8e308)",
    ),
    (
        "recursion limit exceeded",
        "arrays and objects are nested deeper than 127",
    ),
    ("lone leading surrogate in hex escape", LONE_SURROGATE),
    ("unexpected end of hex escape", LONE_SURROGATE),
];

const LONE_SURROGATE: &str = "an escape from \\ud800 to \\udfff without its other half is no character (RFC 8259, section 8.2)";

const NOT_UTF8: &str = "it is not UTF-8 (RFC 8259, section 8.1)";

const JSON: &str = "application/json";

impl<const MOST: usize> FromRequest for JsonBody<MOST> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let coding = coding_of(request);
        let other_type = type_other_than_json(request);
        let whole = read::<MOST>(payload.take());
        Box::pin(async move {
            let bytes = match coding {
                Some(coding) => Err(ApiError::ContentCoding(coding)),
                None => tokio::time::timeout(BODY_WITHIN, whole)
                    .await
                    .unwrap_or(Err(ApiError::BodyTimeout(BODY_WITHIN))),
            };
            Ok(Self { bytes, other_type })
        })
    }
}

/// The coding of a body (RFC 9110, section 8.4), if it has one. None is decoded: a few bytes could become many.
fn coding_of(request: &HttpRequest) -> Option<String> {
    let lines = request.headers().get_all(header::CONTENT_ENCODING);
    let codings: Vec<String> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect();
    let mut codings = codings
        .iter()
        .flat_map(|line| line.split(','))
        .map(str::trim);
    let coded = codings.find(|one| !one.is_empty() && !one.eq_ignore_ascii_case("identity"));
    coded.map(shortened)
}

/// The media type of a body, if it is not JSON. JSON is taken under any name, as many programs name none or a wrong one.
fn type_other_than_json(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    let name = text.split(';').next().unwrap_or_default().trim();
    let is_json = name.eq_ignore_ascii_case(JSON) || name.is_empty();
    (!is_json).then(|| shortened(name))
}

/// The part of a value that is repeated to the client.
fn shortened(value: &str) -> String {
    value.chars().take(100).collect()
}

async fn read<const MOST: usize>(mut payload: Payload) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|cause| ApiError::MalformedJson(cause.to_string()))?;
        if bytes.len() + chunk.len() > MOST {
            return Err(ApiError::BodyTooLarge(MOST));
        }
        bytes.extend_from_slice(&chunk);
    }
    // Some platforms begin each text with it. A reader may ignore it (RFC 8259, section 8.1).
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.advance(BYTE_ORDER_MARK.len());
    }
    Ok(bytes.freeze())
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Param {
    fn parsed<T: FromStr<Err: Into<Rule>>>(&self, name: &'static str) -> Result<T, ApiError> {
        if !self.is_text {
            return Err(ApiError::invalid(name, InvalidValue::NotUtf8));
        }
        let parsed = self.value.parse();
        parsed.map_err(|rule| ApiError::invalid(name, rule))
    }
}

impl Params {
    /// Reads a query string; a part that is not `name=value` is skipped, as browsers do.
    pub(crate) fn of(query: &str) -> Self {
        Self::of_bytes(query.as_bytes())
    }

    /// Reads a form (`application/x-www-form-urlencoded`).
    pub(crate) fn of_bytes(form: &[u8]) -> Self {
        let pairs = form.split(|byte| *byte == b'&');
        Self(pairs.filter(|pair| !pair.is_empty()).map(param).collect())
    }

    /// The first name whose value is not text.
    pub(crate) fn not_text(&self) -> Option<&str> {
        let param = self.0.iter().find(|param| !param.is_text);
        param.map(|param| param.name.as_str())
    }

    /// The names, in the order they were written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|param| param.name.as_str())
    }

    /// The first value of a name; an empty one counts as none.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.given(name).map(|param| param.value.as_str())
    }

    fn given(&self, name: &str) -> Option<&Param> {
        let mut params = self.0.iter();
        params.find(|param| param.name == name && !param.value.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |param| param.name == name)
            .map(|param| param.value.as_str())
    }

    /// The first value of a name, parsed; 422 if it cannot be.
    pub(crate) fn parsed<T: FromStr<Err: Into<Rule>>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, ApiError> {
        self.given(name).map(|param| param.parsed(name)).transpose()
    }

    /// All values of a name, parsed; 422 if one of them cannot be. Empty ones count as none.
    pub(crate) fn each<T: FromStr<Err: Into<Rule>>>(
        &self,
        name: &'static str,
    ) -> Result<Vec<T>, ApiError> {
        let given = self.0.iter();
        given
            .filter(|param| param.name == name && !param.value.is_empty())
            .map(|param| param.parsed(name))
            .collect()
    }

    /// The first value of a name, parsed; 422 if it is missing or cannot be.
    pub(crate) fn required<T: FromStr<Err: Into<Rule>>>(
        &self,
        name: &'static str,
    ) -> Result<T, ApiError> {
        self.parsed(name)?
            .ok_or_else(|| Refusal::Missing(name).into())
    }

    /// A page size from 1 to 100.
    pub(crate) fn limit(&self, default: usize) -> Result<usize, ApiError> {
        self.limit_of(default, 100)
    }

    /// The number of entries of a page, from 1 to `most`.
    pub(crate) fn limit_of(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let limit = self.parsed::<usize>("limit")?.unwrap_or(default);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::invalid("limit", Rule::Between(1, most as u64)))
    }
}

fn param(pair: &[u8]) -> Param {
    let mut parts = pair.splitn(2, |byte| *byte == b'=');
    let (name, name_is_text) = decoded(parts.next().unwrap_or_default());
    let (value, value_is_text) = decoded(parts.next().unwrap_or_default());
    Param {
        name,
        value,
        is_text: name_is_text && value_is_text,
    }
}

/// The text of a percent-encoded part, and false if some of it is not UTF-8.
fn decoded(part: &[u8]) -> (String, bool) {
    let spaced: Vec<u8> = part
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    match String::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => (
            String::from_utf8_lossy(error.as_bytes()).into_owned(),
            false,
        ),
    }
}

impl FromRequest for Params {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::of(request.query_string())))
    }
}
