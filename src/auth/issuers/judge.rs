//! The judgement of a token by its issuer: algorithm, key, signature, audience, user and role.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::alarm::{Role, UserId};
use crate::auth::TokenFault;
use crate::auth::fault::Shown;
use crate::auth::issuers::key::Key;
use crate::auth::issuers::{Issuer, KeySet};

impl KeySet {
    /// The key that signed a token; a fault if it is none of this set's, or the algorithm is none of these.
    pub(in crate::auth) fn signer(
        &self,
        allowed: &[Algorithm],
        header: &Map<String, Value>,
        (signed, signature): (&str, &str),
    ) -> Result<Arc<Key>, TokenFault> {
        let (algorithm, name) = algorithm(allowed, header)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str()),
            Some(_) => return Err(TokenFault::KeyName),
        };
        let keys = self.keys().ok_or(TokenFault::NoKeys)?;
        let fitting = keys.iter().filter(|key| key.fits(algorithm, name, kid));
        let mut fitting = fitting.take(MOST_TRIED).peekable();
        if fitting.peek().is_none() {
            self.want();
            let shown = kid.map(Shown::of).unwrap_or_else(|| Shown::of(name));
            return Err(TokenFault::UnknownKey(shown));
        }
        let signer = fitting.find(|key| key.verifies(signature, signed, algorithm));
        signer.cloned().ok_or(TokenFault::Signature)
    }
}

fn algorithm<'a>(
    allowed: &[Algorithm],
    header: &'a Map<String, Value>,
) -> Result<(Algorithm, &'a str), TokenFault> {
    let name = header.get("alg").and_then(Value::as_str);
    let name = name.ok_or(TokenFault::NoAlgorithm)?;
    let algorithm = name.parse().ok().filter(|one| allowed.contains(one));
    algorithm.map(|algorithm| (algorithm, name)).ok_or_else(|| {
        let allowed: Vec<String> = allowed.iter().map(|one| format!("{one:?}")).collect();
        TokenFault::AlgorithmOfIssuer(Shown::of(name), allowed.join(", "))
    })
}

impl Issuer {
    /// The key that signed a token; a fault if it is none of this issuer's.
    pub(in crate::auth) fn signer(
        &self,
        header: &Map<String, Value>,
        signed: &str,
        signature: &str,
    ) -> Result<Arc<Key>, TokenFault> {
        let allowed = &self.settings.algorithms;
        self.keys.signer(allowed, header, (signed, signature))
    }

    /// The user a token speaks for.
    pub(in crate::auth) fn user(&self, claims: &Map<String, Value>) -> Result<UserId, TokenFault> {
        let name = &self.settings.user;
        match find(claims, name) {
            None | Some(Value::Null) => Err(TokenFault::NoUser(name.clone())),
            Some(Value::String(text)) => {
                UserId::parse(text.as_str()).map_err(|cause| TokenFault::User(name.clone(), cause))
            }
            Some(_) => Err(TokenFault::UserType(name.clone())),
        }
    }

    /// The role that the rule of this issuer gives. Of two the one with more rights.
    pub(in crate::auth) fn role(&self, claims: &Map<String, Value>) -> Role {
        let Some(rule) = &self.settings.role else {
            return Role::User;
        };
        let groups = match find(claims, &rule.claim) {
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        };
        let is_in = |named: &[String]| {
            groups
                .iter()
                .any(|group| named.iter().any(|one| one == group))
        };
        if is_in(&rule.admin) {
            Role::Admin
        } else if is_in(&rule.service) {
            Role::Service
        } else {
            Role::User
        }
    }
}

/// Checks that a token is meant for one of these audiences; `None` takes every token.
pub(in crate::auth) fn judge_audience(
    claims: &Map<String, Value>,
    audience: Option<&[String]>,
) -> Result<(), TokenFault> {
    let Some(ours) = audience else {
        return Ok(());
    };
    let is_ours = |value: &Value| {
        let name = value.as_str();
        name.is_some_and(|name| ours.iter().any(|one| one == name))
    };
    let is_meant = match claims.get("aud") {
        None => return Err(TokenFault::NoClaim("aud")),
        Some(Value::Array(several)) => several.iter().any(is_ours),
        Some(one) => is_ours(one),
    };
    is_meant.then_some(()).ok_or(TokenFault::Audience)
}

/// A claim by its name, or by the names that lead to it with dots between them: `realm_access.roles`.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// A token without `kid` is checked with as many keys: each costs a tenth of a millisecond.
const MOST_TRIED: usize = 5;
