//! Revoked tokens, kept until they expire.

use diesel::prelude::*;

use crate::alarm::Timestamp;
use crate::store::connection::{DbConnection, native};
use crate::store::schema::revoked_tokens::dsl;
use crate::store::{Read, Store, StoreError};

impl Store {
    /// Stores that a token is revoked, until it expires. Idempotent.
    pub(crate) async fn revoke_token(
        &self,
        token_id: String,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = (
            dsl::token_id.eq(token_id),
            dsl::expires_at.eq(expires_at.millis()),
        );
        let stored = self
            .write(move |connection| {
                diesel::insert_into(dsl::revoked_tokens)
                    .values(row)
                    .execute(connection)?;
                Ok(())
            })
            .await;
        match stored {
            Err(StoreError::Conflict) => Ok(()),
            other => other,
        }
    }

    /// True if a token was revoked under one of its names, asked of the database now.
    pub(crate) async fn is_revoked(&self, token_ids: Vec<String>) -> Result<bool, StoreError> {
        self.read(Read::Account, move |connection| {
            let found = native!(connection => dsl::revoked_tokens
                .filter(dsl::token_id.eq_any(&token_ids))
                .select(dsl::token_id)
                .load::<String>(connection))?;
            Ok(!found.is_empty())
        })
        .await
    }

    /// The revoked tokens that have not expired.
    pub(crate) async fn revoked_tokens(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read(Read::Other, unexpired).await
    }

    /// The revoked tokens that have not expired, for a hub that may have missed some.
    pub(crate) async fn revoked_tokens_now(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.look(unexpired).await
    }
}

fn unexpired(connection: &mut DbConnection) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let rows = dsl::revoked_tokens
        .filter(dsl::expires_at.gt(Timestamp::now().millis()))
        .select((dsl::token_id, dsl::expires_at))
        .load::<(String, i64)>(connection)?;
    Ok(rows
        .into_iter()
        .map(|(id, at)| (id, Timestamp::from_millis(at)))
        .collect())
}
