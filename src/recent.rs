//! A cache of bounded size that keeps the entries which are used most recently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map in two generations. When the young one is full it becomes the old one, and the entries of the old one that
/// were not used since are dropped.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Returns an empty cache of up to twice `generation` entries.
    pub(crate) fn of(generation: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation,
        }
    }

    /// Returns the value of a key and moves its entry to the young generation.
    pub(crate) fn find<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.keep(key, value);
        }
        self.young.get(key)
    }

    /// Inserts a value.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Removes a value.
    pub(crate) fn forget<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_comes_once_does_not_fill_it_and_whoever_comes_again_stays() {
        let mut recent = Recent::of(10);
        recent.keep(0, "again and again");

        for number in 1..1_000 {
            recent.keep(number, "once");
            assert_eq!(recent.find(&0), Some(&"again and again"));
        }

        assert!(recent.young.len() + recent.old.len() <= 20);
        assert_eq!(recent.find(&500), None);
    }

    #[test]
    fn what_is_forgotten_is_gone_from_both_generations() {
        let mut recent = Recent::of(2);
        for number in 0..4 {
            recent.keep(number, ());
        }

        recent.forget(&0);
        recent.forget(&3);

        assert_eq!(recent.find(&0), None);
        assert_eq!(recent.find(&3), None);
        assert_eq!(recent.find(&1), Some(&()));
    }
}
