//! Tokens of the Mercure protocol: by the entries of issuers, and by the protocol's own keys.

use crate::actions::identity::known_account;
use crate::actions::mercure::Mercure;
use crate::actions::{AppState, Refusal};
use crate::auth::TokenFault;
use crate::auth::mercure::{Holder, MercureFault, MercureGrants, MercureRole, NO_KEYS, issuer_of};

/// The rights of a token: by the entry of its issuer where that gives Mercure rights, else by the protocol's own keys.
pub(crate) async fn grants(
    state: &AppState,
    mercure: &Mercure,
    (token, role): (&str, MercureRole),
    audience: Option<&str>,
) -> Result<Result<MercureGrants, MercureFault>, Refusal> {
    let (keys, matchers) = (&mercure.keys, &mercure.matchers);
    let issuer = issuer_of(token).and_then(|iss| state.tokens.issuers().find(&iss));
    let issuer = issuer.filter(|issuer| !issuer.settings().mercure.is_empty());
    let Some(issuer) = issuer else {
        return Ok(keys.verify(token, role, audience, matchers));
    };
    if !issuer.settings().mercure.contains(&role.right()) {
        return Ok(Err(MercureFault("its issuer may not give this right")));
    }
    let claims = match state.tokens.verify(token) {
        Ok(claims) => claims,
        Err(TokenFault::NoKeys) => return Ok(Err(NO_KEYS)),
        Err(fault) => {
            log::info!("a token is refused: {fault}");
            return Ok(Err(MercureFault("its issuer's entry refuses it")));
        }
    };
    if state.revocations.contain(&claims) {
        return Ok(Err(MercureFault("the token was revoked by signing out")));
    }
    let known = known_account(state, &claims.subject, false).await?;
    if known.refuses(claims.issued_at) {
        return Ok(Err(MercureFault(
            "the account of its user is disabled, or was signed out or deleted since",
        )));
    }
    let grants = keys.grants_of(token, audience, matchers);
    let holder = Holder {
        user_id: claims.subject.clone(),
        token_id: claims.token_id.clone(),
        issued_at: claims.issued_at,
        kicks: known.account.map_or(0, |account| account.kicks),
    };
    Ok(grants.map(|grants| MercureGrants {
        signer: claims.signer,
        holder: Some(holder),
        ..grants
    }))
}
