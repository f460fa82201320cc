//! The networks that accounts signed in from: the newest of each account, for a limited time.

use std::time::Duration;

use diesel::prelude::*;

use crate::alarm::{Timestamp, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::sign_in_networks::dsl;
use crate::store::{Read, Store, StoreError, users};

/// A right sign-in.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    /// The account.
    pub user_id: UserId,
    /// The network the request came from, in its canonical form.
    pub network: String,
    /// The time of the sign-in.
    pub at: Timestamp,
}

/// The time for which a network is kept after the last sign-in from it.
pub(super) const NETWORK_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The number of networks kept of an account. A person has a few places; more of them are a phone on the move.
const NETWORKS_OF_AN_ACCOUNT: i64 = 20;

/// More than one batch of sign-ins adds to an account.
const MOST_TO_FORGET: i64 = 1_000;

impl Store {
    /// True if an account signed in from a network lately.
    pub(crate) async fn has_signed_in_from(
        &self,
        user_id: &UserId,
        network: String,
    ) -> Result<bool, StoreError> {
        let user_id = user_id.clone();
        let since = Timestamp::now().minus(NETWORK_LIFE).millis();
        self.read(Read::Account, move |connection| {
            let found = native!(connection => dsl::sign_in_networks
                .find((user_id.as_str(), network))
                .select(dsl::last_at)
                .get_result::<i64>(connection))
            .optional()?;
            Ok(found.is_some_and(|last| last >= since))
        })
        .await
    }

    /// Stores right sign-ins, which are sorted so that two hubs lock rows in the same order. Those of an account that is gone
    /// are left out.
    pub(crate) async fn keep_networks(&self, sign_ins: Vec<SignIn>) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                for sign_in in &sign_ins {
                    if users::find(connection, &sign_in.user_id)?.is_some() {
                        keep(connection, sign_in)?;
                        forget_oldest(connection, sign_in.user_id.as_str())?;
                    }
                }
                Ok(())
            })
        })
        .await
    }
}

fn keep(connection: &mut DbConnection, sign_in: &SignIn) -> Result<(), StoreError> {
    let (user_id, network) = (sign_in.user_id.as_str(), sign_in.network.as_str());
    let at = dsl::last_at.eq(sign_in.at.millis());
    let known = dsl::sign_in_networks.find((user_id, network));
    if diesel::update(known).set(at).execute(connection)? == 0 {
        let row = (dsl::user_id.eq(user_id), dsl::network.eq(network), at);
        diesel::insert_into(dsl::sign_in_networks)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

fn forget_oldest(connection: &mut DbConnection, user_id: &str) -> Result<(), StoreError> {
    let theirs = dsl::sign_in_networks.filter(dsl::user_id.eq(user_id));
    let oldest = theirs
        .order((dsl::last_at.desc(), dsl::network.desc()))
        .offset(NETWORKS_OF_AN_ACCOUNT)
        .limit(MOST_TO_FORGET)
        .select(dsl::network)
        .load::<String>(connection)?;
    for network in oldest {
        diesel::delete(dsl::sign_in_networks.find((user_id, network))).execute(connection)?;
    }
    Ok(())
}
