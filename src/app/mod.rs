//! The composition root: builds the hub, runs it and stops it. The only folder that knows all others.

mod api_keys;
mod backups;
mod commands;
mod doctor;
mod error;
mod housekeeping;
mod issuers;
mod listener;
mod logs;
mod manual;
mod mercure;
mod output;
mod parts;
mod publishing;
mod remote;
mod secrets;
mod signals;
mod signing_key;
mod tailing;
mod users;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use actix_cors::Cors;
use actix_server::GracefulShutdownSignal;
use actix_web::App;
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::Data;
use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};

use crate::actions::key_uses::{KeyUses, Span};
use crate::actions::networks::NewNetworks;
use crate::actions::{AppState, Readiness, retelling};
use crate::app::parts::Parts;
use crate::app::signals::Renewal;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::feed::Source;
use crate::hub::{Broadcaster, Shutdown};
use crate::journal::{Drain, Journal};
use crate::net::Origin;
use crate::outgoing::Outgoing;
use crate::server::Doorway;
use crate::server::connections::Connections;
use crate::server::tls::{self, Certificate};
use crate::store::Store;
use crate::{http, metrics, pages, server};

pub use crate::app::api_keys::api_key;
pub use crate::app::backups::{backup, check, restore};
pub use crate::app::commands::token;
pub use crate::app::doctor::doctor;
pub use crate::app::error::StartError;
pub use crate::app::logs::log_as;
pub use crate::app::manual::{completions, manual};
pub use crate::app::publishing::publish;
pub use crate::app::signing_key::signing_key;
pub use crate::app::tailing::tail;
pub use crate::app::users::{
    add_user, delete_user, list_users, set_user_disabled, set_user_password, set_user_role,
    sign_user_out,
};

/// A hub that listens and is ready to run.
pub struct Hub {
    server: Server,
    address: SocketAddr,
    scheme: &'static str,
    remains: Remains,
}

/// The parts of a hub that end after its server.
struct Remains {
    journal: Addr<Journal>,
    networks: NewNetworks,
    key_uses: KeyUses,
    store: Store,
    cluster: Option<Cluster>,
}

/// `campanile serve`: runs the hub until SIGTERM or SIGINT.
pub fn serve(config: Config) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        let listener = listener::listen(config.listen)?;
        let stop = signals::stop_signal()?;
        build(&config, listener, stop).await?.run().await
    })
}

/// Puts a hub together on a listener; it stops when `stop` resolves.
pub async fn build(
    config: &Config,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Hub, StartError> {
    let address = listener.local_addr()?;
    let certificate = certificate(config)?;
    let scheme = certificate.as_ref().map_or("http", |_| "https");
    let tls = certificate.clone().map(tls::server_config).transpose();
    let hang_up = signal(SignalKind::hangup())?;
    let issuers = issuers::read(config.issuers.as_deref())?;
    let outgoing = Outgoing::new(config.ca_file.as_deref()).map_err(StartError::Authorities)?;
    let Parts { state, seal } = parts::start(config, outgoing, &issuers).await?;
    let (readiness, broadcaster) = (state.readiness.clone(), state.broadcaster.clone());
    let (remains, source) = (Remains::of(&state), Data::new(source_of(&state)));
    let routes = |mercure: &_| mercure::routes(mercure, &issuers);
    let mercure = state.mercure.as_ref().map(routes);
    let (state, origins) = (Data::new(state), config.cors_origins.clone());
    let renewal = Renewal {
        certificate,
        issuers: config.issuers.clone(),
        state: state.clone().into_inner(),
    };
    crate::actions::issuers::follow_mercure(&renewal.state);
    renewal.begin(issuers, hang_up).await?;
    housekeeping::begin(&state, seal, config.retention_days.duration());
    retell(&state);
    let (server, stop_begun) = server::listen(
        listener,
        doorway(tls.map_err(StartError::Tls)?),
        move || {
            App::new()
                .app_data(state.clone())
                .app_data(source.clone())
                // The last one is the outermost.
                .wrap(from_fn(http::admit))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
                .wrap(Condition::new(
                    mercure.is_some(),
                    from_fn(http::mercure::cors),
                ))
                .wrap(from_fn(pages::finish))
                .wrap(from_fn(http::finish))
                .configure(|config| http::configure(config, mercure))
                .configure(pages::configure)
                .default_service(actix_web::web::to(pages::not_found))
        },
    )?;
    let handles = (server.handle(), stop_begun);
    actix_web::rt::spawn(stop_on(stop, handles, readiness.clone(), broadcaster));
    readiness.set(true);
    Ok(Hub {
        server,
        address,
        scheme,
        remains,
    })
}

fn certificate(config: &Config) -> Result<Option<Arc<Certificate>>, StartError> {
    let files = config.tls();
    let read = files.map(|(cert, key)| Certificate::read(cert, key));
    read.transpose().map_err(StartError::Tls)
}

fn source_of(state: &AppState) -> Source {
    Source {
        store: state.store.clone(),
        broadcaster: state.broadcaster.clone(),
        metrics: state.metrics.clone(),
        pushes: state.pushes.clone(),
    }
}

fn doorway(tls: Option<ServerConfig>) -> Doorway {
    Doorway {
        connections: Connections::within(metrics::most_open_files().unwrap_or(OPEN_FILES)),
        tls,
        end_within: CONNECTIONS_END_WITHIN,
    }
}

impl Hub {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to stop, and then until everything that was taken is stored.
    pub async fn run(self) -> Result<(), StartError> {
        log::info!("listening on {}://{}", self.scheme, self.address);
        self.server.await?;
        self.remains.end().await;
        log::info!("stopped");
        Ok(())
    }
}

impl Remains {
    fn of(state: &AppState) -> Self {
        Self {
            journal: state.journal.clone(),
            networks: state.networks.clone(),
            key_uses: state.key_uses.clone(),
            store: state.store.clone(),
            cluster: state.cluster.clone(),
        }
    }

    /// Stores what was taken, leaves the other hubs and closes the database.
    async fn end(self) {
        if let Err(cause) = self.journal.send(Drain).timeout(DRAIN_WITHIN).await {
            log::error!("the journal did not drain: {cause}");
        }
        if let Some(cluster) = self.cluster {
            cluster.leave().await;
        }
        let networks = tokio::time::timeout(DRAIN_WITHIN, self.networks.store(&self.store));
        let uses = self.key_uses.store(&self.store, Span::All);
        let (networks, uses) = futures::join!(networks, tokio::time::timeout(DRAIN_WITHIN, uses));
        if !matches!(networks, Ok(Ok(()))) {
            log::warn!("the networks of the last sign-ins are not stored");
        }
        if !matches!(uses, Ok(Ok(()))) {
            log::warn!("the last uses of API keys are not stored");
        }
        self.store.close().await;
    }
}

/// Tells the pages of this hub what other hubs change in inboxes.
fn retell(state: &Data<AppState>) {
    if let Some(cluster) = &state.cluster {
        let marks = cluster.marks().clone();
        let told = retelling::run(state.clone().into_inner(), marks);
        actix_web::rt::spawn(told);
    }
}

/// Stops in order: no more work, no more connections, then a `bye` on every stream, so that those connections end too.
async fn stop_on(
    stop: impl Future<Output = ()>,
    (server, stop_begun): (ServerHandle, GracefulShutdownSignal),
    readiness: Readiness,
    broadcaster: Addr<Broadcaster>,
) {
    stop.await;
    log::info!("stopping");
    readiness.set(false);
    let closing = async {
        // From then on each answer tells that its connection ends: that of a poll which the broadcaster ends as well.
        stop_begun.notified().await;
        match broadcaster.send(Shutdown).await {
            Ok(count) => log::info!("closed {count} streams"),
            Err(cause) => log::warn!("the broadcaster ended before its streams: {cause}"),
        }
    };
    futures::join!(server.stop(true), closing);
}

fn cors(origins: &[Origin]) -> Cors {
    let allowed = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .supports_credentials()
        .expose_headers([
            "X-Request-Id",
            "Retry-After",
            "Link",
            "Campanile-Session",
            "Campanile-Expires-In",
        ])
        .max_age(3_600);
    let parsed = origins.to_vec();
    let allowed = allowed.allowed_origin_fn(move |origin, _head| {
        let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
        origin.is_some_and(|origin: Origin| parsed.contains(&origin))
    });
    origins
        .iter()
        .fold(allowed, |cors, origin| cors.allowed_origin(origin.as_str()))
}

/// The limit of open files where the system names none.
const OPEN_FILES: usize = 65_536;

/// Streams are closed by then; requests may still be under way.
const CONNECTIONS_END_WITHIN: Duration = Duration::from_secs(3);

/// The rest of the five seconds a stop may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);
