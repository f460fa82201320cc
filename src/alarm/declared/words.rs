//! The words of a type for people, in several languages.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::alarm::{LanguageTag, TypeText};

/// The text of each language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct TypeWords(BTreeMap<LanguageTag, TypeText>);

impl TypeWords {
    /// At most 50 languages; `None` beyond.
    pub(crate) fn new(texts: BTreeMap<LanguageTag, TypeText>) -> Option<Self> {
        (texts.len() <= MOST_LANGUAGES).then_some(Self(texts))
    }

    /// Reads what was stored.
    pub(crate) fn trusted(json: &str) -> Self {
        serde_json::from_str(json).map(Self).unwrap_or_default()
    }

    /// The languages.
    pub(crate) fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(LanguageTag::as_str)
    }

    /// The text for a language (`en`, `ko`), or else the English one.
    pub(crate) fn for_language(&self, language: &str) -> Option<&str> {
        let of = |language: &str| {
            let exact = |tag: &LanguageTag| tag.as_str() == language;
            let base = |tag: &LanguageTag| tag.as_str().split('-').next() == Some(language);
            let find = |is: &dyn Fn(&LanguageTag) -> bool| self.0.iter().find(|(tag, _)| is(tag));
            let found = find(&exact).or_else(|| find(&base));
            found.map(|(_tag, text)| text.as_str())
        };
        of(language).or_else(|| of(ENGLISH))
    }
}

/// More languages than one site speaks.
pub(crate) const MOST_LANGUAGES: usize = 50;

/// The language of those who read none of the others.
const ENGLISH: &str = "en";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[(&str, &str)]) -> TypeWords {
        let text = |(tag, text): &(&str, &str)| {
            (
                LanguageTag::parse(*tag).unwrap(),
                TypeText::parse(*text).unwrap(),
            )
        };
        TypeWords::new(texts.iter().map(text).collect()).unwrap()
    }

    #[test]
    fn the_reader_gets_their_language_or_english() {
        let words = words(&[("en", "a"), ("KO-kr", "b"), ("pt-br", "c")]);

        assert_eq!(
            words.languages().collect::<Vec<_>>(),
            ["en", "ko-KR", "pt-BR"]
        );
        for (language, text) in [("en", "a"), ("ko", "b"), ("pt-BR", "c"), ("de", "a")] {
            assert_eq!(words.for_language(language), Some(text));
        }
        assert_eq!(TypeWords::default().for_language("en"), None);
    }
}
