//! Other issuers of tokens: their settings, their keys, and the judgement of their tokens.

mod document;
mod file;
pub(in crate::auth) mod judge;
mod jwk;
mod key;
mod key_set;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::alarm::SignerId;

pub(super) use document::Document;
pub(crate) use file::{IssuerSettings, KeySetAddress, MercureRight, read};
pub(super) use file::{OWN_ISSUER, SignInSettings};
pub(crate) use key_set::KeySet;

/// One issuer with its keys.
pub(crate) struct Issuer {
    settings: IssuerSettings,
    keys: Arc<KeySet>,
}

/// The issuers of the settings, by the claim `iss`. Cheap to clone; all clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct Issuers(Arc<RwLock<Arc<ByName>>>);

type ByName = HashMap<String, Arc<Issuer>>;

/// The difference that new settings make.
pub(crate) struct Renewed {
    /// The sets that have to be fetched from now on.
    pub(crate) new_sets: Vec<Arc<KeySet>>,
    /// The keys that are good no more, and those whose tokens are judged by other rules now.
    pub(crate) gone: Vec<SignerId>,
}

impl Issuer {
    /// The provider's document; `None` while it was not fetched.
    pub(in crate::auth) fn document(&self) -> Option<Arc<Document>> {
        self.keys.document()
    }

    /// The audiences that the settings take; `None` for any.
    pub(in crate::auth) fn audience(&self) -> Option<&[String]> {
        self.settings.audience.as_deref()
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &IssuerSettings {
        &self.settings
    }
}

/// Without the settings, which may hold a secret.
impl std::fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Issuer({})", self.settings.issuer)
    }
}

impl Issuers {
    /// The issuer of a claim `iss`.
    pub(crate) fn find(&self, iss: &str) -> Option<Arc<Issuer>> {
        self.all().get(iss).cloned()
    }

    /// Every issuer.
    pub(crate) fn all(&self) -> Arc<ByName> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the settings of all issuers. One that stays as it is keeps its keys.
    pub(crate) fn renew(&self, settings: Vec<IssuerSettings>) -> Result<Renewed, String> {
        let old = self.all();
        let (mut new, mut new_sets) = (ByName::new(), Vec::new());
        for settings in settings {
            let known = old.get(&settings.issuer);
            let issuer = match known.filter(|known| known.settings == settings) {
                Some(known) => Arc::clone(known),
                None => {
                    let keys = Arc::new(KeySet::of(&settings)?);
                    if let Some(known) = known {
                        keys.adopt(&known.keys);
                    }
                    new_sets.push(Arc::clone(&keys));
                    Arc::new(Issuer { settings, keys })
                }
            };
            new.insert(issuer.settings.issuer.clone(), issuer);
        }
        let stays = |issuer: &Arc<Issuer>| {
            let same = new.get(&issuer.settings.issuer);
            same.is_some_and(|same| Arc::ptr_eq(same, issuer))
        };
        let changed = old.values().filter(|issuer| !stays(issuer));
        let gone = changed.flat_map(|issuer| issuer.keys.signers()).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        new_sets.retain(|set| set.is_fetched());
        Ok(Renewed { new_sets, gone })
    }
}
