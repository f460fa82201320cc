//! The settings of the Mercure protocol. Its own variables have the names of the reference hub's, so that the environment of a
//! deployment is recognised.

use clap::Args;

use crate::auth::KeySetAddress;
use crate::auth::mercure::{KeyText, Verifier};
use crate::config::values::Switch;
use crate::net::OriginPattern;

/// The settings of the Mercure protocol.
#[derive(Debug, Clone, Args)]
pub struct MercureSettings {
    /// The Mercure protocol on `/.well-known/mercure` [default: on if one of its keys is set].
    #[arg(long, env = "CAMPANILE_MERCURE")]
    pub(crate) mercure: Option<Switch>,
    /// Key that the tokens of Mercure publishers are signed with: a secret, or a public key in PEM.
    #[arg(long, env = "MERCURE_PUBLISHER_JWT_KEY", value_name = "KEY", hide_env_values = true, value_parser = key)]
    pub(crate) mercure_publisher_jwt_key: Option<KeyText>,
    /// Algorithm of that key.
    #[arg(
        long,
        env = "MERCURE_PUBLISHER_JWT_ALG",
        value_name = "ALGORITHM",
        default_value = "HS256"
    )]
    pub(crate) mercure_publisher_jwt_alg: String,
    /// Address of the key set of Mercure publishers, in place of the key.
    #[arg(long, env = "MERCURE_PUBLISHER_JWKS_URL", value_name = "URL")]
    pub(crate) mercure_publisher_jwks_url: Option<KeySetAddress>,
    /// Key that the tokens of Mercure subscribers are signed with: a secret, or a public key in PEM.
    #[arg(long, env = "MERCURE_SUBSCRIBER_JWT_KEY", value_name = "KEY", hide_env_values = true, value_parser = key)]
    pub(crate) mercure_subscriber_jwt_key: Option<KeyText>,
    /// Algorithm of that key.
    #[arg(
        long,
        env = "MERCURE_SUBSCRIBER_JWT_ALG",
        value_name = "ALGORITHM",
        default_value = "HS256"
    )]
    pub(crate) mercure_subscriber_jwt_alg: String,
    /// Address of the key set of Mercure subscribers, in place of the key.
    #[arg(long, env = "MERCURE_SUBSCRIBER_JWKS_URL", value_name = "URL")]
    pub(crate) mercure_subscriber_jwks_url: Option<KeySetAddress>,
    /// Issuers of Mercure access tokens of version 1.0, comma separated.
    #[arg(
        long,
        env = "MERCURE_TRUSTED_ISSUERS",
        value_delimiter = ',',
        value_name = "ISSUERS"
    )]
    pub(crate) mercure_trusted_issuers: Vec<String>,
    /// Let everybody subscribe to public Mercure updates.
    #[arg(long, env = "CAMPANILE_MERCURE_ANONYMOUS", default_value = "off")]
    pub(crate) mercure_anonymous: Switch,
    /// Origins whose pages may call the Mercure routes, comma separated: exact, with one `*`, `*` or `null`.
    #[arg(
        long,
        env = "CAMPANILE_MERCURE_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub(crate) mercure_cors_origins: Vec<OriginPattern>,
    /// Origins whose pages may publish Mercure updates with a cookie, comma separated.
    #[arg(
        long,
        env = "CAMPANILE_MERCURE_PUBLISH_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub(crate) mercure_publish_origins: Vec<OriginPattern>,
    /// `on`: tell, by updates and by routes, who is subscribed to what.
    #[arg(long, env = "CAMPANILE_MERCURE_SUBSCRIPTIONS", default_value = "off")]
    pub(crate) mercure_subscriptions: Switch,
    /// Take Mercure tokens and topic selectors of version 0 [default: on if no issuer is trusted].
    #[arg(long, env = "CAMPANILE_MERCURE_COMPATIBILITY")]
    pub(crate) mercure_compatibility: Option<Switch>,
    /// `on`: alarms are private Mercure updates too, under `/users/{id}/alarms`, `/everyone` and `/rooms/{id}`.
    #[arg(long, env = "CAMPANILE_MERCURE_BRIDGE", default_value = "off")]
    pub(crate) mercure_bridge: Switch,
}

impl MercureSettings {
    /// True if the hub speaks the protocol.
    pub(crate) fn is_on(&self) -> bool {
        let sets = [
            &self.mercure_publisher_jwks_url,
            &self.mercure_subscriber_jwks_url,
        ];
        let has_key = self.keys().next().is_some() || sets.iter().any(|set| set.is_some());
        match self.mercure {
            Some(switch) => switch == Switch::On,
            None => has_key,
        }
    }

    /// True if tokens and topic selectors of version 0 are taken.
    pub(crate) fn takes_version_0(&self) -> bool {
        match self.mercure_compatibility {
            Some(switch) => switch == Switch::On,
            None => self.mercure_trusted_issuers.is_empty(),
        }
    }

    /// The keys that are set.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyText> {
        let publisher = self.mercure_publisher_jwt_key.iter();
        publisher.chain(&self.mercure_subscriber_jwt_key)
    }

    /// The fault of settings that are good one by one but not together. `is_local` is true for a hub that only its own
    /// machine reaches.
    pub(super) fn fault(&self, is_local: bool) -> Option<String> {
        if !self.is_on() {
            return None;
        }
        if !is_local && self.keys().any(KeyText::is_documented) {
            return Some(
                "a Mercure key is the example of the documentation, which everybody knows: set MERCURE_PUBLISHER_JWT_KEY \
                 and MERCURE_SUBSCRIBER_JWT_KEY to secrets of your own"
                    .to_owned(),
            );
        }
        for (key, set, name) in [
            (
                &self.mercure_publisher_jwt_key,
                &self.mercure_publisher_jwks_url,
                "PUBLISHER",
            ),
            (
                &self.mercure_subscriber_jwt_key,
                &self.mercure_subscriber_jwks_url,
                "SUBSCRIBER",
            ),
        ] {
            if key.is_some() && set.is_some() {
                return Some(format!(
                    "MERCURE_{name}_JWT_KEY and MERCURE_{name}_JWKS_URL are both set: expected one"
                ));
            }
        }
        let publisher = (
            &self.mercure_publisher_jwt_key,
            &self.mercure_publisher_jwt_alg,
            "--mercure-publisher-jwt-alg (MERCURE_PUBLISHER_JWT_ALG)",
        );
        let subscriber = (
            &self.mercure_subscriber_jwt_key,
            &self.mercure_subscriber_jwt_alg,
            "--mercure-subscriber-jwt-alg (MERCURE_SUBSCRIBER_JWT_ALG)",
        );
        let fault = |(key, algorithm, name): (&Option<KeyText>, &String, &str)| {
            let fault = Verifier::of(key.as_ref()?, algorithm).err()?;
            Some(format!("invalid value for {name}: {fault}"))
        };
        fault(publisher).or_else(|| fault(subscriber))
    }

    /// The variables of the reference hub that are set and not supported here.
    pub(crate) fn unsupported() -> Vec<String> {
        let known = [
            "MERCURE_PUBLISHER_JWT_KEY",
            "MERCURE_PUBLISHER_JWT_ALG",
            "MERCURE_SUBSCRIBER_JWT_KEY",
            "MERCURE_SUBSCRIBER_JWT_ALG",
            "MERCURE_TRUSTED_ISSUERS",
            "MERCURE_PUBLISHER_JWKS_URL",
            "MERCURE_SUBSCRIBER_JWKS_URL",
            // Those of its client libraries.
            "MERCURE_URL",
            "MERCURE_PUBLIC_URL",
            "MERCURE_JWT_SECRET",
        ];
        let names = std::env::vars_os().filter_map(|(name, _value)| name.into_string().ok());
        let mut unknown: Vec<String> = names
            .filter(|name| name.starts_with("MERCURE_") && !known.contains(&name.as_str()))
            .collect();
        unknown.sort();
        unknown
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a parser of a setting gives a Result"
)]
fn key(text: &str) -> Result<KeyText, String> {
    Ok(KeyText::of(text))
}
