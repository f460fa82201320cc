//! `/api/admin`: who is connected.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::http::error::ApiError;
use crate::http::identity::Admin;
use crate::http::state::AppState;
use crate::hub::{Bye, ClientId, Close, Connections, Which};

/// `GET /api/admin/connections`.
pub(crate) async fn connections(
    state: Data<AppState>,
    _admin: Admin,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(state.broadcaster.send(Connections).await?))
}

/// `DELETE /api/admin/connections/{clientId}`.
pub(crate) async fn disconnect(
    state: Data<AppState>,
    _admin: Admin,
    client_id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let client = ClientId::parse(&client_id).ok_or(ApiError::NotFound("connection"))?;
    let closed = state
        .broadcaster
        .send(Close {
            which: Which::Client(client),
            bye: Bye::Kicked,
        })
        .await?;
    if closed == 0 {
        return Err(ApiError::NotFound("connection"));
    }
    Ok(HttpResponse::NoContent().finish())
}
