//! The Mercure protocol (draft-dunglas-mercure), in its dialects 1.0 and 0.x, over the same log, Journal and streams as the hub's
//! own routes. Nothing here is registered unless the settings turn it on.

mod active;
mod answer;
mod body;
mod cors;
mod credentials;
mod documents;
mod form;
mod metadata;
mod paths;
mod publish;
mod query;
mod subscribe;
mod subscriptions;

use actix_web::guard::fn_guard;
use actix_web::web::{ServiceConfig, get, head, post, resource, route};

pub(crate) use cors::{cors, is_route};

/// The routes that the settings open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routes {
    /// Subscribing: there is a key of subscribers, or everybody may.
    pub subscribe: bool,
    /// Publishing: there is a key of publishers.
    pub publish: bool,
    /// The active subscriptions.
    pub subscriptions: bool,
}

/// True for a path that the protocol's own routes read as it is written, escapes included.
pub(crate) fn reads_escaped(path: &str) -> bool {
    let rest = path.strip_prefix(paths::SUBSCRIPTIONS);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Registers the routes of the protocol.
pub(crate) fn configure(config: &mut ServiceConfig, routes: Routes) {
    let mut hub = resource(paths::HUB);
    if routes.subscribe {
        let is_query = fn_guard(|context| context.head().method.as_str() == "QUERY");
        hub = hub
            .route(get().to(subscribe::subscribe))
            .route(head().to(subscribe::head))
            .route(route().guard(is_query).to(subscribe::subscribe));
    }
    if routes.publish {
        hub = hub.route(post().to(publish::publish));
    }
    if routes.subscriptions {
        let any = format!("{}{{rest:(/.*)?}}", paths::SUBSCRIPTIONS);
        config.service(resource(any).route(crate::http::read().to(subscriptions::list)));
    }
    config
        .service(hub)
        .service(resource(paths::METADATA).route(crate::http::read().to(metadata::describe)));
}
