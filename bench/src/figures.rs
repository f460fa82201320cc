//! The figures of one measurement, by name, and what becomes of them over several runs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Figures by name; the unit is in the name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<Name, f64>);

/// Made up while measuring where it names a thread.
type Name = Cow<'static, str>;

impl Figures {
    pub(crate) fn set(&mut self, name: impl Into<Name>, value: f64) {
        self.0.insert(name.into(), value);
    }

    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Adds some figures of a part to those of the whole.
    pub(crate) fn add(&mut self, part: &Self, names: &[&'static str]) {
        for name in names {
            let sum = self.value(name).unwrap_or(0.0) + part.value(name).unwrap_or(0.0);
            self.set(*name, sum);
        }
    }

    /// All figures whose names begin so, by the rest of their names.
    pub(crate) fn beginning<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let all = self.0.iter();
        all.filter_map(move |(name, value)| Some((name.strip_prefix(start)?, *value)))
    }

    /// One set for several runs: the median of each figure, but the most of what must not happen at all.
    pub(crate) fn over(runs: &[Self]) -> Self {
        let names = runs.iter().flat_map(|run| run.0.keys().cloned());
        let of = |name: &str| {
            let values: Vec<f64> = runs.iter().filter_map(|run| run.value(name)).collect();
            if FAULTS.contains(&name) {
                values.into_iter().fold(0.0, f64::max)
            } else {
                median(values)
            }
        };
        Self(names.map(|name| (name.clone(), of(&name))).collect())
    }

    /// The least and the most of one figure.
    pub(crate) fn spread(runs: &[Self], name: &str) -> Option<(f64, f64)> {
        let values = runs.iter().filter_map(|run| run.value(name));
        values.fold(None, |spread, value| {
            let (least, most) = spread.unwrap_or((value, value));
            Some((value.min(least), value.max(most)))
        })
    }

    /// One set for several runs: the least or the most of each figure.
    pub(crate) fn extreme<'a>(
        runs: impl Iterator<Item = &'a Self>,
        of_two: fn(f64, f64) -> f64,
    ) -> Self {
        let mut found = Self::default();
        for (name, value) in runs.flat_map(|run| &run.0) {
            let known = found.value(name).unwrap_or(*value);
            found.set(name.clone(), of_two(known, *value));
        }
        found
    }

    /// The faults that happened.
    pub(crate) fn faults(&self) -> Vec<(&'static str, f64)> {
        let happened = FAULTS
            .iter()
            .map(|name| (*name, self.value(name).unwrap_or(0.0)));
        happened.filter(|(_, count)| *count > 0.0).collect()
    }
}

/// The time below which 99 of 100 are, in milliseconds.
pub(crate) fn p99_millis(micros: &Histogram<u64>) -> f64 {
    micros.value_at_quantile(0.99) as f64 / 1_000.0
}

/// The value in the middle; not a number if there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    if values.len().is_multiple_of(2) && middle > 0 {
        return f64::midpoint(at(middle - 1), at(middle));
    }
    at(middle)
}

/// The figures that are reported for every run, because a median could hide one bad run.
pub(crate) const FAULTS: [&str; 6] = [
    "lost",
    "repeated",
    "reordered",
    "cut_off",
    "cut_off_slow",
    "failed",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(name: &'static str, values: &[f64]) -> Vec<Figures> {
        let one = |value: &f64| {
            let mut figures = Figures::default();
            figures.set(name, *value);
            figures
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn several_runs_give_their_median() {
        let over = |values: &[f64]| Figures::over(&runs("p99_ms", values)).value("p99_ms");

        assert_eq!(over(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(over(&[4.0, 2.0]), Some(3.0));
        assert_eq!(over(&[5.0]), Some(5.0));
    }

    #[test]
    fn one_loss_in_three_runs_is_shown() {
        let over = Figures::over(&runs("lost", &[0.0, 7.0, 0.0]));

        assert_eq!(over.faults(), [("lost", 7.0)]);
    }
}
