//! The identity behind a token: its claims and the account they speak for.

use std::sync::Arc;

use serde::Serialize;

use crate::actions::{AppState, Refusal};
use crate::alarm::{Role, UserId};
use crate::auth::{Claims, Epoch, TokenFault};
use crate::store::{Account, Inbox, NewAccount, Remembered};

/// The holder of a good token.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The rights epoch in which the token was checked.
    epoch: Epoch,
    claims: Arc<Claims>,
    account: Option<Arc<Account>>,
}

/// A user as the wire shows them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// The user's id.
    pub id: UserId,
    /// The name people see.
    pub display_name: String,
    /// The user's role.
    pub role: Role,
}

/// A good token whose account is not looked up yet.
pub(crate) struct Verified {
    epoch: Epoch,
    claims: Arc<Claims>,
}

/// Checks a token: signature, times and revocation.
pub(crate) fn verify(state: &AppState, token: &str) -> Result<Verified, Refusal> {
    let epoch = state.rights.current();
    let claims = state.tokens.verify(token).map_err(refused)?;
    if state.revocations.contain(&claims) {
        return Err(refused(TokenFault::Revoked));
    }
    Ok(Verified { epoch, claims })
}

impl Verified {
    /// The user the token speaks for.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.claims.subject
    }

    /// Finds the account the token speaks for. Where other hubs may revoke tokens and were not heard lately, the database is
    /// asked whether one did.
    pub(crate) async fn identity(self, state: &AppState) -> Result<Identity, Refusal> {
        state.has_database()?;
        let claims = &self.claims;
        if !state.store.rights_are_known() && state.store.is_revoked(claims.ids()).await? {
            let token_id = claims.token_id.clone();
            state.revocations.add(token_id, claims.expires_at);
            return Err(refused(TokenFault::Revoked));
        }
        Ok(Identity {
            account: account_of(state, &self.claims).await?,
            epoch: self.epoch,
            claims: self.claims,
        })
    }
}

impl Identity {
    /// The user's id.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.claims.subject
    }

    /// The user's role.
    pub(crate) fn role(&self) -> Role {
        self.claims.role
    }

    /// The claims of the token.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The name people see: the account's, else the id.
    pub(crate) fn display_name(&self) -> String {
        let name = self
            .account
            .as_ref()
            .map(|account| account.display_name.as_str());
        name.unwrap_or(self.claims.subject.as_str()).to_owned()
    }

    /// The user as the wire shows them.
    pub(crate) fn view(&self) -> UserView {
        UserView {
            id: self.user_id().clone(),
            display_name: self.display_name(),
            role: self.role(),
        }
    }

    /// The number of times the user was disconnected from all hubs; 0 without an account.
    pub(crate) fn kicks(&self) -> i64 {
        self.account.as_ref().map_or(0, |account| account.kicks)
    }

    /// True if rights changed since the token was checked: then it has to be checked again.
    pub(crate) fn is_stale(&self, state: &AppState) -> bool {
        self.epoch != state.rights.current()
    }

    /// The user's reading of the log.
    pub(crate) fn inbox(&self) -> Inbox {
        match &self.account {
            Some(account) => Inbox::of(account, self.role()),
            None => Inbox::of_stranger(self.user_id().clone(), self.role()),
        }
    }
}

impl UserView {
    /// An account as the wire shows it.
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            display_name: account.display_name.to_string(),
            role: account.role,
        }
    }
}

async fn account_of(state: &AppState, claims: &Claims) -> Result<Option<Arc<Account>>, Refusal> {
    let account = find_or_make(state, claims).await?;
    if let Some(account) = &account {
        if account.disabled {
            return Err(Refusal::AccountDisabled);
        }
        if let Some(fault) = fault_of_role(claims, account) {
            return Err(refused(fault));
        }
    }
    Ok(account)
}

async fn find_or_make(state: &AppState, claims: &Claims) -> Result<Option<Arc<Account>>, Refusal> {
    let account = match state.store.remembered(&claims.subject) {
        Remembered::Account(account) => Some(account),
        // A user without an account is refused, so the memory is not enough: the account may have been made since.
        Remembered::Nobody if claims.role != Role::User => None,
        Remembered::Nobody | Remembered::Nothing => {
            state.store.known_account(&claims.subject).await?
        }
    };
    if account.is_some() || claims.role != Role::User {
        return Ok(account);
    }
    if !state.policy.any_user {
        return Err(Refusal::UnknownSubject);
    }
    let account = NewAccount::named(claims.subject.clone());
    state.store.upsert_accounts(vec![account]).await?;
    Ok(state.store.known_account(&claims.subject).await?)
}

/// The fault of a token that its account has left behind.
fn fault_of_role(claims: &Claims, account: &Account) -> Option<TokenFault> {
    let fault = match claims.issued_at {
        Some(_) => TokenFault::FormerRole,
        None => TokenFault::OtherRole {
            named: claims.role,
            known: account.role,
        },
    };
    let is_outdated = account.outdates(claims.issued_at, claims.role);
    is_outdated.then_some(fault)
}

/// The refusal of a token. Its operator finds the reason in the log; the token itself is never there.
fn refused(fault: TokenFault) -> Refusal {
    log::info!("a token is refused: {fault}");
    Refusal::InvalidToken(fault)
}
