//! The declared types that this hub knows: all of them, in memory, so that publishing asks no database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::alarm::AlarmType;
use crate::alarm::declared::{DataSchema, TypeWords};

/// A declared type as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredType {
    /// The type.
    pub alarm_type: AlarmType,
    /// Its schema as JSON, if it has one.
    pub schema: Option<String>,
    /// Its words as JSON.
    pub words: String,
}

/// A declared type.
#[derive(Debug)]
pub(crate) struct DeclaredType {
    /// The row that it was made from.
    pub stored: StoredType,
    /// The schema, ready to check data.
    pub schema: Option<DataSchema>,
    /// The words.
    pub words: TypeWords,
}

/// The types. Cheap to clone; all clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct DeclaredTypes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    held: RwLock<Held>,
    /// The number of readings that began.
    readings: AtomicU64,
}

#[derive(Default)]
struct Held {
    types: Arc<BTreeMap<AlarmType, Arc<DeclaredType>>>,
    /// The reading that these came from.
    reading: u64,
}

/// A reading of all types that is under way.
#[derive(Debug, Clone, Copy)]
struct Reading(u64);

impl DeclaredTypes {
    /// All types, by their names.
    pub(crate) fn all(&self) -> Arc<BTreeMap<AlarmType, Arc<DeclaredType>>> {
        let held = self.0.held.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held.types)
    }

    /// One type.
    pub(crate) fn find(&self, alarm_type: &AlarmType) -> Option<Arc<DeclaredType>> {
        self.all().get(alarm_type).cloned()
    }

    /// Reads all types and takes them.
    pub(crate) async fn refresh<E>(
        &self,
        read: impl Future<Output = Result<Vec<StoredType>, E>>,
    ) -> Result<(), E> {
        let reading = self.reading();
        self.replace(reading, read.await?);
        Ok(())
    }

    /// Notes that a reading of all types begins.
    fn reading(&self) -> Reading {
        Reading(self.0.readings.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Takes the types of a reading. One that another reading which began later has overtaken changes nothing: every change is
    /// followed by a reading that begins after it.
    fn replace(&self, reading: Reading, found: Vec<StoredType>) {
        let known = self.all();
        let types = found.into_iter().map(|stored| {
            let same = known.get(&stored.alarm_type);
            let same = same.filter(|known| known.stored == stored);
            let declared = same
                .cloned()
                .unwrap_or_else(|| Arc::new(DeclaredType::of(stored)));
            (declared.stored.alarm_type.clone(), declared)
        });
        let types = Arc::new(types.collect());
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        if reading.0 > held.reading {
            *held = Held {
                types,
                reading: reading.0,
            };
        }
    }
}

impl DeclaredType {
    /// A schema that cannot be prepared, as a later version may have stored it, checks nothing.
    fn of(stored: StoredType) -> Self {
        let schema = stored.schema.as_ref().and_then(|text| {
            let source = serde_json::from_str(text).unwrap_or_default();
            let prepared = DataSchema::parse(&source);
            prepared
                .inspect_err(|fault| {
                    log::error!(
                        "the schema of {} is not checked: {fault}",
                        stored.alarm_type
                    );
                })
                .ok()
        });
        let words = TypeWords::trusted(&stored.words);
        Self {
            stored,
            schema,
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_was_overtaken_changes_nothing_and_what_stays_is_kept() {
        let types = DeclaredTypes::default();
        let stored = |name: &str| StoredType {
            alarm_type: AlarmType::parse(name).unwrap(),
            schema: Some("true".to_owned()),
            words: r#"{"en":"Words"}"#.to_owned(),
        };
        let (a, b) = (stored("A"), stored("B"));
        types.replace(types.reading(), vec![a.clone()]);
        let kept = types.find(&a.alarm_type).unwrap();

        let (slow, fast) = (types.reading(), types.reading());
        types.replace(fast, vec![a.clone(), b.clone()]);
        types.replace(slow, vec![a.clone()]);

        assert!(types.find(&b.alarm_type).is_some());
        assert!(Arc::ptr_eq(&kept, &types.find(&a.alarm_type).unwrap()));
        assert_eq!(kept.words.for_language("ko"), Some("Words"));
    }
}
