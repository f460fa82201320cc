//! The route table.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, delete, get, head, post, put, resource};

use crate::http::api::{admin, alarm_types, alarms, auth, health, key_set, keys, rooms, users};
use crate::http::problem::ApiError;
use crate::http::reading::read;
use crate::http::stream;
use crate::http::{asyncapi, mercure, openapi, original};

/// Registers every route that answers JSON or a stream; those of the Mercure protocol where it is on.
pub(crate) fn configure(config: &mut ServiceConfig, mercure: Option<mercure::Routes>) {
    config
        .configure(operation)
        .configure(wire)
        .configure(back_ends)
        .configure(original::configure);
    if let Some(routes) = mercure {
        mercure::configure(config, routes);
    }
}

fn operation(config: &mut ServiceConfig) {
    config
        .service(resource("/healthz").route(read().to(health::healthy)))
        .service(resource("/readyz").route(read().to(health::ready)))
        .service(resource("/.well-known/jwks.json").route(read().to(key_set::show)))
        .service(resource("/api/openapi.json").route(read().to(openapi::document)))
        .service(resource("/api/asyncapi.json").route(read().to(asyncapi::document)))
        .service(resource("/metrics").route(read().to(health::metrics)));
}

fn wire(config: &mut ServiceConfig) {
    config
        .service(resource("/api/auth/signup").route(post().to(auth::sign_up)))
        .service(resource("/api/auth/login").route(post().to(auth::log_in)))
        .service(resource("/api/auth/logout").route(post().to(auth::log_out)))
        .service(resource("/api/auth/me").route(read().to(auth::me)))
        .service(
            resource("/api/alarms")
                .route(post().to(alarms::publish))
                .route(read().to(alarms::list))
                .route(delete().to(alarms::delete_about)),
        )
        .service(resource("/api/alarms/counts").route(read().to(alarms::counts)))
        .service(resource("/api/alarms/senders").route(read().to(alarms::senders)))
        .service(resource("/api/alarms/top").route(read().to(alarms::top)))
        .service(resource("/api/alarms/seen").route(post().to(alarms::mark_seen)))
        .service(resource("/api/alarms/read").route(post().to(alarms::mark_read)))
        .service(
            resource("/api/alarms/{id}")
                .route(read().to(alarms::one))
                .route(delete().to(alarms::delete_one)),
        )
        .service(resource("/api/alarms/{id}/read").route(post().to(alarms::read_one)))
        .service(resource("/api/alarms/{id}/unread").route(post().to(alarms::unread_one)))
        .service(
            resource("/api/rooms")
                .route(read().to(rooms::list))
                .route(post().to(rooms::create)),
        )
        .service(
            resource("/api/rooms/{id}/messages")
                .route(read().to(rooms::history))
                .route(post().to(rooms::say)),
        )
        .service(resource("/api/rooms/{id}/presence").route(read().to(rooms::presence)))
        .service(
            resource("/api/stream")
                .route(get().to(stream::subscribe))
                .route(head().to(stream::head::of_stream)),
        )
        .service(resource("/api/admin/connections").route(read().to(admin::connections)))
        .service(
            resource("/api/admin/connections/{clientId}").route(delete().to(admin::disconnect)),
        )
        .service(
            resource("/api/admin/figures")
                .route(get().to(stream::watch))
                .route(head().to(stream::head::of_figures)),
        )
        .service(resource("/api/admin/alarms").route(read().to(admin::recent)))
        .service(resource("/api/admin/alarms/{id}/delivery").route(read().to(admin::delivery)))
        .service(resource("/api/admin/audience").route(post().to(admin::audience)))
        .service(resource("/api/admin/users/{id}").route(read().to(admin::user)))
        .service(resource("/api/admin/users/{id}/disable").route(post().to(admin::disable)))
        .service(resource("/api/admin/users/{id}/enable").route(post().to(admin::enable)))
        .service(
            resource("/api/admin/users/{id}/disconnect").route(post().to(admin::disconnect_user)),
        )
        .service(resource("/api/admin/users/{id}/test").route(post().to(admin::send_test)));
}

fn back_ends(config: &mut ServiceConfig) {
    config
        .service(resource("/api/users").route(post().to(users::post_many)))
        .service(
            resource("/api/users/{id}")
                .route(put().to(users::put))
                .route(delete().to(users::delete)),
        )
        .service(resource("/api/users/{id}/sign-out").route(post().to(users::sign_out)))
        .service(resource("/api/alarm-types").route(read().to(alarm_types::list)))
        .service(resource("/api/alarm-types.d.ts").route(read().to(alarm_types::typescript)))
        .service(
            resource("/api/alarm-types/{alarmType}")
                .route(put().to(alarm_types::declare))
                .route(delete().to(alarm_types::delete)),
        )
        .service(resource("/api/tokens").route(post().to(keys::issue)))
        .service(
            resource("/api/admin/keys")
                .route(read().to(keys::list))
                .route(post().to(keys::create)),
        )
        .service(resource("/api/admin/keys/{id}").route(delete().to(keys::revoke)))
        .service(resource("/api/admin/keys/{id}/enable").route(post().to(keys::enable)))
        .service(resource("/api/admin/audit").route(read().to(keys::audit)));
}

/// The answer for a path without a route.
pub(crate) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NoRoute)
}
