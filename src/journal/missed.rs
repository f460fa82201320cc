//! The entries of the log that this hub did not write: alarms, and updates where it delivers them.

use std::sync::Arc;

use crate::alarm::AlarmId;
use crate::hub::Entry;
use crate::store::{Missed, Store, StoreError};

/// Entries of the log, by id.
pub(crate) struct MissedEntries {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Everything up to this id was looked at.
    pub read_up_to: AlarmId,
}

/// Reads the next entries after `after` and up to `to`. Updates are looked for only where ids are missing among the alarms, so
/// that alarms cost no read more.
pub(crate) async fn next(
    store: &Store,
    after: AlarmId,
    to: AlarmId,
) -> Result<MissedEntries, StoreError> {
    let Missed { alarms, read_up_to } = store.missed(after, to).await?;
    let ids = read_up_to.0.saturating_sub(after.0);
    let is_dense = i64::try_from(alarms.len()).is_ok_and(|count| count == ids);
    let mut entries: Vec<Entry> = alarms
        .into_iter()
        .map(|alarm| Entry::Alarm(Arc::new(alarm)))
        .collect();
    if is_dense || !store.delivers_updates() {
        return Ok(MissedEntries {
            entries,
            read_up_to,
        });
    }
    let page = store.missed_updates(after, read_up_to).await?;
    entries.retain(|entry| entry.id() <= page.read_up_to);
    entries.extend(page.updates.into_iter().map(Entry::Update));
    entries.sort_by_key(Entry::id);
    Ok(MissedEntries {
        entries,
        read_up_to: page.read_up_to,
    })
}
