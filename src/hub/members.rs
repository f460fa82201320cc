//! The clients of one topic or user, by their places in the registry.

use std::collections::HashMap;
use std::hash::Hash;

use smallvec::{SmallVec, smallvec};

/// Some places, in order. Most topics are one user's and have one or two; one for everyone has thousands, and is gone
/// through for each alarm, so it is one run of memory.
#[derive(Debug, Default)]
pub(super) struct Members(SmallVec<[u32; FEW_PLACES]>);

impl Members {
    pub(super) fn only(place: usize) -> Self {
        Self(smallvec![narrow(place)])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, place: usize) {
        let place = narrow(place);
        if let Err(at) = self.0.binary_search(&place) {
            self.0.insert(at, place);
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        if let Ok(at) = self.0.binary_search(&narrow(place)) {
            self.0.remove(at);
        }
    }

    /// Writes the places of several sets, each once.
    pub(super) fn union<'a>(
        sets: impl IntoIterator<Item = Option<&'a Self>>,
        into: &mut Vec<usize>,
    ) {
        into.clear();
        let sets = sets.into_iter().flatten().filter(|set| set.len() > 0);
        let sets: Vec<&Self> = sets.collect();
        if sets.len() > FEW_SETS {
            into.extend(sets.iter().flat_map(|set| &set.0).copied().map(widen));
            into.sort_unstable();
            into.dedup();
            return;
        }
        for (at, set) in sets.iter().enumerate() {
            let before = sets.get(..at).unwrap_or_default();
            let fresh = set
                .0
                .iter()
                .filter(|place| !before.iter().any(|seen| seen.contains(**place)));
            into.extend(fresh.map(|place| widen(*place)));
        }
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.contains(narrow(place))
    }

    fn contains(&self, place: u32) -> bool {
        self.0.binary_search(&place).is_ok()
    }
}

/// Adds a client under a key.
pub(super) fn insert_into<K: Eq + Hash + Clone>(
    index: &mut HashMap<K, Members>,
    key: &K,
    place: usize,
) {
    match index.get_mut(key) {
        Some(members) => members.insert(place),
        None => _ = index.insert(key.clone(), Members::only(place)),
    }
}

/// Removes a client from under a key, and the key with its last client.
pub(super) fn remove_from<K: Eq + Hash>(index: &mut HashMap<K, Members>, key: &K, place: usize) {
    if let Some(members) = index.get_mut(key) {
        members.remove(place);
        if members.len() == 0 {
            index.remove(key);
        }
    }
}

/// As many places need no memory of their own: they stand where a larger set has the address of its places.
const FEW_PLACES: usize = 4;

/// Up to so many sets, asking each of them costs less than sorting the places.
const FEW_SETS: usize = 4;

/// A process holds fewer open files than that.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn widen(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(places: &[usize]) -> Members {
        let mut members = Members::default();
        places.iter().for_each(|place| members.insert(*place));
        members
    }

    #[test]
    fn the_union_of_sets_has_each_place_once() {
        let (topic, rooms) = (of(&[3, 1, 2, 3]), of(&[2, 9]));
        let mut places = Vec::from([77]);

        Members::union([Some(&topic), None, Some(&rooms)], &mut places);

        assert_eq!(places, [1, 2, 3, 9]);
    }

    #[test]
    fn what_is_removed_is_gone_and_the_rest_stays() {
        let mut members = of(&[1, 2, 3]);

        members.remove(2);
        members.remove(7);

        let mut places = Vec::new();
        Members::union([Some(&members)], &mut places);
        assert_eq!(places, [1, 3]);
    }
}
