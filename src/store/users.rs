//! Accounts: reading, creating and changing them.

use diesel::prelude::*;
use serde_json::json;

use crate::alarm::{DisplayName, Role, Timestamp, UserId};
use crate::store::account_changes::{count_of, lock_for_change};
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::users::{self, dsl};
use crate::store::{Read, Store, StoreError};

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The user's id.
    pub id: UserId,
    /// The name that is shown.
    pub display_name: DisplayName,
    /// The role.
    pub role: Role,
    /// The PHC string of the password hash; `None` for an account that a back end created.
    pub password_hash: Option<String>,
    /// True if the user can sign in with a password. It is told also where the hash is left out.
    pub has_password: bool,
    /// The issuer whose token made the account; `None` for one that was made here.
    pub made_by: Option<String>,
    /// Alarms for everyone or for a role with an id up to this one are not in the inbox of the account.
    pub inbox_start: i64,
    /// Tokens issued before this time are refused.
    pub tokens_valid_from: Timestamp,
    /// True if the account is disabled.
    pub disabled: bool,
    /// The time at which the account was created.
    pub created_at: Timestamp,
    /// The number of times the user was disconnected from all hubs.
    pub kicks: i64,
    /// Tokens issued up to this time are refused, as the user was signed out everywhere; 0 if nobody did that.
    pub signed_out_at: Timestamp,
    /// Alarms to the user with an id up to this one were for a deleted account of the same id.
    pub own_start: i64,
}

/// The fields with which an account is created or changed. `None` keeps the value of a known account and gives a new
/// one the default.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    /// The user's id.
    pub id: UserId,
    /// The name that is shown; by default the id.
    pub display_name: Option<DisplayName>,
    /// The role; by default [`Role::User`].
    pub role: Option<Role>,
    /// The PHC string of the password hash; an update never changes it.
    pub password_hash: Option<String>,
    /// True if the account is disabled.
    pub disabled: Option<bool>,
    /// The issuer whose token makes the account; an update never changes it.
    pub made_by: Option<String>,
}

/// The result of creating or updating several accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Upserted {
    /// The number of accounts that were created.
    pub created: usize,
    /// The number of accounts that existed.
    pub updated: usize,
}

impl Account {
    /// True for a token that the account has left behind: it was issued before the account's role changed. A token without
    /// the time of its issue is judged by the role it names, and so is one that tells whole seconds, in the very second of
    /// the change.
    pub(crate) fn outdates(&self, issued_at: Option<Timestamp>, role: Role) -> bool {
        let other_role = role != self.role;
        let Some(issued) = issued_at else {
            return other_role;
        };
        let changed = self.tokens_valid_from;
        let whole = Timestamp::from_seconds(issued.seconds()) == issued;
        let unclear = issued == changed || (whole && issued.seconds() == changed.seconds());
        if unclear {
            other_role
        } else {
            issued < changed
        }
    }
}

impl Account {
    /// True for a token that was issued before the user was signed out everywhere. One that tells no time may have been.
    pub(crate) fn signed_out(&self, issued_at: Option<Timestamp>) -> bool {
        is_of_before(issued_at, self.signed_out_at)
    }
}

/// True for a token that was not issued after a time; 0 is no time.
pub(super) fn is_of_before(issued_at: Option<Timestamp>, time: Timestamp) -> bool {
    time.millis() > 0 && issued_at.is_none_or(|issued| issued <= time)
}

impl NewAccount {
    /// Returns a new account with an id and default values.
    pub(crate) fn named(id: UserId) -> Self {
        Self {
            id,
            display_name: None,
            role: None,
            password_hash: None,
            disabled: None,
            made_by: None,
        }
    }
}

impl Store {
    /// Returns one account, if it exists.
    pub(crate) async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read(Read::Account, move |connection| find(connection, &id))
            .await
    }

    /// Creates an account; `Conflict` if the id is taken.
    pub(crate) async fn create_account(
        &self,
        account: NewAccount,
        by: Actor,
    ) -> Result<Account, StoreError> {
        let accounts = self.accounts.clone();
        self.write(move |connection| {
            let created = connection.transact(|connection| {
                let (head, count) = lock_for_change(connection, std::iter::once(&account.id))?;
                Ok((create(connection, &account, head, &by)?, count))
            });
            accounts.changed(std::iter::once(&account.id), count_of(&created));
            created.map(|(account, _count)| account)
        })
        .await
    }

    /// Creates or updates accounts, all or none: new ones are created, known ones get the given fields.
    pub(crate) async fn upsert_accounts(
        &self,
        accounts: Vec<NewAccount>,
        by: Actor,
    ) -> Result<Upserted, StoreError> {
        let remembered = self.accounts.clone();
        self.write(move |connection| {
            let outcome = connection.transact(|connection| upsert(connection, &accounts, &by));
            // Also after an error: the commit may have succeeded although its answer was lost.
            let ids = accounts.iter().map(|account| &account.id);
            remembered.changed(ids, count_of(&outcome));
            outcome.map(|(outcome, _count)| outcome)
        })
        .await
    }

    /// The accounts of those of `ids` that have one, read now.
    pub(crate) async fn accounts_of(&self, ids: Vec<UserId>) -> Result<Vec<Account>, StoreError> {
        self.look(move |connection| {
            let wanted: Vec<&str> = ids.iter().map(UserId::as_str).collect();
            let mut found = Vec::with_capacity(wanted.len());
            for some in wanted.chunks(IDS_A_QUERY) {
                let rows = dsl::users
                    .filter(dsl::id.eq_any(some))
                    .load::<Row>(connection)?;
                found.extend(rows.into_iter().map(Account::from));
            }
            Ok(found)
        })
        .await
    }
}

/// Returns one account, if it exists.
pub(super) fn find(
    connection: &mut DbConnection,
    id: &UserId,
) -> Result<Option<Account>, StoreError> {
    let row = native!(connection => dsl::users
        .find(id.as_str())
        .get_result::<Row>(connection))
    .optional()?;
    Ok(row.map(Account::from))
}

fn upsert(
    connection: &mut DbConnection,
    accounts: &[NewAccount],
    by: &Actor,
) -> Result<(Upserted, i64), StoreError> {
    let ids = accounts.iter().map(|account| &account.id);
    let (head, count) = lock_for_change(connection, ids)?;
    let mut outcome = Upserted::default();
    for account in accounts {
        if let Some(known) = update(connection, account)? {
            record(connection, account, &known, by)?;
            outcome.updated += 1;
        } else {
            create(connection, account, head, by)?;
            outcome.created += 1;
        }
    }
    Ok((outcome, count))
}

/// Writes to the audit log what changes of the rights of a known account.
fn record(
    connection: &mut DbConnection,
    account: &NewAccount,
    known: &Account,
    by: &Actor,
) -> Result<(), StoreError> {
    let target = account.id.as_str();
    let mut note = |action, detail| {
        let change = Change {
            action,
            target,
            detail,
        };
        audit::record(connection, by, &change)
    };
    if let Some(role) = account.role.filter(|role| known.role != *role) {
        note("user.role", json!({"from": known.role, "to": role}))?;
    }
    let disabled = account.disabled;
    if let Some(disabled) = disabled.filter(|disabled| known.disabled != *disabled) {
        let action = if disabled {
            "user.disable"
        } else {
            "user.enable"
        };
        note(action, json!({}))?;
    }
    Ok(())
}

/// Creates an account whose inbox starts after `head`, and tells the audit log.
fn create(
    connection: &mut DbConnection,
    account: &NewAccount,
    head: i64,
    by: &Actor,
) -> Result<Account, StoreError> {
    let row = account.row(head);
    diesel::insert_into(dsl::users)
        .values(&row)
        .execute(connection)?;
    let account = Account::from(row);
    let change = Change {
        action: "user.create",
        target: account.id.as_str(),
        detail: json!({"role": account.role, "disabled": account.disabled, "issuer": account.made_by}),
    };
    audit::record(connection, by, &change)?;
    Ok(account)
}

impl NewAccount {
    /// The row of a new account whose inbox starts after `head`.
    pub(super) fn row(&self, head: i64) -> Row {
        let now = Timestamp::now().millis();
        let name = self.display_name.as_ref();
        Row {
            id: self.id.to_string(),
            display_name: name
                .map_or(self.id.as_str(), DisplayName::as_str)
                .to_owned(),
            role: self.role.unwrap_or(Role::User).as_str().to_owned(),
            password_hash: self.password_hash.clone(),
            inbox_start: head,
            seen_up_to: 0,
            read_up_to: 0,
            created_at: now,
            tokens_valid_from: 0,
            disabled_at: self.disabled.unwrap_or(false).then_some(now),
            kicks: 0,
            marks: 0,
            made_by: self.made_by.clone(),
            // The database sets both where an account of the id was deleted.
            signed_out_at: 0,
            own_start: 0,
        }
    }
}

/// Changes the given fields of an account; returns the account as it was, or `None` if it does not exist.
fn update(
    connection: &mut DbConnection,
    account: &NewAccount,
) -> Result<Option<Account>, StoreError> {
    let target = dsl::users.find(account.id.as_str());
    let Some(known) = target
        .get_result::<Row>(connection)
        .optional()?
        .map(Account::from)
    else {
        return Ok(None);
    };
    let now = Timestamp::now();
    if let Some(name) = &account.display_name {
        diesel::update(target)
            .set(dsl::display_name.eq(name.as_str()))
            .execute(connection)?;
    }
    if let Some(role) = account.role.filter(|role| *role != known.role) {
        let change = (
            dsl::role.eq(role.as_str()),
            dsl::tokens_valid_from.eq(now.millis()),
            // Another role reads other topics, and no alarm of those was seen, so the floors are reset.
            dsl::seen_up_to.eq(0),
            dsl::read_up_to.eq(0),
        );
        diesel::update(target).set(change).execute(connection)?;
    }
    if let Some(disabled) = account.disabled {
        diesel::update(target)
            .set(dsl::disabled_at.eq(disabled.then(|| now.millis())))
            .execute(connection)?;
    }
    Ok(Some(known))
}

/// The row of an account.
#[derive(Queryable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: String,
    display_name: String,
    role: String,
    password_hash: Option<String>,
    inbox_start: i64,
    seen_up_to: i64,
    read_up_to: i64,
    created_at: i64,
    tokens_valid_from: i64,
    disabled_at: Option<i64>,
    kicks: i64,
    marks: i64,
    made_by: Option<String>,
    signed_out_at: i64,
    own_start: i64,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: UserId::trusted(row.id),
            display_name: DisplayName::trusted(row.display_name),
            // An unknown word in the column gives the role with the fewest rights.
            role: row.role.parse().unwrap_or(Role::User),
            has_password: row.password_hash.is_some(),
            password_hash: row.password_hash,
            made_by: row.made_by,
            inbox_start: row.inbox_start,
            tokens_valid_from: Timestamp::from_millis(row.tokens_valid_from),
            disabled: row.disabled_at.is_some(),
            created_at: Timestamp::from_millis(row.created_at),
            kicks: row.kicks,
            signed_out_at: Timestamp::from_millis(row.signed_out_at),
            own_start: row.own_start,
        }
    }
}

/// Well below the limit of bind variables of both databases.
pub(super) const IDS_A_QUERY: usize = 500;
