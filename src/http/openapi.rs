//! The contract of the JSON routes and streams as OpenAPI 3.1, put together from the annotations beside the handlers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, PathItem, RefOr, Response, ResponseBuilder, path::ParameterIn};
use utoipa::{Modify, OpenApi};

use crate::alarm::schema::WatchedTopic;
use crate::alarm::{IdempotencyKey, TypeText};
use crate::http::api::{admin, alarm_types, alarms, auth, health, key_set, keys, rooms, users};
use crate::http::asyncapi;
use crate::http::codes::{CODES, ProblemDocument};
use crate::http::parameters::{STREAM, WITHOUT_TOKEN};
use crate::http::security::{Scheme, requirements};
use crate::http::stream;

/// Every route: its handler stands here, and its annotation beside the handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Campanile",
        description = "A notification hub: one HTTP request stores an alarm and shows it on every page it concerns",
        license(name = "MIT", identifier = "MIT")
    ),
    modifiers(&Common),
    components(schemas(ProblemDocument, WatchedTopic, IdempotencyKey, TypeText, alarms::ListedStatus, stream::AllRooms)),
    paths(
        admin::audience,
        admin::connections,
        admin::delivery,
        admin::disable,
        admin::disconnect,
        admin::disconnect_user,
        admin::enable,
        admin::recent,
        admin::send_test,
        admin::user,
        alarm_types::declare,
        alarm_types::delete,
        alarm_types::list,
        alarm_types::typescript,
        alarms::counts,
        alarms::delete_one,
        alarms::delete_about,
        alarms::list,
        alarms::one,
        alarms::mark_read,
        alarms::mark_seen,
        alarms::publish,
        alarms::read_one,
        alarms::senders,
        alarms::top,
        alarms::unread_one,
        auth::log_in,
        auth::log_out,
        auth::me,
        auth::sign_up,
        health::healthy,
        health::metrics,
        health::ready,
        key_set::show,
        keys::audit,
        keys::create,
        keys::enable,
        keys::issue,
        keys::list,
        keys::revoke,
        rooms::create,
        rooms::history,
        rooms::list,
        rooms::presence,
        rooms::say,
        stream::figures::watch,
        stream::subscribe,
        users::delete,
        users::post_many,
        users::put,
        users::sign_out,
        document,
        asyncapi::document,
    )
)]
struct Contract;

/// The parts that all routes have in common: the ways to name the caller, and the errors that follow from the form of the request.
struct Common;

impl Modify for Common {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for scheme in Scheme::ALL {
            components.add_security_scheme(scheme.name(), scheme.openapi());
        }
        for (path, item) in &mut openapi.paths.paths {
            let operations = [
                &mut item.get,
                &mut item.put,
                &mut item.post,
                &mut item.delete,
            ];
            for operation in operations.into_iter().flatten() {
                operation.security = Some(requirements(path));
                complete(path, operation);
            }
        }
    }
}

fn complete(path: &str, operation: &mut Operation) {
    let has_token = !WITHOUT_TOKEN.contains(&path);
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.iter().flatten();
    let is_addressed = parameters
        .clone()
        .any(|one| matches!(one, RefOr::T(one) if one.parameter_in == ParameterIn::Path));
    let is_api = path.starts_with("/api/");
    let errors: BTreeMap<u16, bool> = BTreeMap::from([
        (400, true),
        (401, has_token || path == LOGIN),
        (403, has_token || path.starts_with(AUTH)),
        (404, is_addressed),
        (408, has_body),
        (412, has_token),
        (413, has_body),
        (415, has_body),
        (422, is_api),
        (429, has_body || path == STREAM || path == FIGURES),
        (431, true),
        (500, true),
        (503, true),
        (507, has_body || is_addressed),
    ]);
    for (status, may_come) in errors {
        let status_text = status.to_string();
        if may_come && !operation.responses.responses.contains_key(&status_text) {
            let problem = RefOr::T(problem(status));
            operation.responses.responses.insert(status_text, problem);
        }
    }
}

fn problem(status: u16) -> Response {
    let codes = CODES.iter().find(|(known, _codes)| *known == status);
    let codes = codes.map_or(&[][..], |(_status, codes)| codes);
    let schema = utoipa::openapi::Ref::from_schema_name("ProblemDocument");
    ResponseBuilder::new()
        .description(codes.join(", "))
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}

/// The contract of the routes as OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operation",
    responses((status = 200, description = "This document", body = serde_json::Value)))]
pub(crate) async fn document() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| Contract::openapi().to_json().unwrap_or_default());
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Cache-Control", "no-cache"))
        .body(text.as_str())
}

/// True if the contract has an operation of that method at the pattern of a route; HEAD goes with GET.
pub(crate) fn describes(method: &Method, pattern: &str) -> bool {
    static OPERATIONS: OnceLock<BTreeSet<(String, &'static str)>> = OnceLock::new();
    let operations = OPERATIONS.get_or_init(|| {
        let paths = Contract::openapi().paths.paths.into_iter();
        paths
            .flat_map(|(path, item)| {
                methods(&item)
                    .map(move |method| (path.clone(), method))
                    .collect::<Vec<_>>()
            })
            .collect()
    });
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    operations
        .iter()
        .any(|(path, known)| path == pattern && *known == method)
}

fn methods(item: &PathItem) -> impl Iterator<Item = &'static str> + use<> {
    let known = [
        (item.get.is_some(), "GET"),
        (item.put.is_some(), "PUT"),
        (item.post.is_some(), "POST"),
        (item.delete.is_some(), "DELETE"),
    ];
    known
        .into_iter()
        .filter_map(|(is_known, method)| is_known.then_some(method))
}

const AUTH: &str = "/api/auth/";

const LOGIN: &str = "/api/auth/login";

const FIGURES: &str = "/api/admin/figures";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::parameters;

    fn contract() -> Value {
        serde_json::to_value(Contract::openapi()).unwrap()
    }

    /// Method, template, and the names of the query parameters.
    fn queries() -> BTreeSet<(String, String, Vec<String>)> {
        let contract = contract();
        let paths = contract["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (path, method, operation))
        });
        let named = operations.map(|(path, method, operation)| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_query = parameters.filter(|one| one["in"] == "query");
            let names = of_query.map(|one| one["name"].as_str().unwrap().to_owned());
            let mut names: Vec<String> = names.collect();
            names.sort_unstable();
            (method.to_uppercase(), path.clone(), names)
        });
        named
            .filter(|(_method, _path, names)| !names.is_empty())
            .collect()
    }

    #[test]
    fn the_query_parameters_are_those_that_the_routes_know() {
        let known = parameters::KNOWN.iter().map(|(method, path, names)| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            names.sort_unstable();
            (method.to_string(), (*path).to_owned(), names)
        });

        assert_eq!(queries(), known.collect());
    }

    #[test]
    fn the_codes_are_those_that_the_hub_gives_and_the_reference_lists() {
        let source = include_str!("problem.rs");
        let source = source.split("mod tests").next().unwrap();
        let statuses = include_str!("status.rs");
        let body = include_str!("body.rs").split("mod tests").next().unwrap();
        let listed: BTreeSet<&str> = CODES
            .iter()
            .flat_map(|(_, codes)| *codes)
            .copied()
            .collect();
        let quoted = |text: &'static str| {
            let words = text.split('"').skip(1).step_by(2);
            words.filter(|word| {
                word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            })
        };
        let given: BTreeSet<&str> = [source, statuses, body]
            .into_iter()
            .flat_map(quoted)
            .collect();
        let of_one_word =
            BTreeSet::from(["unauthorized", "forbidden", "overloaded", "unavailable"]);
        let unknown: Vec<_> = given
            .difference(&listed)
            .filter(|one| is_code(one))
            .collect();
        assert!(unknown.is_empty(), "not in CODES: {unknown:?}");
        let never: Vec<_> = listed
            .difference(&given)
            .filter(|one| !of_one_word.contains(**one))
            .collect();
        assert!(never.is_empty(), "in CODES, and never given: {never:?}");

        let reference = include_str!("../../docs/reference/api.md");
        let (_, table) = reference.split_once("## Error codes").unwrap();
        for (status, codes) in CODES {
            let line = table
                .lines()
                .find(|line| line.starts_with(&format!("| {status} |")));
            let line = line.unwrap_or_else(|| panic!("no line for {status}"));
            let told: BTreeSet<&str> = line.split('`').skip(1).step_by(2).collect();
            for code in *codes {
                let is_scope = code.starts_with("missing_scope_");
                let code = if is_scope { "missing_scope_…" } else { code };
                assert!(
                    told.contains(&code),
                    "{status} {code} is not in docs/reference/api.md"
                );
            }
        }
    }

    /// Words of the same form that are names of fields.
    fn is_code(word: &str) -> bool {
        !["request_id", "retry_after"].contains(&word)
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let contract = contract();
        let schemas = contract["components"]["schemas"].as_object().unwrap();
        let text = contract.to_string();

        assert_eq!(contract["openapi"], "3.1.0");
        for named in text.split("#/components/schemas/").skip(1) {
            let name = named.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(schemas.len() > 30, "{}", schemas.len());
    }
}
