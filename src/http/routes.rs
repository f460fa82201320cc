//! The route table.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, delete, get, head, post, put, resource};

use crate::http::api::{admin, alarms, auth, health, rooms, users};
use crate::http::original;
use crate::http::problem::ApiError;
use crate::http::reading::read;
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
        .service(resource("/healthz").route(read().to(health::healthy)))
        .service(resource("/readyz").route(read().to(health::ready)))
        .service(resource("/metrics").route(read().to(health::metrics)));
}

fn wire(config: &mut ServiceConfig) {
    config
        .service(resource("/api/auth/signup").route(post().to(auth::sign_up)))
        .service(resource("/api/auth/login").route(post().to(auth::log_in)))
        .service(resource("/api/auth/logout").route(post().to(auth::log_out)))
        .service(resource("/api/auth/me").route(read().to(auth::me)))
        .service(resource("/api/users").route(post().to(users::post_many)))
        .service(resource("/api/users/{id}").route(put().to(users::put)))
        .service(
            resource("/api/alarms")
                .route(post().to(alarms::publish))
                .route(read().to(alarms::list))
                .route(delete().to(alarms::delete_pair)),
        )
        .service(resource("/api/alarms/counts").route(read().to(alarms::counts)))
        .service(resource("/api/alarms/senders").route(read().to(alarms::senders)))
        .service(resource("/api/alarms/top").route(read().to(alarms::top)))
        .service(resource("/api/alarms/seen").route(post().to(alarms::mark_seen)))
        .service(resource("/api/alarms/read").route(post().to(alarms::mark_read)))
        .service(resource("/api/alarms/{id}").route(delete().to(alarms::delete_one)))
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
            resource("/api/admin/connections/{client_id}").route(delete().to(admin::disconnect)),
        )
        .service(
            resource("/api/admin/figures")
                .route(get().to(stream::watch))
                .route(head().to(stream::head::of_figures)),
        )
        .service(resource("/api/admin/alarms").route(read().to(admin::recent)))
        .service(resource("/api/admin/audience").route(post().to(admin::audience)))
        .service(resource("/api/admin/users/{id}").route(read().to(admin::user)))
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
