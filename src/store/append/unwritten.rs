//! An append that writes nothing, so that a measurement can tell what storing costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::store::append::failure::AppendFailure;
use crate::store::append::known::Named;
use crate::store::append::submission::{Outcome, Submission};
use crate::store::append::{Plan, look_up};
use crate::store::connection::DbConnection;
use crate::store::{Store, StoreError};

/// The end of a log whose alarms are not written. Only the Journal appends, one batch after the other.
#[derive(Clone, Default)]
pub(in crate::store) struct Unwritten(Arc<AtomicI64>);

impl Store {
    /// Writes no alarm from now on: ids are counted in memory. For measuring only, so it is refused where a log could be spoilt: its
    /// ids would be given twice.
    pub(crate) async fn leave_alarms_unwritten(self) -> Result<Self, StoreError> {
        let head = self.head().await?;
        if head.last_id != 0 || !self.is_exclusive() {
            return Err(StoreError::Broken(
                "CAMPANILE_BENCH_WITHOUT_STORE takes a new database file only".to_owned(),
            ));
        }
        let unwritten = Some(Unwritten::default());
        Ok(Self { unwritten, ..self })
    }
}

/// Gives the ids and makes the alarms as an append does, without its writes. What a batch names is looked up as ever, in one
/// transaction that only reads.
pub(super) fn assign(
    connection: &mut DbConnection,
    Unwritten(last_id): &Unwritten,
    batch: &[Submission],
) -> Result<Vec<Outcome>, StoreError> {
    let named = Named::by(batch);
    let known = connection.transact(|connection| look_up(connection, &named));
    let known = known.map_err(|failure| match failure {
        AppendFailure::Data(cause) | AppendFailure::Whole(cause) => cause,
    })?;
    let mut plan = Plan::after(last_id.load(Ordering::Relaxed), known);
    let outcomes = plan.place_all(batch);
    last_id.store(plan.additions.last_id, Ordering::Relaxed);
    Ok(outcomes)
}
