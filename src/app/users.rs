//! `campanile user`: accounts in the database of the settings. A running hub on the same database follows within a second.

use serde_json::json;

use crate::alarm::UserId;
use crate::app::commands::text_from_stdin;
use crate::app::error::StartError;
use crate::app::{output, secrets};
use crate::auth::Passwords;
use crate::config::{DatabaseSetting, UserAdd, UserChange, UserList, UserRole};
use crate::metrics::Metrics;
use crate::store::{Account, Actor, Leaving, Left, NewAccount, Reach, Store, StoreError};

/// `campanile user add`: adds an account with the password on stdin.
pub fn add_user(command: UserAdd) -> Result<(), StartError> {
    let password = password_from_stdin()?;
    secrets::create_folder_of(command.database.url.location())?;
    on_database(&command.database, async move |store| {
        let account = NewAccount {
            display_name: command.display_name,
            role: Some(command.role),
            password_hash: Some(Passwords::new()?.hash(password).await?),
            ..NewAccount::named(command.id.clone())
        };
        match create(store, account).await {
            Err(StoreError::Conflict) => Err(StartError::UserExists(command.id.to_string())),
            done => Ok(done?),
        }
    })
}

/// `campanile user list`: all accounts by id.
pub fn list_users(command: &UserList) -> Result<(), StartError> {
    on_existing(&command.database, async |store| {
        let mut after = None;
        loop {
            let page = store.accounts_after(after, A_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id.clone());
            for account in &page {
                if !output::line(&shown(account, command.json))? {
                    return Ok(());
                }
            }
        }
    })
}

/// `campanile user disable` and `enable`.
pub fn set_user_disabled(command: &UserChange, disabled: bool) -> Result<(), StartError> {
    on_existing(&command.database, async |store| {
        let id = existing(store, &command.id).await?;
        let change = NewAccount {
            disabled: Some(disabled),
            ..NewAccount::named(id)
        };
        store.upsert_accounts(vec![change], by_command()).await?;
        Ok(())
    })
}

/// `campanile user role`.
pub fn set_user_role(command: &UserRole) -> Result<(), StartError> {
    on_existing(&command.database, async |store| {
        let id = existing(store, &command.id).await?;
        let change = NewAccount {
            role: Some(command.role),
            ..NewAccount::named(id)
        };
        store.upsert_accounts(vec![change], by_command()).await?;
        Ok(())
    })
}

/// `campanile user sign-out`.
pub fn sign_user_out(command: &UserChange) -> Result<(), StartError> {
    leave(command, Leaving::SignOut)
}

/// `campanile user delete`.
pub fn delete_user(command: &UserChange) -> Result<(), StartError> {
    leave(command, Leaving::Delete)
}

fn leave(command: &UserChange, leaving: Leaving) -> Result<(), StartError> {
    on_existing(&command.database, async |store| {
        let id = existing(store, &command.id).await?;
        let left = store.leave(&id, leaving, Reach::Everyone, by_command());
        match left.await? {
            Left::Done(_) => Ok(()),
            Left::LastAdmin => Err(StartError::LastAdmin),
            Left::Unknown | Left::OutOfReach => Err(StartError::NoUser),
        }
    })
}

/// `campanile user password`: the new password is read from stdin.
pub fn set_user_password(command: &UserChange) -> Result<(), StartError> {
    let password = password_from_stdin()?;
    on_existing(&command.database, async move |store| {
        let id = existing(store, &command.id).await?;
        let hash = Passwords::new()?.hash(password).await?;
        store.set_password(&id, hash, by_command()).await?;
        Ok(())
    })
}

/// The same on the database of a hub that was started before: a new one has no accounts, and is not made.
fn on_existing(
    database: &DatabaseSetting,
    work: impl AsyncFnOnce(&Store) -> Result<(), StartError>,
) -> Result<(), StartError> {
    secrets::require(database.url.location())?;
    on_database(database, work)
}

/// Opens the database of the settings, does some work and closes it.
fn on_database(
    database: &DatabaseSetting,
    work: impl AsyncFnOnce(&Store) -> Result<(), StartError>,
) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        let location = database.url.location();
        let store = Store::open(location, Metrics::default())?;
        let done = work(&store).await;
        store.close().await;
        done
    })
}

fn password_from_stdin() -> Result<String, StartError> {
    let password = text_from_stdin()?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// Creates an account, unless its id leads to one that was made under an earlier rule: then there is a conflict, as over HTTP.
async fn create(store: &Store, account: NewAccount) -> Result<(), StoreError> {
    let former = store.former_ids().await?;
    if former.contains_key(account.id.as_str()) {
        return Err(StoreError::Conflict);
    }
    store.create_account(account, by_command()).await.map(drop)
}

/// The id of an account that there is, also of one that was made under an earlier rule.
async fn existing(store: &Store, id: &UserId) -> Result<UserId, StartError> {
    if let Some(account) = store.account(id).await? {
        return Ok(account.id);
    }
    let former = store.former_ids().await?;
    let id = former.get(id.as_str()).cloned().map(UserId::trusted);
    id.ok_or_else(|| StartError::NoUser)
}

fn shown(account: &Account, as_json: bool) -> String {
    if as_json {
        let line = json!({
            "id": account.id,
            "displayName": account.display_name,
            "role": account.role,
            "disabled": account.disabled,
            "hasPassword": account.password_hash.is_some(),
            "createdAt": account.created_at,
        });
        return line.to_string();
    }
    let notes = [
        account.disabled.then_some("disabled"),
        account.password_hash.is_none().then_some("no password"),
    ];
    let notes: Vec<&str> = notes.into_iter().flatten().collect();
    let line = format!(
        "{:<24} {:<8} {}  {}  {}",
        account.id.as_str(),
        account.role.as_str(),
        account.created_at,
        output::harmless(account.display_name.as_str()),
        notes.join(", "),
    );
    line.trim_end().to_owned()
}

/// Enough to ask seldom, few enough to hold.
const A_PAGE: i64 = 1_000;

fn by_command() -> Actor {
    Actor::command("campanile user")
}
