//! `/api/alarm-types`: types of alarms that were declared.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::alarm_types::{self, Declaration, TypeList, TypeView};
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::AlarmType;
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::identity::{Anyone, TypeKeeper};
use crate::http::problem::ApiError;

/// Declares a type of alarms.
#[utoipa::path(put, path = "/api/alarm-types/{alarmType}", tag = "back ends",
    request_body = Declaration,
    params(("alarmType" = AlarmType, Path)),
    responses((status = 200, description = "Declared anew", body = TypeView), (status = 201, description = "Declared", body = TypeView)))]
pub(crate) async fn declare(
    state: Data<AppState>,
    keeper: TypeKeeper,
    request: HttpRequest,
    name: Path<String>,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let alarm_type = AlarmType::parse(name.into_inner());
    let alarm_type = alarm_type.map_err(|rule| ApiError::invalid("alarmType", rule))?;
    let by = keeper.actor(&request, &state);
    let declaration: Declaration = body.parse()?;
    let (view, is_new) = alarm_types::declare(&state, by, alarm_type, declaration).await?;
    let mut answer = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(view))
}

/// Deletes the declaration of a type of alarms.
#[utoipa::path(delete, path = "/api/alarm-types/{alarmType}", tag = "back ends",
    params(("alarmType" = String, Path)),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete(
    state: Data<AppState>,
    keeper: TypeKeeper,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let unknown = |_rule| Refusal::NotFound(Thing::AlarmType);
    let alarm_type = AlarmType::parse(name.into_inner()).map_err(unknown)?;
    let by = keeper.actor(&request, &state);
    alarm_types::delete(&state, by, alarm_type).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The declared types of alarms.
#[utoipa::path(get, path = "/api/alarm-types", tag = "alarms",
    responses((status = 200, description = "All declared types", body = TypeList)))]
pub(crate) async fn list(state: Data<AppState>, reader: Anyone) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(alarm_types::list(&state, &reader)))
}

/// The declared types of alarms in TypeScript.
#[utoipa::path(get, path = "/api/alarm-types.d.ts", tag = "back ends",
    responses((status = 200, description = "A TypeScript module", body = String, content_type = "application/typescript")))]
pub(crate) async fn typescript(
    state: Data<AppState>,
    reader: Anyone,
) -> Result<HttpResponse, ApiError> {
    let module = alarm_types::typescript(&state, &reader)?;
    let answer = HttpResponse::Ok()
        .content_type("application/typescript; charset=utf-8")
        .body(module);
    Ok(answer)
}
