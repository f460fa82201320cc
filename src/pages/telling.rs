//! The rows of an inbox, in the words of the declared types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::actions::inbox::{self, Senders};
use crate::actions::leaving::FormerUsers;
use crate::actions::{AppState, Refusal};
use crate::alarm::declared::{DeclaredType, Placeholder, filled};
use crate::alarm::{Alarm, AlarmType};
use crate::pages::view::AlarmRow;
use crate::pages::visitor::Visitor;
use crate::pages::words::Words;

/// The means by which alarms become rows.
pub(crate) struct Telling<'a> {
    types: Arc<BTreeMap<AlarmType, Arc<DeclaredType>>>,
    senders: Senders,
    former: &'a FormerUsers,
    words: &'static Words,
}

impl<'a> Telling<'a> {
    /// Reads what some alarms need. Where none of their types has words, nothing is read.
    pub(crate) async fn of(
        state: &AppState,
        visitor: &Visitor,
        (alarms, former): (&[Alarm], &'a FormerUsers),
    ) -> Result<Self, Refusal> {
        let types = state.types.all();
        let declared = alarms
            .iter()
            .filter(|alarm| types.contains_key(&alarm.alarm_type));
        let ids: Vec<i64> = declared.map(|alarm| alarm.id.0).collect();
        let senders = match ids.is_empty() {
            true => Senders::default(),
            false => inbox::senders(state, visitor.inbox(), ids).await?,
        };
        Ok(Self {
            types,
            senders,
            former,
            words: visitor.words(),
        })
    }

    /// The row of an alarm. What the words name already is not said again.
    pub(crate) fn row(&self, alarm: &Alarm) -> AlarmRow {
        let mut row = AlarmRow::new(alarm, self.former, self.words);
        let declared = self.types.get(&alarm.alarm_type);
        let text = declared.and_then(|declared| declared.words.for_language(self.words.tag));
        let Some(text) = text else {
            return row;
        };
        let data = serde_json::from_str(alarm.data.as_json()).unwrap_or_default();
        let Some(what) = filled(text, |placeholder| self.value(alarm, &data, placeholder)) else {
            return row;
        };
        row.what = what;
        if text.contains("{fromName}") {
            row.from = None;
        }
        if text.contains("{targetId}") {
            row.target_id = None;
        }
        if text.contains("{data.") {
            row.summary = String::new();
        }
        row
    }

    fn value(&self, alarm: &Alarm, data: &Value, placeholder: &Placeholder<'_>) -> Option<String> {
        match placeholder {
            Placeholder::FromName if self.former.wrote(alarm) => {
                Some(self.words.inbox.deleted_user.to_owned())
            }
            Placeholder::FromName => {
                let sender = alarm.from_user_id.as_ref()?;
                self.senders.names.get(sender.as_str()).cloned()
            }
            Placeholder::TargetId => alarm.target_id.as_ref().map(ToString::to_string),
            Placeholder::Data(path) => Placeholder::in_data(path, data),
        }
    }
}
