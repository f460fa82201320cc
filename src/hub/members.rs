//! The clients of one topic or user, by their places in the registry.

/// Some places, in order. Most topics are one user's and have one or two; one for everyone has thousands, and is gone
/// through for each alarm, so it is one run of memory.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<u32>);

impl Members {
    pub(super) fn only(place: usize) -> Self {
        Self(Vec::from([narrow(place)]))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, place: usize) {
        let place = narrow(place);
        if let Err(at) = self.0.binary_search(&place) {
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
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
        let mut before: Vec<&Self> = Vec::new();
        for set in sets.into_iter().flatten().filter(|set| set.len() > 0) {
            let fresh = set
                .0
                .iter()
                .filter(|place| !before.iter().any(|seen| seen.contains(**place)));
            into.extend(fresh.map(|place| widen(*place)));
            before.push(set);
        }
    }

    fn contains(&self, place: u32) -> bool {
        self.0.binary_search(&place).is_ok()
    }
}

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
