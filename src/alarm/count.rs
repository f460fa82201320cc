//! The numbers of unseen and unread alarms that a badge shows: exact up to 1,000, which is also the most that is counted.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// A number of alarms, counted up to [`Count::MOST`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// The number.
    pub number: i64,
    /// True if there are more.
    pub more: bool,
}

/// The numbers of an inbox. As JSON, `unseenMore` and `unreadMore` are there where they are true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Badge {
    /// Unseen alarms.
    pub unseen: Count,
    /// Unread alarms.
    pub unread: Count,
}

impl Count {
    /// The highest number that is exact: nobody reads a higher one, and counting it would cost more the longer an inbox is
    /// left alone.
    pub(crate) const MOST: i64 = 1_000;

    /// The count of so many alarms or, above the highest number, of more.
    pub(crate) fn of(number: i64) -> Self {
        Self {
            number: number.min(Self::MOST),
            more: number > Self::MOST,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.more { "+" } else { "" };
        write!(formatter, "{}{more}", self.number)
    }
}

impl Serialize for Badge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("unseen", &self.unseen.number)?;
        if self.unseen.more {
            map.serialize_entry("unseenMore", &true)?;
        }
        map.serialize_entry("unread", &self.unread.number)?;
        if self.unread.more {
            map.serialize_entry("unreadMore", &true)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_up_to_a_thousand() {
        let badge = |unseen, unread| Badge {
            unseen: Count::of(unseen),
            unread: Count::of(unread),
        };

        let json = |badge: Badge| serde_json::to_string(&badge).unwrap();
        assert_eq!(json(badge(2, 1_000)), r#"{"unseen":2,"unread":1000}"#);
        assert_eq!(
            json(badge(1_001, 5_000)),
            r#"{"unseen":1000,"unseenMore":true,"unread":1000,"unreadMore":true}"#
        );
        assert_eq!(Count::of(1_000).to_string(), "1000");
        assert_eq!(Count::of(1_001).to_string(), "1000+");
    }
}
