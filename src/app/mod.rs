//! The composition root: builds the hub, runs it and stops it. The only folder that knows all others.

mod commands;
mod error;
mod housekeeping;
mod listener;
mod parts;
mod secrets;
mod signals;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix::Addr;
use actix_cors::Cors;
use actix_web::App;
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::Data;
use tokio::signal::unix::{SignalKind, signal};

use crate::actions::networks::NewNetworks;
use crate::actions::{Readiness, retelling};
use crate::app::parts::Parts;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::feed::Source;
use crate::hub::{Broadcaster, Shutdown};
use crate::journal::{Drain, Journal};
use crate::net::Origin;
use crate::server::connections::Connections;
use crate::server::tls::{self, Certificate};
use crate::server::{Doorway, socket};
use crate::store::Store;
use crate::{http, pages, server};

pub use crate::app::commands::{add_user, token};
pub use crate::app::error::StartError;

/// A hub that listens and is ready to run.
pub struct Hub {
    server: Server,
    address: SocketAddr,
    scheme: &'static str,
    journal: Addr<Journal>,
    networks: NewNetworks,
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
    let certificate = config
        .tls()
        .map(|(cert, key)| Certificate::read(cert, key))
        .transpose()
        .map_err(StartError::Tls)?;
    let scheme = certificate.as_ref().map_or("http", |_| "https");
    let tls = certificate.clone().map(tls::server_config).transpose();
    let hang_up = signal(SignalKind::hangup())?;
    actix_web::rt::spawn(signals::renew_on(hang_up, certificate));
    let Parts { state, broadcaster } = parts::start(config).await?;
    let (journal, readiness) = (state.journal.clone(), state.readiness.clone());
    let (store, cluster) = (state.store.clone(), state.cluster.clone());
    let retention = config.retention_days.duration();
    let networks = state.networks.clone();
    let source = Data::new(Source {
        store: state.store.clone(),
        broadcaster: broadcaster.clone(),
        metrics: state.metrics.clone(),
    });
    let (state, origins) = (Data::new(state), config.cors_origins.clone());
    housekeeping::begin(&state, retention);
    if let Some(cluster) = &state.cluster {
        let marks = cluster.marks().clone();
        let told = retelling::run(state.clone().into_inner(), marks);
        actix_web::rt::spawn(told);
    }
    let doorway = Doorway {
        connections: Connections::within(socket::most_open_files().unwrap_or(OPEN_FILES)),
        tls: tls.map_err(StartError::Tls)?,
        end_within: CONNECTIONS_END_WITHIN,
    };
    let server = server::listen(listener, doorway, move || {
        App::new()
            .app_data(state.clone())
            .app_data(source.clone())
            // The last one is the outermost.
            .wrap(from_fn(http::admit))
            .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
            .wrap(from_fn(pages::finish))
            .wrap(from_fn(http::finish))
            .configure(http::configure)
            .configure(pages::configure)
            .default_service(actix_web::web::to(pages::not_found))
    })?;
    let stopping = stop_on(stop, server.handle(), readiness.clone(), broadcaster);
    actix_web::rt::spawn(stopping);
    readiness.set(true);
    Ok(Hub {
        server,
        address,
        scheme,
        journal,
        networks,
        store,
        cluster,
    })
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
        if let Err(cause) = self.journal.send(Drain).timeout(DRAIN_WITHIN).await {
            log::error!("the journal did not drain: {cause}");
        }
        if let Some(cluster) = self.cluster {
            cluster.leave().await;
        }
        let stored = tokio::time::timeout(DRAIN_WITHIN, self.networks.store(&self.store));
        if !matches!(stored.await, Ok(Ok(()))) {
            log::warn!("the networks of the last sign-ins are not stored");
        }
        self.store.close().await;
        log::info!("stopped");
        Ok(())
    }
}

/// Stops in order: no more work, no more connections, then a `bye` on every stream, so that those connections end too.
async fn stop_on(
    stop: impl Future<Output = ()>,
    server: ServerHandle,
    readiness: Readiness,
    broadcaster: Addr<Broadcaster>,
) {
    stop.await;
    log::info!("stopping");
    readiness.set(false);
    let closing = async {
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
