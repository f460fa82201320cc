//! The keys of one issuer: fetched now and then, replaced as a whole, and kept for a day while they cannot be fetched.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::alarm::SignerId;
use crate::auth::issuers::document::Document;
use crate::auth::issuers::file::{IssuerSettings, KeySetAddress, KeySource};
use crate::auth::issuers::jwk;
use crate::auth::issuers::key::Key;
use crate::outgoing::Outgoing;

/// The keys of an issuer.
pub(crate) struct KeySet {
    issuer: String,
    source: KeySource,
    held: RwLock<Held>,
    /// A token named a key that is not here.
    wanted: Arc<Notify>,
}

#[derive(Clone, Default)]
struct Held {
    /// `None` until the first set was fetched, and again after an outage of a day.
    keys: Option<Arc<Vec<Arc<Key>>>>,
    fetched: Option<Instant>,
    /// The document that named the place of the keys.
    document: Option<Arc<Document>>,
}

/// A set that was fetched, with the document that named its place.
type Fetched = (Vec<Key>, Option<Arc<Document>>);

impl KeySet {
    /// The keys of the settings, or a set that has to be fetched.
    pub(super) fn of(settings: &IssuerSettings) -> Result<Self, String> {
        let keys = match &settings.keys {
            KeySource::Url(_) | KeySource::Discovery(_) => None,
            KeySource::Pem(pem) => Some(Key::of_pem(pem, &settings.algorithms)?),
            KeySource::Secret(secret) => Some(Key::of_secret(secret)),
        };
        Ok(Self {
            issuer: settings.issuer.clone(),
            source: settings.keys.clone(),
            held: RwLock::new(Held {
                keys: keys.map(|key| Arc::new(vec![Arc::new(key)])),
                ..Held::default()
            }),
            wanted: Arc::default(),
        })
    }

    /// A set that has to be fetched from an address, under a name for the log.
    pub(crate) fn of_address(name: &str, url: &KeySetAddress) -> Self {
        Self {
            issuer: name.to_owned(),
            source: KeySource::Url(url.0.clone()),
            held: RwLock::default(),
            wanted: Arc::default(),
        }
    }

    /// Takes over what another set holds that comes from the same place, with numbers of its own.
    pub(super) fn adopt(&self, other: &Self) {
        if self.is_fetched() && self.source == other.source && self.issuer == other.issuer {
            let Held {
                keys,
                fetched,
                document,
            } = other.held();
            let copies = keys.map(|keys| {
                let copies = keys.iter().map(|key| Arc::new(key.renumbered()));
                Arc::new(copies.collect::<Vec<_>>())
            });
            self.hold(Held {
                keys: copies,
                fetched,
                document,
            });
        }
    }

    /// The claim `iss` of the issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// True if the keys are not in the settings.
    pub(crate) fn is_fetched(&self) -> bool {
        matches!(self.source, KeySource::Url(_) | KeySource::Discovery(_))
    }

    /// The keys; `None` if none were fetched yet.
    pub(super) fn keys(&self) -> Option<Arc<Vec<Arc<Key>>>> {
        self.held().keys
    }

    /// The provider's document, as it was fetched last.
    pub(super) fn document(&self) -> Option<Arc<Document>> {
        self.held().document
    }

    /// Asks for a fetch before its time, and does not wait for it.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    /// The signal that a fetch is wanted before its time.
    pub(crate) fn wanted(&self) -> Arc<Notify> {
        Arc::clone(&self.wanted)
    }

    /// True if tokens can be checked.
    pub(crate) fn has_keys(&self) -> bool {
        self.held().keys.is_some()
    }

    /// Fetches the set, and replaces the one that is held. Returns the keys that are gone.
    pub(crate) async fn refresh(&self, outgoing: &Outgoing) -> (Vec<SignerId>, Result<(), String>) {
        match self.fetch(outgoing).await {
            Ok(fetched) => (self.replace(fetched), Ok(())),
            Err(cause) => (self.forget_old(Instant::now()), Err(cause)),
        }
    }

    async fn fetch(&self, outgoing: &Outgoing) -> Result<Fetched, String> {
        let (address, document) = match &self.source {
            KeySource::Url(url) => (url.clone(), None),
            KeySource::Discovery(url) => {
                let document = Document::fetch(url, &self.issuer, outgoing).await?;
                (document.key_set()?, Some(Arc::new(document)))
            }
            KeySource::Pem(_) | KeySource::Secret(_) => {
                return Err("the keys are in the settings".to_owned());
            }
        };
        let body = outgoing.get(&address).await;
        let body = body.map_err(|cause| format!("{address}: {cause}"))?;
        let keys = jwk::parse(&body).map_err(|cause| format!("{address}: {cause}"))?;
        Ok((keys.into_iter().map(Key::of_set).collect(), document))
    }

    /// Holds a new set. A key that was there keeps its number, and with it its streams.
    fn replace(&self, (new, document): Fetched) -> Vec<SignerId> {
        let old = self.keys().unwrap_or_default();
        let known = |key: &Key| old.iter().find(|one| one.jwk == key.jwk).cloned();
        let new: Vec<Arc<Key>> = new
            .into_iter()
            .map(|key| known(&key).unwrap_or_else(|| Arc::new(key)))
            .collect();
        let is_gone = |key: &&Arc<Key>| !new.iter().any(|one| one.signer == key.signer);
        let gone = old.iter().filter(is_gone).map(|key| key.signer).collect();
        self.hold(Held {
            keys: Some(Arc::new(new)),
            fetched: Some(Instant::now()),
            document,
        });
        gone
    }

    /// Forgets a set that could not be fetched again for too long.
    fn forget_old(&self, now: Instant) -> Vec<SignerId> {
        let Held { keys, fetched, .. } = self.held();
        if fetched.is_none_or(|at| now.saturating_duration_since(at) < KEPT_FOR) {
            return Vec::new();
        }
        self.hold(Held::default());
        let keys = keys.unwrap_or_default();
        keys.iter().map(|key| key.signer).collect()
    }

    /// All keys, by their numbers.
    pub(super) fn signers(&self) -> Vec<SignerId> {
        let keys = self.keys().unwrap_or_default();
        keys.iter().map(|key| key.signer).collect()
    }

    fn held(&self) -> Held {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn hold(&self, new: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

/// An outage of a provider over a weekend day should not end every stream; a key that was taken back must not live on for ever.
const KEPT_FOR: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::issuers::file;
    use std::path::Path;

    fn set() -> KeySet {
        let text = "[[issuer]]\nissuer = \"a\"\naudience = \"any\"\njwks_uri = \"https://a.example\"\n\
             algorithms = [\"EdDSA\"]";
        KeySet::of(&file::parse(text, Path::new("")).unwrap()[0]).unwrap()
    }

    fn keys(names: &[&str]) -> Vec<Key> {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key =
            |name: &&str| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{name}","x":"{x}"}}"#);
        let keys: Vec<String> = names.iter().map(key).collect();
        let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let parsed = jwk::parse(set.as_bytes()).unwrap();
        parsed.into_iter().map(Key::of_set).collect()
    }

    #[test]
    fn a_set_outlasts_an_outage_of_a_day_and_no_longer() {
        let set = set();
        assert_eq!(set.forget_old(Instant::now()), []);
        set.replace((keys(&["a"]), None));
        let signers = set.signers();

        assert_eq!(
            set.forget_old(Instant::now() + Duration::from_hours(23)),
            []
        );
        assert!(set.has_keys());
        assert_eq!(
            set.forget_old(Instant::now() + Duration::from_hours(25)),
            signers
        );
        assert!(!set.has_keys());
    }

    #[test]
    fn a_key_that_stays_keeps_its_number_and_one_that_goes_is_told() {
        let set = set();
        set.replace((keys(&["a", "b"]), None));
        let before = set.signers();

        assert_eq!(set.replace((keys(&["c", "b"]), None)), before[..1]);

        assert_eq!(set.signers()[1], before[1]);
        assert!(!before.contains(&set.signers()[0]));
    }
}
