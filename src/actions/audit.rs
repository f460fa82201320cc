//! Reading the audit log.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::actions::{AppState, Refusal};
use crate::alarm::Timestamp;
use crate::store::AuditEntry;

pub(crate) use crate::store::Actor;

/// One page of the audit log.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<EntryView>,
    /// The `before` of the next page; `None` at the end.
    pub next: Option<i64>,
}

/// An entry as an administrator sees it.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct EntryView {
    /// The id.
    pub id: i64,
    /// The time.
    pub time: Timestamp,
    /// The user, key or command that did it.
    pub actor: String,
    /// The word for what was done.
    pub action: String,
    /// The thing it was done to.
    pub target: String,
    /// The address of the client; empty for a command.
    pub address: String,
    /// A JSON object.
    #[schema(value_type = serde_json::Value)]
    pub detail: Box<RawValue>,
}

/// The entries before an id.
pub(crate) async fn page(
    state: &AppState,
    before: Option<i64>,
    limit: usize,
) -> Result<AuditPage, Refusal> {
    let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut found = state.store.audit(before, one_more).await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    Ok(AuditPage {
        next: found.last().map(|last| last.id).filter(|_last| is_more),
        entries: found.into_iter().map(view).collect::<Result<_, _>>()?,
    })
}

fn view(entry: AuditEntry) -> Result<EntryView, Refusal> {
    let detail = RawValue::from_string(entry.detail);
    Ok(EntryView {
        id: entry.id,
        time: Timestamp::from_millis(entry.made_at),
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        address: entry.address,
        detail: detail.map_err(|cause| Refusal::Internal(cause.to_string()))?,
    })
}
