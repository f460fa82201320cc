//! The route table.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, delete, get, head, post, put, resource};

use crate::http::api::{admin, alarms, auth, health, rooms, users};
use crate::http::original;
use crate::http::problem::ApiError;
use crate::http::stream;

/// Registers every route that answers JSON or a stream.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .configure(operation)
        .configure(wire)
        .configure(original::configure);
}

fn operation(config: &mut ServiceConfig) {
    config
        .service(
            resource("/healthz")
                .route(get().to(health::healthy))
                .route(head().to(health::healthy)),
        )
        .service(
            resource("/readyz")
                .route(get().to(health::ready))
                .route(head().to(health::ready)),
        )
        .service(resource("/metrics").route(get().to(health::metrics)));
}

fn wire(config: &mut ServiceConfig) {
    config
        .service(resource("/api/auth/signup").route(post().to(auth::sign_up)))
        .service(resource("/api/auth/login").route(post().to(auth::log_in)))
        .service(resource("/api/auth/logout").route(post().to(auth::log_out)))
        .service(resource("/api/auth/me").route(get().to(auth::me)))
        .service(resource("/api/users").route(post().to(users::post_many)))
        .service(resource("/api/users/{id}").route(put().to(users::put)))
        .service(
            resource("/api/alarms")
                .route(post().to(alarms::publish))
                .route(get().to(alarms::list))
                .route(delete().to(alarms::delete_pair)),
        )
        .service(resource("/api/alarms/top").route(get().to(alarms::top)))
        .service(resource("/api/alarms/seen").route(post().to(alarms::mark_seen)))
        .service(resource("/api/alarms/read").route(post().to(alarms::mark_read)))
        .service(resource("/api/alarms/{id}").route(delete().to(alarms::delete_one)))
        .service(resource("/api/alarms/{id}/read").route(post().to(alarms::read_one)))
        .service(resource("/api/alarms/{id}/unread").route(post().to(alarms::unread_one)))
        .service(
            resource("/api/rooms")
                .route(get().to(rooms::list))
                .route(post().to(rooms::create)),
        )
        .service(
            resource("/api/rooms/{id}/messages")
                .route(get().to(rooms::history))
                .route(post().to(rooms::say)),
        )
        .service(resource("/api/rooms/{id}/presence").route(get().to(rooms::presence)))
        .service(resource("/api/stream").route(get().to(stream::subscribe)))
        .service(resource("/api/admin/connections").route(get().to(admin::connections)))
        .service(
            resource("/api/admin/connections/{client_id}").route(delete().to(admin::disconnect)),
        )
        .service(resource("/api/admin/figures").route(get().to(stream::watch)))
        .service(resource("/api/admin/alarms").route(get().to(admin::recent)))
        .service(resource("/api/admin/audience").route(post().to(admin::audience)))
        .service(resource("/api/admin/users/{id}").route(get().to(admin::user)))
        .service(resource("/api/admin/users/{id}/disable").route(post().to(admin::disable)))
        .service(resource("/api/admin/users/{id}/enable").route(post().to(admin::enable)))
        .service(
            resource("/api/admin/users/{id}/disconnect").route(post().to(admin::disconnect_user)),
        )
        .service(resource("/api/admin/users/{id}/test").route(post().to(admin::send_test)));
}

/// The answer for a path without a route.
pub(crate) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NoRoute)
}
