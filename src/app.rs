//! The composition root, the only file that knows everything: build, port, run, stop.

use std::future::Future;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter};
use actix_cors::Cors;
use actix_web::App;
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::Data;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::alarm::{AlarmId, InvalidValue, Role, UserId};
use crate::auth::{
    LoginLimiter, PasswordError, Passwords, Revocations, Secret, Tokens, random_password,
};
use crate::config::{Config, Origin, SecretSetting, TokenCommand, UserAdd, Users};
use crate::http::figures::Figures;
use crate::http::state::{AppState, Policy, Readiness, Rights, Turns};
use crate::http::{Connections, Pace};
use crate::hub::{Broadcaster, Limits, Shutdown};
use crate::journal::{Drain, Journal};
use crate::metrics::Metrics;
use crate::server::Doorway;
use crate::store::{Location, NewAccount, OpenError, Store, StoreError};
use crate::tls::Certificate;
use crate::{http, server, socket, tls};

/// Why the hub does not start, in words for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or a file in it.
    #[error("cannot use {path}: {cause}")]
    Data {
        /// Which.
        path: String,
        /// Why not.
        cause: io::Error,
    },
    /// The address.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot use the database: {0}")]
    Open(#[from] OpenError),
    /// The database fails.
    #[error("cannot use the database: {0}")]
    Database(#[from] StoreError),
    /// The account is there.
    #[error("there is already a user {0}")]
    UserExists(UserId),
    /// A value from a file or from stdin.
    #[error("{0}")]
    Value(#[from] InvalidValue),
    /// A password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The certificate or its key.
    #[error("cannot use the TLS files: {0}")]
    Tls(String),
    /// Anything the system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// A hub that listens and is ready to run.
pub struct Hub {
    server: Server,
    address: SocketAddr,
    scheme: &'static str,
    journal: Addr<Journal>,
}

/// `campanile serve`: runs the hub until SIGTERM or SIGINT.
pub fn serve(config: Config) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        let listener = listen(config.listen)?;
        let stop = stop_signal()?;
        build(&config, listener, stop).await?.run().await
    })
}

/// `campanile token`: prints a token on stdout.
#[expect(
    clippy::print_stdout,
    reason = "printing the token is the command's purpose"
)]
pub fn print_token(command: &TokenCommand) -> Result<(), StartError> {
    let tokens = Tokens::new(&secret(&command.secret)?);
    let issued = tokens.issue(&command.sub, command.role, command.ttl);
    println!(
        "{}",
        issued
            .map_err(|_cause| InvalidValue("the token could not be signed"))?
            .token
    );
    Ok(())
}

/// `campanile user add`: adds an account with the password on stdin.
pub fn add_user(command: UserAdd) -> Result<(), StartError> {
    let mut password = String::new();
    io::stdin()
        .lock()
        .take(MOST_PASSWORD_BYTES)
        .read_to_string(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    actix_web::rt::System::new().block_on(async {
        let hash = Passwords::new()?.hash(password).await?;
        let location = command.database.url.location();
        create_folder_of(location)?;
        let store = Store::open(location, Metrics::default())?;
        let account = NewAccount {
            display_name: command.display_name,
            role: Some(command.role),
            password_hash: Some(hash),
            ..NewAccount::named(command.id.clone())
        };
        match store.create_account(account).await {
            Ok(_created) => Ok(()),
            Err(StoreError::Conflict) => Err(StartError::UserExists(command.id)),
            Err(cause) => Err(cause.into()),
        }
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
    actix_web::rt::spawn(renew_on(hang_up, certificate));
    let (state, broadcaster) = start_parts(config).await?;
    let (journal, readiness) = (state.journal.clone(), state.readiness.clone());
    actix_web::rt::spawn(prune(state.store.clone(), config.retention_days.duration()));
    actix_web::rt::spawn(checkpoint(state.store.clone()));
    let (state, origins) = (Data::new(state), config.cors_origins.clone());
    let doorway = Doorway {
        connections: Connections::within(socket::most_open_files().unwrap_or(OPEN_FILES)),
        tls: tls.map_err(StartError::Tls)?,
        end_within: CONNECTIONS_END_WITHIN,
    };
    let server = server::listen(listener, doorway, move || {
        App::new()
            .app_data(state.clone())
            .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
            .wrap(from_fn(crate::pages::finish))
            .wrap(from_fn(http::finish))
            .configure(http::configure)
            .configure(crate::pages::configure)
            .default_service(actix_web::web::to(crate::pages::not_found))
    })?;
    actix_web::rt::spawn(stop_on(
        stop,
        server.handle(),
        readiness.clone(),
        broadcaster,
    ));
    readiness.set(true);
    Ok(Hub {
        server,
        address,
        scheme,
        journal,
    })
}

impl Hub {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to stop, and then until everything taken is stored.
    pub async fn run(self) -> Result<(), StartError> {
        log::info!("listening on {}://{}", self.scheme, self.address);
        self.server.await?;
        if let Err(cause) = self.journal.send(Drain).timeout(DRAIN_WITHIN).await {
            log::error!("the journal did not drain: {cause}");
        }
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
            Err(cause) => log::warn!("the broadcaster was gone before its streams were: {cause}"),
        }
    };
    futures::join!(server.stop(true), closing);
}

async fn start_parts(config: &Config) -> Result<(AppState, Addr<Broadcaster>), StartError> {
    let secret = secret(&config.secret)?;
    let location = config.database.url.location();
    create_folder_of(location)?;
    let metrics = Metrics::default();
    let store = Store::open_for_hub(location, metrics.clone())?;
    let passwords = Passwords::new()?;
    create_first_admin(&store, &passwords).await?;
    let revocations = Revocations::new(store.revoked_tokens().await?);
    let position = AlarmId(store.head().await?.last_id);
    let limits = Limits {
        streams_per_user: config.max_streams_per_user as usize,
        heartbeat: config.heartbeat(),
    };
    let counted = metrics.clone();
    let broadcaster = Broadcaster::start_in_arbiter(&Arbiter::new().handle(), move |_context| {
        Broadcaster::new(limits, position, counted)
    });
    let journal = {
        let (store, broadcaster) = (store.clone(), broadcaster.clone());
        let metrics = metrics.clone();
        Journal::start_in_arbiter(&Arbiter::new().handle(), move |_context| {
            Journal::new(store, broadcaster, position, metrics)
        })
    };
    let state = AppState {
        store,
        journal,
        broadcaster: broadcaster.clone(),
        tokens: Tokens::new(&secret),
        revocations,
        passwords,
        limiter: LoginLimiter::default(),
        figures: Figures::start(metrics.clone()),
        metrics,
        policy: Policy {
            signup_open: config.signup_is_open(),
            any_user: config.users == Users::Any,
            query_token: config.query_token == crate::config::Switch::On,
            session_ttl: config.session_ttl,
            heartbeat: config.heartbeat(),
            origins: config
                .cors_origins
                .iter()
                .map(|origin| origin.as_str().to_owned())
                .collect(),
            tls: config.tls().is_some(),
        },
        rights: Rights::default(),
        test_pace: Pace::default(),
        turns: Turns::default(),
        readiness: Readiness::default(),
    };
    Ok((state, broadcaster))
}

/// The very first start: an account that can make others.
async fn create_first_admin(store: &Store, passwords: &Passwords) -> Result<(), StartError> {
    if store.account_count().await? > 0 {
        return Ok(());
    }
    let password = random_password();
    let account = NewAccount {
        role: Some(Role::Admin),
        password_hash: Some(passwords.hash(password.clone()).await?),
        ..NewAccount::named(UserId::parse("admin")?)
    };
    match store.create_account(account).await {
        Ok(_created) => tell_once(&format!(
            "created the account admin with the password {password}"
        )),
        // Another hub on the same database was first, and told its password.
        Err(StoreError::Conflict) => {}
        Err(cause) => return Err(cause.into()),
    }
    Ok(())
}

/// Says what is never said again: to stderr if the log's filter would swallow it.
#[expect(
    clippy::print_stderr,
    reason = "nobody could sign in to a hub whose first password was filtered out"
)]
fn tell_once(line: &str) {
    if log::log_enabled!(log::Level::Info) {
        log::info!("{line}");
    } else {
        eprintln!("campanile: {line}");
    }
}

/// A database file's folder is made, a server's is its own affair.
fn create_folder_of(location: &Location) -> Result<(), StartError> {
    if let Location::Sqlite(path) = location
        && let Some(folder) = Path::new(path)
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
    {
        create_folder(folder)?;
    }
    Ok(())
}

/// The secret of the settings, or the one of the data folder, made at the first start.
fn secret(setting: &SecretSetting) -> Result<Secret, StartError> {
    if let Some(secret) = &setting.jwt_secret {
        return Ok(secret.clone());
    }
    let path = PathBuf::from(DATA_FOLDER).join("jwt-secret");
    let failed = |cause| StartError::Data {
        path: path.display().to_string(),
        cause,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Secret::parse(text.trim())?),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            create_folder(Path::new(DATA_FOLDER))?;
            let text = Secret::random();
            write_private(&path, &text).map_err(failed)?;
            Ok(Secret::parse(&text)?)
        }
        Err(cause) => Err(failed(cause)),
    }
}

/// Nobody but the owner may read it, from its first byte on.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A folder for secrets and password hashes is its owner's alone; one that is there stays as it is.
fn create_folder(folder: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(|cause| StartError::Data {
        path: folder.display().to_string(),
        cause,
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let failed = |cause| StartError::Listen { address, cause };
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        None,
    );
    let socket = socket.map_err(failed)?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true).map_err(failed)?;
    socket.bind(&address.into()).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)?;
    Ok(socket.into())
}

fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A hang-up asks for the certificate to be read anew; without one it asks for nothing, and must end nothing either.
async fn renew_on(mut hang_up: Signal, certificate: Option<Arc<Certificate>>) {
    while hang_up.recv().await.is_some() {
        let Some(certificate) = certificate.clone() else {
            log::info!("SIGHUP: there is no certificate to read anew");
            continue;
        };
        let renewed = tokio::task::spawn_blocking(move || certificate.renew()).await;
        match renewed.map_err(|cause| cause.to_string()).flatten() {
            Ok(()) => log::info!("SIGHUP: the certificate was read anew"),
            Err(cause) => log::error!("SIGHUP: the certificate stays as it was: {cause}"),
        }
    }
}

fn cors(origins: &[Origin]) -> Cors {
    let allowed = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .supports_credentials()
        .expose_headers(["X-Request-Id", "Retry-After"])
        .max_age(3_600);
    origins
        .iter()
        .fold(allowed, |cors, origin| cors.allowed_origin(origin.as_str()))
}

/// Prunes at start and once an hour, a batch at a time, with a pause for publishers between batches.
async fn prune(store: Store, retention: Duration) {
    loop {
        match store.prune_alarms(retention).await {
            Ok(count) if count == Store::PRUNE_BATCH => {
                actix_web::rt::time::sleep(PRUNE_PAUSE).await;
                continue;
            }
            Ok(_rest) => {}
            Err(cause) => log::warn!("pruning failed and is tried again: {cause}"),
        }
        if let Err(cause) = store.prune_keys().await {
            log::warn!("pruning keys failed and is tried again: {cause}");
        }
        actix_web::rt::time::sleep(PRUNE_EVERY).await;
    }
}

/// Keeps the write-ahead log of a database file short.
async fn checkpoint(store: Store) {
    loop {
        actix_web::rt::time::sleep(CHECKPOINT_EVERY).await;
        if let Err(cause) = store.checkpoint().await {
            log::warn!("a checkpoint failed and is tried again: {cause}");
        }
    }
}

/// Some hundred commits of a busy hub, a few hundred pages to copy.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// Where the secret lives, and by default the database.
const DATA_FOLDER: &str = "campanile-data";

/// A storm of clients coming back fits in the queue of the kernel.
const BACKLOG: i32 = 4_096;

/// Where the system names no limit.
const OPEN_FILES: usize = 65_536;

/// Streams are closed by then; what is left are requests under way.
const CONNECTIONS_END_WITHIN: Duration = Duration::from_secs(3);

/// What is left of the five seconds a stop may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);

const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

const PRUNE_PAUSE: Duration = Duration::from_millis(20);

/// A password has at most 256 characters.
const MOST_PASSWORD_BYTES: u64 = 4_096;
