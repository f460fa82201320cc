//! Sentences with holes.

use std::fmt::Display;

/// A sentence with a hole `{0}`, or two.
pub(crate) struct Phrase(pub(super) &'static str);

/// A phrase whose words follow a number, the number's own hole being `{0}`. Languages without a plural say the same twice.
pub(crate) struct Counted {
    pub(super) one: Phrase,
    pub(super) many: Phrase,
}

impl Phrase {
    /// The sentence with its holes, for a script to fill.
    pub(crate) fn open(&self) -> &'static str {
        self.0
    }

    /// The sentence with its hole filled.
    pub(crate) fn with(&self, value: impl Display) -> String {
        self.with_both(value, "")
    }

    /// The sentence with both holes filled. What is filled in is not looked into for holes.
    pub(crate) fn with_both(&self, first: impl Display, second: impl Display) -> String {
        let mut filled = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some(("0", after)) => {
                    filled.push_str(&first.to_string());
                    rest = after;
                }
                Some(("1", after)) => {
                    filled.push_str(&second.to_string());
                    rest = after;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }
}

impl Counted {
    /// The phrase for that many.
    pub(crate) fn of(&self, count: impl Display) -> String {
        let count = count.to_string();
        let form = if count == "1" { &self.one } else { &self.many };
        form.with(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_in_any_order_and_once() {
        assert_eq!(Phrase("{1} by {0}").with_both("{1}", "a"), "a by {1}");
        assert_eq!(Phrase("{a} {0").with("x"), "{a} {0");
        assert_eq!(Phrase("no hole").with("x"), "no hole");
    }

    #[test]
    fn one_is_not_many() {
        let news = Counted {
            one: Phrase("{0} new thing"),
            many: Phrase("{0} new things"),
        };

        assert_eq!(news.of(1), "1 new thing");
        assert_eq!(news.of(0), "0 new things");
    }
}
