//! The parts of a hub, started in order: store, Broadcaster, Journal, and the state that the handlers share.

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Addr, Arbiter};
use tokio::sync::{Semaphore, watch};

use crate::actions::figures::Figures;
use crate::actions::key_uses::KeyUses;
use crate::actions::known_rooms::KnownRooms;
use crate::actions::networks::NewNetworks;
use crate::actions::openings::Openings;
use crate::actions::pace::Pace;
use crate::actions::rate::MessageRate;
use crate::actions::unstored::Unstored;
use crate::actions::{AppState, Policy, Readiness, Turns, signing_keys};
use crate::alarm::declared::DeclaredTypes;
use crate::alarm::{self, AlarmId};
use crate::app::error::StartError;
use crate::app::{mercure, secrets};
use crate::auth::{
    IssuerSettings, Issuers, KeyRing, LoginLimiter, Passwords, Revocations, RightsEpoch, Seal,
    Secret, Tokens,
};
use crate::cluster::{Cluster, HubId, Listening};
use crate::config::{AlarmTypes, Config, Switch, Users};
use crate::hub::{Broadcaster, Frame, Limits, MOST_MISSED, Pushes};
use crate::journal::{self, Journal};
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::store::{Address, Location, Position, Standby, Store, StoreError};

/// A started hub without its listener.
pub(super) struct Parts {
    /// The handles and settings that all handlers share.
    pub(super) state: AppState,
    /// The key that opens the hub's own signing keys.
    pub(super) seal: Seal,
}

/// Opens the database, starts the actors and reads the signing keys.
pub(super) async fn start(
    config: &Config,
    outgoing: Outgoing,
    issuers: &[IssuerSettings],
) -> Result<Parts, StartError> {
    let secret = secrets::read(&config.secret)?;
    let seal = secrets::seal(&config.key_secret, &secret)?;
    let mut state = assemble(config, outgoing, &secret).await?;
    state.mercure = mercure::of(config, issuers);
    let begun = signing_keys::begin(&state, &seal).await;
    begun.map_err(|cause| StartError::SigningKeys(cause.to_string()))?;
    Ok(Parts { state, seal })
}

async fn assemble(
    config: &Config,
    outgoing: Outgoing,
    secret: &Secret,
) -> Result<AppState, StartError> {
    let metrics = Metrics::default();
    let (store, passwords) = open(config, &metrics).await?;
    let (signals, revocations, keys) = rights(&store).await?;
    let types = declared_types(&store).await?;
    let (rights, hub) = (RightsEpoch::default(), HubId::random());
    let (broadcaster, (journal, delivered)) = start_actors(config, &store, &metrics).await?;
    let pushes = Pushes::keeping(config.recent_pushes as usize);
    let mut state = AppState {
        store,
        journal,
        broadcaster,
        tokens: Tokens::new(secret, Issuers::default()),
        outgoing,
        revocations,
        keys,
        types,
        key_uses: KeyUses::default(),
        passwords,
        limiter: LoginLimiter::default(),
        networks: NewNetworks::default(),
        figures: Figures::start(metrics.clone()),
        metrics,
        policy: Policy::from(config),
        rights,
        hub,
        cluster: None,
        unstored: Unstored::default(),
        test_pace: Pace::default(),
        known_rooms: KnownRooms::default(),
        message_rate: MessageRate::of(config.messages_per_second),
        openings: Openings::default(),
        exchanges: Semaphore::new(MOST_EXCHANGES),
        turns: Turns::default(),
        readiness: Readiness::default(),
        pushes,
        delivered,
        mercure: None,
    };
    state.cluster = signals.and_then(|position| join_others(config, &state, position));
    Ok(state)
}

/// The other hubs on the same server, whose signals are followed from that place.
fn join_others(config: &Config, state: &AppState, position: Position) -> Option<Cluster> {
    let listening = Listening {
        store: state.store.clone(),
        broadcaster: state.broadcaster.clone(),
        journal: state.journal.clone(),
        metrics: state.metrics.clone(),
        bell: bell(config)?,
        writes: state.store.writes()?,
        require_standby: config.require_standby == Switch::On,
        revocations: state.revocations.clone(),
        keys: state.keys.clone(),
        types: state.types.clone(),
        rights: state.rights.clone(),
        hub: state.hub.clone(),
        delivered: state.delivered.clone(),
        pushes: state.pushes.clone(),
    };
    Some(Cluster::join(listening, position))
}

/// The database, which has an administrator then. Ids that were made under an earlier rule are made known.
async fn open(config: &Config, metrics: &Metrics) -> Result<(Store, Passwords), StartError> {
    let location = config.database.url.location();
    secrets::create_folder_of(location)?;
    let mut store = Store::open_for_hub(location, metrics.clone())?;
    if config.bench_without_store == Switch::On {
        log::warn!(
            "NO ALARM IS STORED: CAMPANILE_BENCH_WITHOUT_STORE is on, which is for measuring only. Every alarm is lost at \
             the end of its delivery"
        );
        store = store.leave_alarms_unwritten().await?;
    }
    if config.mercure.is_on() {
        store.deliver_updates();
    }
    alarm::keep_former_ids(store.former_ids().await?);
    let passwords = Passwords::new()?;
    secrets::create_first_admin(&store, &passwords).await?;
    check_server(&store, config).await?;
    Ok((store, passwords))
}

/// The revoked tokens and the API keys, and the place in the signals after which changes of rights are followed. The place is read first: a
/// change in between is then told again, and none is missed.
async fn rights(store: &Store) -> Result<(Option<Position>, Revocations, KeyRing), StartError> {
    let began = Instant::now();
    let signals = if store.is_shared() {
        Some(store.signal_position().await?)
    } else {
        None
    };
    let revocations = Revocations::new(store.revoked_tokens().await?);
    let keys = KeyRing::default();
    let reading = keys.reading();
    keys.replace(reading, store.api_keys().await?);
    // The first look comes later, and what is published before it is delivered all the same.
    store.rights_known_since(began);
    Ok((signals, revocations, keys))
}

/// The declared types. They are read after the place in the signals: a change in between is read again.
async fn declared_types(store: &Store) -> Result<DeclaredTypes, StoreError> {
    let types = DeclaredTypes::default();
    types.refresh(store.alarm_types()).await?;
    Ok(types)
}

/// Checks that a server keeps what it is asked to. A database file has nothing to be asked.
async fn check_server(store: &Store, config: &Config) -> Result<(), StartError> {
    if !store.is_shared() {
        return Ok(());
    }
    if config.require_standby == Switch::On {
        require_standby(store).await?;
    }
    keep_ids_unique(store).await
}

async fn require_standby(store: &Store) -> Result<(), StartError> {
    match store.standby().await? {
        Standby::Attached => Ok(()),
        Standby::Missing => Err(StartError::Standby(
            "no synchronous standby is attached to the database; see its synchronous_standby_names",
        )),
        Standby::Hidden => Err(StartError::Standby(
            "the hub's role may not see the standbys of the database: GRANT pg_monitor TO it",
        )),
    }
}

/// The database may have been restored, or another server may have taken over, since a hub used it.
async fn keep_ids_unique(store: &Store) -> Result<(), StartError> {
    if !store.ids_are_kept_unique().await? {
        log::warn!(
            "the database refuses to tell which server it is (pg_control_system, pg_current_wal_lsn): after a failover \
             or a restore it may give ids again that were shown before"
        );
    }
    Ok(store.settle_ids(AlarmId(0)).await?)
}

/// The database through which the hubs ring for each other.
fn bell(config: &Config) -> Option<Address> {
    let url = config.notify_url.as_ref().unwrap_or(&config.database.url);
    match url.location() {
        Location::Postgres(address) => Some(Address::clone(address)),
        Location::Sqlite(_) => None,
    }
}

/// The last frames of the log: the clients of a hub that ended come back together to the one that starts.
async fn recent(store: &Store, position: AlarmId) -> Result<Vec<Arc<Frame>>, StoreError> {
    let mut frames = Vec::new();
    let mut read_up_to = AlarmId(position.0 - MOST_MISSED as i64);
    while read_up_to < position {
        let page = journal::missed_entries(store, read_up_to, position).await?;
        frames.extend(page.entries.into_iter().map(Frame::of));
        read_up_to = page.read_up_to;
    }
    Ok(frames)
}

/// The actors, at the end of the log.
async fn start_actors(
    config: &Config,
    store: &Store,
    metrics: &Metrics,
) -> Result<(Addr<Broadcaster>, (Addr<Journal>, watch::Receiver<AlarmId>)), StoreError> {
    let position = AlarmId(store.head().await?.last_id);
    let recent = recent(store, position).await?;
    let broadcaster = start_broadcaster(config, position, recent, metrics);
    let journal = start_journal(store, &broadcaster, position, metrics);
    Ok((broadcaster, journal))
}

fn start_broadcaster(
    config: &Config,
    position: AlarmId,
    recent: Vec<Arc<Frame>>,
    metrics: &Metrics,
) -> Addr<Broadcaster> {
    let limits = Limits {
        streams_per_user: config.max_streams_per_user as usize,
        heartbeat: config.heartbeat(),
    };
    let metrics = metrics.clone();
    Broadcaster::start_in_arbiter(&Arbiter::new().handle(), move |_context| {
        Broadcaster::new(limits, position, &recent, metrics)
    })
}

fn start_journal(
    store: &Store,
    broadcaster: &Addr<Broadcaster>,
    position: AlarmId,
    metrics: &Metrics,
) -> (Addr<Journal>, watch::Receiver<AlarmId>) {
    let (store, broadcaster, metrics) = (store.clone(), broadcaster.clone(), metrics.clone());
    let (delivered, watched) = watch::channel(position);
    let journal = Journal::start_in_arbiter(&Arbiter::new().handle(), move |_context| {
        Journal::new(store, broadcaster, delivered, metrics)
    });
    (journal, watched)
}

impl From<&Config> for Policy {
    fn from(config: &Config) -> Self {
        Self {
            passwords: config.passwords == Switch::On,
            signup_open: config.signup_is_open(),
            any_user: config.users == Users::Any,
            declared_types: config.alarm_types == AlarmTypes::Declared,
            rooms_per_user: config.rooms_per_user,
            query_token: config.query_token == Switch::On,
            session_ttl: config.session_ttl,
            heartbeat: config.heartbeat(),
            origins: config.cors_origins.clone(),
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            tls: config.tls().is_some(),
        }
    }
}

/// A hub signs in that many visitors at a time; a provider that hangs holds back no more of them than that, for ten seconds each.
const MOST_EXCHANGES: usize = 64;
