//! Accounts: reading, creating and changing them.

use diesel::prelude::*;

use crate::alarm::{DisplayName, Role, Timestamp, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::log::lock_head;
use crate::store::schema::log_head;
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

impl NewAccount {
    /// Returns a new account with an id and default values.
    pub(crate) fn named(id: UserId) -> Self {
        Self {
            id,
            display_name: None,
            role: None,
            password_hash: None,
            disabled: None,
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

    /// Returns the names of those of `ids` that have an account, by id.
    pub(crate) async fn display_names(
        &self,
        ids: Vec<UserId>,
    ) -> Result<Vec<(UserId, DisplayName)>, StoreError> {
        self.read(Read::Other, move |connection| {
            let wanted: Vec<&str> = ids.iter().map(UserId::as_str).collect();
            let mut names = Vec::with_capacity(wanted.len());
            for some in wanted.chunks(IDS_A_QUERY) {
                let rows = dsl::users
                    .filter(dsl::id.eq_any(some))
                    .select((dsl::id, dsl::display_name))
                    .load::<(String, String)>(connection)?;
                names.extend(
                    rows.into_iter()
                        .map(|(id, name)| (UserId::trusted(id), DisplayName::trusted(name))),
                );
            }
            Ok(names)
        })
        .await
    }

    /// Creates an account; `Conflict` if the id is taken.
    pub(crate) async fn create_account(&self, account: NewAccount) -> Result<Account, StoreError> {
        let accounts = self.accounts.clone();
        self.write(move |connection| {
            let created = connection.transact(|connection| {
                let (head, count) = lock_for_change(connection)?;
                Ok((insert(connection, &account, head)?, count))
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
    ) -> Result<Upserted, StoreError> {
        let remembered = self.accounts.clone();
        self.write(move |connection| {
            let outcome = connection.transact(|connection| upsert(connection, &accounts));
            // Also after an error: the commit may have succeeded although its answer was lost.
            let ids = accounts.iter().map(|account| &account.id);
            remembered.changed(ids, count_of(&outcome));
            outcome.map(|(outcome, _count)| outcome)
        })
        .await
    }

    /// Counts a disconnection of all streams of a user, which tells the other hubs to end theirs.
    pub(crate) async fn count_kick(&self, id: &UserId) -> Result<(), StoreError> {
        let (id, remembered) = (id.clone(), self.accounts.clone());
        self.write(move |connection| {
            let counted = connection.transact(|connection| {
                let (_head, count) = lock_for_change(connection)?;
                diesel::update(dsl::users.find(id.as_str()))
                    .set(dsl::kicks.eq(dsl::kicks + 1))
                    .execute(connection)?;
                Ok(((), count))
            });
            remembered.changed(std::iter::once(&id), count_of(&counted));
            counted.map(|_counted| ())
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
) -> Result<(Upserted, i64), StoreError> {
    let (head, count) = lock_for_change(connection)?;
    let mut outcome = Upserted::default();
    for account in accounts {
        if update(connection, account)? {
            outcome.updated += 1;
        } else {
            insert(connection, account, head)?;
            outcome.created += 1;
        }
    }
    Ok((outcome, count))
}

/// Locks the head of the log, because an inbox starts where the log ends, and increments the count of account changes.
/// Returns both.
fn lock_for_change(connection: &mut DbConnection) -> Result<(i64, i64), StoreError> {
    let head = lock_head(connection)?;
    let count = head.account_changes + 1;
    diesel::update(log_head::table)
        .set(log_head::account_changes.eq(count))
        .execute(connection)?;
    Ok((head.last_id, count))
}

/// The count of account changes with a change, if it was made.
fn count_of<T>(changed: &Result<(T, i64), StoreError>) -> Option<i64> {
    changed.as_ref().ok().map(|(_done, count)| *count)
}

/// Creates an account whose inbox starts after `head`.
fn insert(
    connection: &mut DbConnection,
    account: &NewAccount,
    head: i64,
) -> Result<Account, StoreError> {
    let row = account.row(head);
    diesel::insert_into(dsl::users)
        .values(&row)
        .execute(connection)?;
    Ok(Account::from(row))
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
        }
    }
}

/// Changes the given fields of an account; returns `false` if it does not exist.
fn update(connection: &mut DbConnection, account: &NewAccount) -> Result<bool, StoreError> {
    let target = dsl::users.find(account.id.as_str());
    let Some(known) = target
        .get_result::<Row>(connection)
        .optional()?
        .map(Account::from)
    else {
        return Ok(false);
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
    Ok(true)
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
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: UserId::trusted(row.id),
            display_name: DisplayName::trusted(row.display_name),
            // An unknown word in the column gives the role with the fewest rights.
            role: row.role.parse().unwrap_or(Role::User),
            password_hash: row.password_hash,
            inbox_start: row.inbox_start,
            tokens_valid_from: Timestamp::from_millis(row.tokens_valid_from),
            disabled: row.disabled_at.is_some(),
            created_at: Timestamp::from_millis(row.created_at),
            kicks: row.kicks,
        }
    }
}

/// Well below the limit of bind variables of both databases.
const IDS_A_QUERY: usize = 500;
