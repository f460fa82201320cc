//! The pages: HTML rendered from templates, and the targets of their forms. Everything here works without JavaScript;
//! the scripts in `assets/` add live updates. It has no rules of its own: a form does the same as the JSON route.

mod admin;
mod api_docs;
mod assets;
mod compare;
mod demo;
mod error;
mod error_page;
mod form;
mod inbox;
mod language;
mod page;
mod providers;
mod redirect;
mod rooms;
mod sessions;
mod telling;
mod view;
mod visitor;
mod words;

use actix_web::web::{ServiceConfig, get, post, resource};

use crate::http::read;

pub(crate) use error_page::{finish, not_found};

/// Registers the pages, their forms and the assets.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(read().to(sessions::welcome)))
        .service(resource("/login").route(post().to(sessions::log_in)))
        .service(resource("/login/{name}").route(get().to(providers::begin)))
        .service(resource("/login/{name}/callback").route(get().to(providers::finish)))
        .service(resource("/signup").route(post().to(sessions::sign_up)))
        .service(resource("/logout").route(post().to(sessions::log_out)))
        .service(resource("/language").route(post().to(language::choose)))
        .service(
            resource("/rooms")
                .route(read().to(rooms::list))
                .route(post().to(rooms::open)),
        )
        .service(
            resource("/rooms/{id}")
                .route(read().to(rooms::show))
                .route(post().to(rooms::say)),
        )
        .service(resource("/alarms").route(read().to(inbox::list)))
        .service(resource("/alarms/seen").route(post().to(inbox::mark_seen)))
        .service(resource("/alarms/read").route(post().to(inbox::mark_read)))
        .service(resource("/alarms/{id}/read").route(post().to(inbox::read_one)))
        .service(resource("/alarms/{id}/unread").route(post().to(inbox::unread_one)))
        .service(resource("/alarms/{id}/delete").route(post().to(inbox::delete_one)))
        .configure(configure_administration)
        .service(resource("/compare").route(read().to(compare::show)))
        .service(resource("/compare/alarms").route(post().to(compare::publish)))
        .service(resource("/compare/cut").route(post().to(compare::cut)))
        .service(
            resource("/demo/embed")
                .route(read().to(demo::show))
                .route(post().to(demo::publish)),
        )
        .service(resource("/api/docs").route(read().to(api_docs::show)))
        .service(resource("/campanile.js").route(read().to(assets::module)))
        .service(resource("/campanile-client.tgz").route(read().to(assets::package)))
        .service(resource("/campanile@{version}.js").route(read().to(assets::versioned_module)))
        .service(resource("/assets/{name}").route(read().to(assets::asset)));
}

/// Registers the pages of administrators.
fn configure_administration(config: &mut ServiceConfig) {
    config
        .service(resource("/admin").route(read().to(admin::show)))
        .service(resource("/admin/recent").route(read().to(admin::recent)))
        .service(resource("/admin/alarms/{id}").route(read().to(admin::delivery::show)))
        .service(resource("/admin/publish").route(post().to(admin::publish)))
        .service(resource("/admin/audience").route(post().to(admin::audience)))
        .service(resource("/admin/preview").route(post().to(admin::preview)))
        .service(
            resource("/admin/keys")
                .route(read().to(admin::keys::show))
                .route(post().to(admin::keys::create)),
        )
        .service(resource("/admin/keys/{id}/revoke").route(post().to(admin::keys::revoke)))
        .service(resource("/admin/keys/{id}/enable").route(post().to(admin::keys::enable)))
        .service(resource("/admin/users").route(read().to(admin::find)))
        .service(resource("/admin/users/{id}").route(read().to(admin::show_person)))
        .service(resource("/admin/users/{id}/test").route(post().to(admin::send_test)))
        .service(resource("/admin/users/{id}/disable").route(post().to(admin::disable)))
        .service(resource("/admin/users/{id}/enable").route(post().to(admin::enable)))
        .service(resource("/admin/users/{id}/disconnect").route(post().to(admin::disconnect_all)))
        .service(
            resource("/admin/connections/{client_id}/disconnect")
                .route(post().to(admin::disconnect)),
        );
}
