//! The identity behind a token: its claims and the account they speak for.

use std::sync::Arc;

use serde::Serialize;

use crate::actions::audit::Actor;
use crate::actions::{AppState, Refusal, api_keys};
use crate::alarm::{ApiKey, DisplayName, Role, Scope, SignerId, Timestamp, UserId};
use crate::auth::{Claims, Epoch, KeyRing, TokenFault};
use crate::store::{Account, Deletion, Inbox, KnownAccount, NewAccount, Remembered, StoreError};

/// The holder of a good token.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The rights epoch in which the token was checked.
    epoch: Epoch,
    claims: Arc<Claims>,
    account: Option<Arc<Account>>,
    /// The deletion of the last account of the id, where there is none now.
    deletion: Option<Deletion>,
    key: Option<Arc<ApiKey>>,
}

/// A user as the wire shows them.
#[derive(utoipa::ToSchema, Debug, Serialize)]
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
    key: Option<Arc<ApiKey>>,
}

/// Checks a token: signature, times and revocation.
pub(crate) fn verify(state: &AppState, token: &str) -> Result<Verified, Refusal> {
    let epoch = state.rights.current();
    if KeyRing::is_key(token) {
        let key = state.keys.find(token).map_err(refused)?;
        let claims = Arc::new(claims_of(&key));
        let key = Some(key);
        return Ok(Verified { epoch, claims, key });
    }
    let claims = state.tokens.verify(token).map_err(refused)?;
    if state.revocations.contain(&claims) {
        return Err(refused(TokenFault::Revoked));
    }
    check_maker(state, &claims)?;
    let key = None;
    Ok(Verified { epoch, claims, key })
}

/// Refuses a token whose API key is good no more.
fn check_maker(state: &AppState, claims: &Claims) -> Result<(), Refusal> {
    let Some(maker) = &claims.made_by_key else {
        return Ok(());
    };
    let checked = state.keys.check_maker(maker, claims.issued_at);
    checked.map_err(refused)
}

/// The claims that a key stands for: a service without an account, whose id is no user's.
fn claims_of(key: &ApiKey) -> Claims {
    Claims {
        subject: UserId::trusted(format!("key {}", key.name)),
        role: Role::Service,
        expires_at: key.expires_at.unwrap_or(NEVER),
        issued_at: None,
        token_id: format!("key {}", key.id),
        former_id: None,
        issuer: None,
        signer: SignerId::SHARED_SECRET,
        made_by_key: Some(key.id.clone()),
    }
}

/// The end of a key without one: the last second of the year 4999.
const NEVER: Timestamp = Timestamp::from_millis(95_617_583_999_000);

impl Verified {
    /// The user the token speaks for.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.claims.subject
    }

    /// Finds the account the token speaks for. Where other hubs may revoke tokens and were not heard lately, the database is
    /// asked whether one did.
    pub(crate) async fn identity(self, state: &AppState) -> Result<Identity, Refusal> {
        state.has_database()?;
        if !state.store.rights_are_known() {
            self.check_again(state).await?;
        }
        if let Some(key) = self.key {
            return Ok(Identity {
                account: None,
                deletion: None,
                epoch: self.epoch,
                claims: self.claims,
                key: Some(key),
            });
        }
        let known = account_of(state, &self.claims, None).await?;
        Ok(Identity {
            key: None,
            account: known.account,
            deletion: known.deletion,
            epoch: self.epoch,
            claims: self.claims,
        })
    }
}

impl Verified {
    /// Asks the database for what other hubs may have taken away unheard.
    async fn check_again(&self, state: &AppState) -> Result<(), Refusal> {
        let claims = &self.claims;
        if claims.made_by_key.is_some() {
            api_keys::refresh(state).await?;
        }
        if let Some(key) = &self.key {
            let holds = state.keys.holds(&key.id);
            return holds
                .then_some(())
                .ok_or_else(|| refused(TokenFault::KeyRevoked));
        }
        check_maker(state, claims)?;
        if state.store.is_revoked(claims.ids()).await? {
            let token_id = claims.token_id.clone();
            state.revocations.add(token_id, claims.expires_at);
            return Err(refused(TokenFault::Revoked));
        }
        Ok(())
    }
}

impl Identity {
    /// The user's id.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.claims.subject
    }

    /// The user's role; `service` for an API key.
    pub(crate) fn role(&self) -> Role {
        self.claims.role
    }

    /// The API key that the request came with.
    pub(crate) fn key(&self) -> Option<&ApiKey> {
        self.key.as_deref()
    }

    /// True for an administrator, and for an API key with the scope `admin`.
    pub(crate) fn is_admin(&self) -> bool {
        match &self.key {
            Some(key) => key.grant.has(Scope::Admin),
            None => self.role() == Role::Admin,
        }
    }

    /// The name in the audit log and of a publisher: the user's id, or `key:NAME` for an API key.
    pub(crate) fn actor_name(&self) -> UserId {
        match &self.key {
            Some(key) => UserId::trusted(key.actor()),
            None => self.user_id().clone(),
        }
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
            None => Inbox::of_stranger(self.user_id().clone(), self.role(), self.deletion),
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

/// Finds or makes the account of a visitor whom a provider signed in; returns the name people see, if there is an account.
pub(super) async fn signed_in_as(
    state: &AppState,
    claims: &Claims,
    named: Option<DisplayName>,
) -> Result<Option<String>, Refusal> {
    let known = account_of(state, claims, named).await?;
    let account = known.account;
    Ok(account.map(|account| account.display_name.to_string()))
}

/// The account that a token speaks for, made if it may be and under this name; a refusal if the token may not.
async fn account_of(
    state: &AppState,
    claims: &Claims,
    display_name: Option<DisplayName>,
) -> Result<KnownAccount, Refusal> {
    let known = find_or_make(state, claims, display_name).await?;
    if let Some(account) = &known.account {
        if !may_speak_for(claims, account) {
            log::info!("a token is refused: its issuer may not speak for the account");
            return Err(Refusal::WrongIssuer);
        }
        if account.disabled {
            return Err(Refusal::AccountDisabled);
        }
        if let Some(fault) = fault_of(claims, account) {
            return Err(refused(fault));
        }
    }
    Ok(known)
}

/// True if the issuer of a token may speak for an account. What this hub or its shared secret says holds for every account.
fn may_speak_for(claims: &Claims, account: &Account) -> bool {
    let Some(issuer) = &claims.issuer else {
        return true;
    };
    let settings = issuer.settings();
    let is_theirs = account
        .made_by
        .as_ref()
        .is_none_or(|made| *made == settings.issuer);
    settings.link || (is_theirs && !account.has_password && account.role == Role::User)
}

/// True if a token needs an account. An administrator of another issuer has one too, which remembers its issuer.
fn needs_account(claims: &Claims) -> bool {
    match claims.role {
        Role::User => true,
        Role::Admin => claims.issuer.is_some(),
        Role::Service => false,
    }
}

/// Looks an account up in memory, or else in the database. Where one is needed, its absence is not taken from memory: it may have
/// been made since.
pub(super) async fn known_account(
    state: &AppState,
    id: &UserId,
    is_needed: bool,
) -> Result<KnownAccount, StoreError> {
    match state.store.remembered(id) {
        Remembered::Account(account) => Ok(KnownAccount {
            account: Some(account),
            deletion: None,
        }),
        Remembered::Nobody(deletion) if !is_needed => Ok(KnownAccount {
            account: None,
            deletion,
        }),
        Remembered::Nobody(_) | Remembered::Nothing => state.store.account_or_deletion(id).await,
    }
}

async fn find_or_make(
    state: &AppState,
    claims: &Claims,
    display_name: Option<DisplayName>,
) -> Result<KnownAccount, Refusal> {
    let needs_account = needs_account(claims);
    let known = known_account(state, &claims.subject, needs_account).await?;
    if let Some(deletion) = &known.deletion
        && deletion.outdates(claims.issued_at)
    {
        return Err(refused(TokenFault::SignedOut));
    }
    if known.account.is_some() || !needs_account {
        return Ok(known);
    }
    let settings = claims.issuer.as_ref().map(|issuer| issuer.settings());
    if !(state.policy.any_user || settings.is_some_and(|issuer| issuer.create_users)) {
        return Err(Refusal::UnknownSubject);
    }
    let account = NewAccount {
        display_name,
        made_by: settings.map(|issuer| issuer.issuer.clone()),
        ..NewAccount::named(claims.subject.clone())
    };
    // The account is made by the user whose token is presented first.
    let by = Actor {
        name: claims.subject.to_string(),
        address: String::new(),
    };
    state.store.upsert_accounts(vec![account], by).await?;
    Ok(state.store.account_or_deletion(&claims.subject).await?)
}

/// The fault of a token that its account has left behind.
fn fault_of(claims: &Claims, account: &Account) -> Option<TokenFault> {
    if account.signed_out(claims.issued_at) {
        return Some(TokenFault::SignedOut);
    }
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
pub(super) fn refused(fault: TokenFault) -> Refusal {
    log::info!("a token is refused: {fault}");
    match fault {
        TokenFault::NoKeys => Refusal::NoKeys,
        other => Refusal::InvalidToken(other),
    }
}
