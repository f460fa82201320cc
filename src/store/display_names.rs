//! The names that people see.

use diesel::prelude::*;

use crate::alarm::{DisplayName, UserId};
use crate::store::schema::users::dsl;
use crate::store::users::IDS_A_QUERY;
use crate::store::{Read, Store, StoreError};

impl Store {
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
}
