//! The tiles with the hub's figures, each with a line chart of the last minute. `assets/admin.js` keeps them up to
//! date.

use std::fmt::Write as _;

use crate::actions::AppState;
use crate::actions::figures::Sample;
use crate::pages::words::Words;

pub(super) struct Tile {
    /// The name of the figure in the stream of figures.
    pub(super) figure: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    /// The points of its line, oldest first; `None` for a figure without a history.
    pub(super) line: Option<String>,
}

impl Tile {
    pub(super) fn all(state: &AppState, accounts: i64, words: &Words) -> Vec<Self> {
        let (samples, now) = (state.figures.samples(), state.metrics.totals());
        let newest = samples.last();
        let watched = |figure, label, value: String, of: fn(&Sample) -> f64| Self {
            figure,
            label,
            value,
            line: Some(line(samples.iter().map(of))),
        };
        let rate =
            |of: fn(&Sample) -> f64| newest.map_or_else(|| "0".to_owned(), |one| plain(of(one)));
        let words = &words.admin;
        vec![
            watched(
                "streams",
                words.connections_tile,
                now.streams.to_string(),
                |s| whole(s.streams),
            ),
            watched("users", words.people, now.users.to_string(), |s| {
                whole(s.users)
            }),
            watched(
                "alarmsPerSecond",
                words.alarms_rate,
                rate(|s| s.alarms_per_second),
                |s| s.alarms_per_second,
            ),
            watched(
                "deliveriesPerSecond",
                words.deliveries_rate,
                rate(|s| s.deliveries_per_second),
                |s| s.deliveries_per_second,
            ),
            watched(
                "commitMilliseconds",
                words.commit_time,
                commit(&samples),
                |s| s.commit_milliseconds.unwrap_or_default(),
            ),
            watched(
                "slowDrops",
                words.slow_drops,
                now.slow_drops.to_string(),
                |s| s.slow_drops_per_second,
            ),
            watched("replayed", words.replayed, now.replayed.to_string(), |s| {
                s.replayed_per_second
            }),
            Self {
                figure: "accounts",
                label: words.accounts,
                value: accounts.to_string(),
                line: None,
            },
        ]
    }
}

/// The duration of the last commit.
fn commit(samples: &[Sample]) -> String {
    let last = samples.iter().rev().find_map(|one| one.commit_milliseconds);
    last.map_or_else(|| "–".to_owned(), |took| format!("{took:.1} ms"))
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn whole(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

/// The points of a line in a box of 59 by 20: the newest value at the right edge, the largest at the top.
fn line(values: impl ExactSizeIterator<Item = f64> + Clone) -> String {
    let most = values.clone().fold(1.0, f64::max);
    let mut points = String::new();
    let first = 60_usize.saturating_sub(values.len());
    for (second, value) in values.enumerate() {
        let height = 19.0 - 18.0 * value / most;
        // Writing to a String cannot fail.
        let _written = write!(points, "{},{height:.1} ", first + second);
    }
    points.truncate(points.trim_end().len());
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_the_right_and_is_as_high_as_its_largest_value() {
        assert_eq!(line([0.0, 5.0, 10.0].into_iter()), "57,19.0 58,10.0 59,1.0");
        assert_eq!(line([0.0].into_iter()), "59,19.0");
        assert_eq!(line(std::iter::empty()), "");
    }
}
