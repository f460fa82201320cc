//! One user as an admin sees and changes him: shared by the JSON routes and the admin pages.

use serde::Serialize;

use crate::alarm::{DisplayName, Payload, Role, Timestamp, UserId};
use crate::http::error::ApiError;
use crate::http::publish::{self, PublishRequest, To};
use crate::http::state::AppState;
use crate::hub::{Bye, ClientInfo, Close, ConnectionsOf, Which};
use crate::store::{Account, Inbox, NewAccount, Page, Status, Stored};

/// An account as an admin sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// Who it is.
    pub id: UserId,
    /// The name people see.
    pub display_name: DisplayName,
    /// What he may do.
    pub role: Role,
    /// Whether the hub shuts him out.
    pub disabled: bool,
    /// Whether he can sign in on the first page; a back end signs tokens for one who cannot.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Everything about one user.
pub(crate) struct Profile {
    /// His account.
    pub account: AccountView,
    /// His open streams, oldest first.
    pub connections: Vec<ClientInfo>,
    /// His inbox as he has it.
    pub inbox: Page,
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

/// Looks a user up; 404 if there is no such account.
pub(crate) async fn look_up(state: &AppState, id: &str, rows: usize) -> Result<Profile, ApiError> {
    let account = existing(state, id).await?;
    let inbox = Inbox::of(&account, account.role);
    let inbox = state.store.inbox_page(inbox, None, rows, Status::default());
    let inbox = inbox.await?;
    let connections = state.broadcaster.send(ConnectionsOf(account.id.clone()));
    Ok(Profile {
        connections: connections.await?,
        account: AccountView::from(account),
        inbox,
    })
}

/// Shuts a user out, his streams at once, or lets him in again. Nobody can shut himself out: no one might be left to undo it.
pub(crate) async fn set_disabled(
    state: &AppState,
    admin: &UserId,
    id: &str,
    disabled: bool,
) -> Result<AccountView, ApiError> {
    let account = existing(state, id).await?;
    if disabled && account.id == *admin {
        return Err(ApiError::Forbidden("nobody can disable his own account"));
    }
    let change = NewAccount {
        disabled: Some(disabled),
        ..NewAccount::named(account.id.clone())
    };
    state.store.upsert_accounts(vec![change]).await?;
    if disabled {
        state.rights.taken();
        close(state, account.id.clone(), Bye::Disabled).await?;
    }
    Ok(AccountView {
        disabled,
        ..AccountView::from(account)
    })
}

/// Ends all streams of a user, who may come back; returns how many.
pub(crate) async fn disconnect(state: &AppState, id: &str) -> Result<usize, ApiError> {
    let account = existing(state, id).await?;
    close(state, account.id, Bye::Kicked).await
}

/// Sends a user an alarm that says it is a test.
pub(crate) async fn send_test(
    state: &AppState,
    admin: &UserId,
    id: &str,
    title: &str,
) -> Result<Stored, ApiError> {
    let account = existing(state, id).await?;
    let request = PublishRequest {
        to: To {
            user: Some(account.id),
            ..To::default()
        },
        alarm_type: "TEST".parse()?,
        from_user_id: Some(admin.clone()),
        target_id: None,
        data: Some(Payload::of(&Title { title })?),
        url: None,
        expires_in_seconds: None,
    };
    publish::publish(state, admin, request, None, &[]).await
}

#[derive(Serialize)]
struct Title<'a> {
    title: &'a str,
}

/// An id in a path that no user can have is no user's.
async fn existing(state: &AppState, id: &str) -> Result<Account, ApiError> {
    let id = UserId::parse(id).map_err(|_cause| ApiError::NotFound("user"))?;
    let account = state.store.account(&id).await?;
    account.ok_or(ApiError::NotFound("user"))
}

async fn close(state: &AppState, id: UserId, bye: Bye) -> Result<usize, ApiError> {
    let close = Close {
        which: Which::User(id),
        bye,
    };
    Ok(state.broadcaster.send(close).await?)
}
