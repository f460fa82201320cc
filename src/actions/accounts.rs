//! Accounts: created or updated by a back end, read and changed by an administrator.

use serde::Serialize;

use crate::actions::identity::{Identity, UserView};
use crate::actions::publish::{self, Publication};
use crate::actions::streams::{self, Bye, Connection};
use crate::actions::{AppState, Forbidden, Refusal, Rule, Thing, api_keys, audit::Actor};
use crate::alarm::{DisplayName, Recipients, Role, Timestamp, Topic, UserId};
use crate::cluster;
use crate::store::{Account, Inbox, NewAccount, Page, Status, Stored, Upserted};

/// An account as an administrator sees it.
#[derive(utoipa::ToSchema, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// The user's id.
    pub id: UserId,
    /// The name that is shown: the id, where nobody gave a name.
    #[schema(value_type = String)]
    pub display_name: DisplayName,
    /// The user's role.
    pub role: Role,
    /// True if the account is disabled.
    pub disabled: bool,
    /// True if the user can sign in with a password. For other users a back end signs tokens.
    pub has_password: bool,
    /// The time at which the account was created.
    pub created_at: Timestamp,
}

/// Everything about one user.
pub(crate) struct Profile {
    /// The account.
    pub account: AccountView,
    /// The user's open streams, oldest first.
    pub connections: Vec<Connection>,
    /// The first page of the user's inbox.
    pub inbox: Page,
}

/// A change of an account; `None` leaves a field as it is.
pub(crate) struct Change {
    /// The name that is shown.
    pub display_name: Option<DisplayName>,
    /// The user's role.
    pub role: Option<Role>,
    /// True to disable the account.
    pub disabled: Option<bool>,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            display_name: account.display_name,
            role: account.role,
            disabled: account.disabled,
            has_password: account.password_hash.is_some(),
            created_at: account.created_at,
        }
    }
}

/// Creates an account or changes it; returns true if it is new.
pub(crate) async fn put(
    state: &AppState,
    caller: &Identity,
    by: Actor,
    (id, change): (UserId, Change),
) -> Result<(UserView, bool), Refusal> {
    let known = state.store.account(&id).await?;
    let was_admin = known
        .as_ref()
        .is_some_and(|account| account.role == Role::Admin);
    let concerns_admin = was_admin || change.role == Some(Role::Admin);
    let needs_admin = change.disabled.is_some() || (concerns_admin && change.role.is_some());
    if let Some(key) = caller.key() {
        api_keys::require_topic(key, &Topic::user(&id))?;
        let known_role = known.as_ref().map_or(Role::User, |known| known.role);
        let keeps_user = change.role == Some(Role::User) && known_role == Role::User;
        // Another role would reach further than the key does.
        if change.role.is_some() && !keeps_user && !caller.is_admin() {
            return Err(Refusal::Forbidden(Forbidden::KeyRole));
        }
    }
    if needs_admin && !caller.is_admin() {
        return Err(Refusal::Forbidden(Forbidden::AdminChange));
    }
    let account = NewAccount {
        display_name: change.display_name,
        role: change.role,
        disabled: change.disabled,
        ..NewAccount::named(id.clone())
    };
    let outcome = state.store.upsert_accounts(vec![account], by).await?;
    let account = state.store.account(&id).await?;
    let account = account.ok_or(Refusal::NotFound(Thing::User))?;
    let role_changed = known.is_some_and(|known| known.role != account.role);
    // The topics of a stream are chosen when it is opened, so a change of role closes the user's streams.
    if account.disabled {
        streams::close_changed(state, id, Bye::Disabled).await?;
    } else if role_changed {
        streams::close_changed(state, id, Bye::Kicked).await?;
    }
    Ok((UserView::of(&account), outcome.created > 0))
}

/// Creates or updates up to 1,000 accounts, all or none.
pub(crate) async fn put_many(
    state: &AppState,
    caller: &Identity,
    by: Actor,
    users: Vec<(UserId, Option<DisplayName>)>,
) -> Result<Upserted, Refusal> {
    if users.len() > MOST_USERS {
        return Err(Refusal::invalid("users", Rule::AtMost(MOST_USERS)));
    }
    if let Some(key) = caller.key() {
        for (id, _name) in &users {
            api_keys::require_topic(key, &Topic::user(id))?;
        }
    }
    let accounts = users.into_iter().map(|(id, display_name)| NewAccount {
        display_name,
        ..NewAccount::named(id)
    });
    Ok(state.store.upsert_accounts(accounts.collect(), by).await?)
}

/// Returns the number of accounts.
pub(crate) async fn count(state: &AppState) -> Result<i64, Refusal> {
    Ok(state.store.account_count().await?)
}

/// Returns a user by id; 404 if there is no such account.
pub(crate) async fn look_up(state: &AppState, id: &str, rows: usize) -> Result<Profile, Refusal> {
    let account = existing(state, id).await?;
    let inbox = Inbox::of(&account, account.role);
    let inbox = state.store.inbox_page(inbox, None, rows, Status::default());
    let inbox = inbox.await?;
    Ok(Profile {
        connections: streams::list_of(state, account.id.clone()).await?,
        account: AccountView::from(account),
        inbox,
    })
}

/// Disables an account, which closes its streams at once, or enables it again. Administrators cannot disable their own
/// account, because then there might be no administrator left to enable it.
pub(crate) async fn set_disabled(
    state: &AppState,
    by: Actor,
    id: &str,
    disabled: bool,
) -> Result<AccountView, Refusal> {
    let account = existing(state, id).await?;
    if disabled && account.id.as_str() == by.name {
        return Err(Refusal::Forbidden(Forbidden::OwnAccount));
    }
    let change = NewAccount {
        disabled: Some(disabled),
        ..NewAccount::named(account.id.clone())
    };
    state.store.upsert_accounts(vec![change], by).await?;
    if disabled {
        streams::close_changed(state, account.id.clone(), Bye::Disabled).await?;
    }
    Ok(AccountView {
        disabled,
        ..AccountView::from(account)
    })
}

/// Closes all streams of a user on all hubs and returns their number, as far as the other hubs tell theirs in time. The user may
/// reconnect.
pub(crate) async fn disconnect(state: &AppState, by: Actor, id: &str) -> Result<usize, Refusal> {
    let account = existing(state, id).await?;
    let Some(cluster) = &state.cluster else {
        state.store.note_kick(&account.id, by).await?;
        return streams::kick(state, account.id).await;
    };
    // Each hub finds the streams before it closes them. Only the number depends on it.
    let asked = cluster.ask_for_streams(Some(&account.id)).await;
    let user = Some(account.id.clone());
    let found = cluster::of_hub(&state.broadcaster, &state.hub, user).await?;
    state.store.count_kick(&account.id, by).await?;
    // This hub hears of it, too, and may have closed them by now.
    let here = streams::kick(state, account.id).await?.max(found.len());
    let answers = async { cluster.answers_to(asked?).await };
    match answers.await {
        Ok(streams) => Ok(here + streams.len()),
        Err(cause) => {
            log::warn!("the streams of other hubs are not counted: {cause}");
            Ok(here)
        }
    }
}

/// Sends a user a test alarm.
pub(crate) async fn send_test(
    state: &AppState,
    admin: &UserId,
    id: &str,
    title: &str,
) -> Result<Stored, Refusal> {
    let account = existing(state, id).await?;
    let publication = Publication {
        from_user_id: Some(admin.clone()),
        data: Some(publish::data_of(&Title { title })?),
        ..Publication::of(Recipients::User(account.id), publish::test_type())
    };
    publish::publish_own(state, publication).await
}

#[derive(Serialize)]
struct Title<'a> {
    title: &'a str,
}

/// Returns the account of an id in a path. An invalid id has no account.
async fn existing(state: &AppState, id: &str) -> Result<Account, Refusal> {
    let id = UserId::parse(id).map_err(|_rule| Refusal::NotFound(Thing::User))?;
    let account = state.store.account(&id).await?;
    account.ok_or(Refusal::NotFound(Thing::User))
}

/// One request is one transaction, and on SQLite there is only one writer.
const MOST_USERS: usize = 1_000;
