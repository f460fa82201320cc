//! Sentences with placeholders.

use std::fmt::Display;

/// A sentence with one or two placeholders, `{0}` and `{1}`.
pub(crate) struct Phrase(pub(super) &'static str);

/// A phrase that depends on a number, which replaces `{0}`. A language without a plural has the same phrase twice.
pub(crate) struct Counted {
    pub(super) one: Phrase,
    pub(super) many: Phrase,
}

impl Phrase {
    /// Returns the sentence with its placeholders, for a script to fill in.
    pub(crate) fn open(&self) -> &'static str {
        self.0
    }

    /// Returns the sentence with its placeholder filled in.
    pub(crate) fn with(&self, value: impl Display) -> String {
        self.with_both(value, "")
    }

    /// Returns the sentence with both placeholders filled in. Braces in the values are not replaced.
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
    /// Returns the phrase for a number.
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
