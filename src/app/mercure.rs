//! The Mercure protocol, put together from its settings; the log names what is taken and what is not.

use std::sync::Arc;

use url::Url;

use crate::actions::mercure::Mercure;
use crate::alarm::update::Matchers;
use crate::auth::mercure::{KeyText, MercureKeys, Verifier};
use crate::auth::{IssuerSettings, KeySet, MercureRight};
use crate::config::{Config, MercureSettings, Switch};
use crate::http::mercure::Routes;

/// The protocol, if it is on.
pub(super) fn of(config: &Config, issuers: &[IssuerSettings]) -> Option<Mercure> {
    let settings = &config.mercure;
    for name in MercureSettings::unsupported() {
        log::warn!("{name} is set, and this hub does not support it");
    }
    if !settings.is_on() {
        return None;
    }
    tell(settings);
    let base = config.public_url.as_ref().and_then(|public| {
        let base = format!("{public}/.well-known/mercure");
        Url::parse(&base).ok()
    });
    // Relative topics need some address; no other topic can be below this one.
    let base = base.or_else(|| Url::parse("http://mercure.invalid/.well-known/mercure").ok())?;
    Some(Mercure {
        keys: MercureKeys {
            publisher: publisher(settings),
            subscriber: subscriber(settings),
            issuers: settings.mercure_trusted_issuers.clone(),
            version_0: settings.takes_version_0(),
        },
        matchers: Matchers::new(base),
        anonymous: settings.mercure_anonymous == Switch::On,
        cors_origins: settings.mercure_cors_origins.clone(),
        publish_origins: settings.mercure_publish_origins.clone(),
        subscriptions: settings.mercure_subscriptions == Switch::On
            && (subscriber(settings).is_some() || gives(issuers, MercureRight::Subscribe)),
        bridge: settings.mercure_bridge == Switch::On,
    })
}

/// The routes that the settings open.
pub(super) fn routes(mercure: &Mercure, issuers: &[IssuerSettings]) -> Routes {
    let keys = &mercure.keys;
    Routes {
        subscribe: keys.subscriber.is_some()
            || mercure.anonymous
            || gives(issuers, MercureRight::Subscribe),
        publish: keys.publisher.is_some() || gives(issuers, MercureRight::Publish),
        subscriptions: mercure.subscriptions,
    }
}

/// True if the entry of an issuer gives a right.
fn gives(issuers: &[IssuerSettings], right: MercureRight) -> bool {
    issuers.iter().any(|one| one.mercure.contains(&right))
}

fn publisher(settings: &MercureSettings) -> Option<Verifier> {
    let set = settings.mercure_publisher_jwks_url.as_ref();
    let key = settings.mercure_publisher_jwt_key.as_ref();
    let set = set.map(|url| KeySet::of_address("MERCURE_PUBLISHER_JWKS_URL", url));
    verifier(set, key, &settings.mercure_publisher_jwt_alg)
}

fn subscriber(settings: &MercureSettings) -> Option<Verifier> {
    let set = settings.mercure_subscriber_jwks_url.as_ref();
    let key = settings.mercure_subscriber_jwt_key.as_ref();
    let set = set.map(|url| KeySet::of_address("MERCURE_SUBSCRIBER_JWKS_URL", url));
    verifier(set, key, &settings.mercure_subscriber_jwt_alg)
}

/// The keys of a role: a set, or a key that was checked with the settings.
fn verifier(set: Option<KeySet>, key: Option<&KeyText>, algorithm: &str) -> Option<Verifier> {
    match set {
        Some(set) => Some(Verifier::Set(Arc::new(set))),
        None => Verifier::of(key?, algorithm).ok(),
    }
}

fn tell(settings: &MercureSettings) {
    let versions = if settings.takes_version_0() {
        "of versions 1.0 and 0"
    } else {
        "of version 1.0"
    };
    log::info!("the Mercure protocol is on, with tokens {versions}");
    if settings.mercure_trusted_issuers.is_empty() {
        log::info!("MERCURE_TRUSTED_ISSUERS is not set, so no token of version 1.0 is trusted");
    }
    if settings.keys().any(KeyText::is_short) {
        log::warn!("a Mercure key is shorter than 32 bytes: it may be guessed");
    }
}
