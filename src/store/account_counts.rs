//! The numbers of accounts.

use diesel::prelude::*;

use crate::alarm::Role;
use crate::store::schema::account_totals;
use crate::store::schema::users::dsl;
use crate::store::{Read, Store, StoreError};

impl Store {
    /// Returns the number of accounts, which triggers of the database keep.
    pub(crate) async fn account_count(&self) -> Result<i64, StoreError> {
        self.read(Read::Other, |connection| {
            let total = account_totals::table.select(account_totals::accounts);
            Ok(total.get_result(connection)?)
        })
        .await
    }

    /// Returns the number of accounts with a role.
    pub(crate) async fn account_count_of(&self, role: Role) -> Result<i64, StoreError> {
        self.read(Read::Other, move |connection| {
            let with_role = dsl::users.filter(dsl::role.eq(role.as_str()));
            Ok(with_role.count().get_result(connection)?)
        })
        .await
    }
}
