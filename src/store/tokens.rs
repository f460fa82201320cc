//! Revoked tokens, kept until they expire.

use diesel::prelude::*;

use crate::alarm::Timestamp;
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

    /// Returns the revoked tokens that have not expired.
    pub(crate) async fn revoked_tokens(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let now = Timestamp::now().millis();
        self.read(Read::Other, move |connection| {
            let rows = dsl::revoked_tokens
                .filter(dsl::expires_at.gt(now))
                .select((dsl::token_id, dsl::expires_at))
                .load::<(String, i64)>(connection)?;
            Ok(rows
                .into_iter()
                .map(|(id, at)| (id, Timestamp::from_millis(at)))
                .collect())
        })
        .await
    }
}
