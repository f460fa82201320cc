//! Ids that were made under an earlier rule: they stay what they are, and are found by each spelling that meant them.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::alarm::canonical_user_id;
use crate::store::connection::DbConnection;
use crate::store::schema::users::dsl;
use crate::store::{Read, Store, StoreError};

impl Store {
    /// The ids that are not in the form of today, by each spelling: their own, and the form of today where no other account
    /// has it.
    pub(crate) async fn former_ids(&self) -> Result<HashMap<String, String>, StoreError> {
        self.read(Read::Other, former_ids).await
    }
}

fn former_ids(connection: &mut DbConnection) -> Result<HashMap<String, String>, StoreError> {
    // ASCII ids of the earlier rule are good today, but for two.
    let candidates = dsl::users
        .filter(sql::<Bool>(
            "octet_length(id) > length(id) OR id IN ('.', '..')",
        ))
        .order((dsl::created_at, dsl::id))
        .select(dsl::id)
        .load::<String>(connection)?;
    let mut spellings = HashMap::new();
    for id in candidates {
        let today = canonical_user_id(&id).ok();
        if today.as_deref() == Some(id.as_str()) {
            continue;
        }
        spellings.insert(id.clone(), id.clone());
        let Some(today) = today else {
            continue;
        };
        let taken = dsl::users
            .find(&today)
            .count()
            .get_result::<i64>(connection)?;
        if taken == 0 {
            spellings.entry(today).or_insert(id);
        }
    }
    Ok(spellings)
}
