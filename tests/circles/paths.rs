//! The paths a file names: those of its `use` declarations and those in its code.

use super::code::Token;

/// A path, such as `crate::hub::Frame`, by its segments.
pub(crate) type Segments = Vec<String>;

/// One name a `use` declaration brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Segments,
    /// The name it has in this file; `None` for `*`.
    pub(crate) name: Option<String>,
    /// Passed on to other files.
    pub(crate) is_public: bool,
}

/// All a file names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) imports: Vec<Import>,
    /// Paths outside of `use` declarations, single names included.
    pub(crate) paths: Vec<Segments>,
    /// Functions of the file itself, without those of its types.
    pub(crate) functions: Vec<String>,
}

impl Named {
    pub(crate) fn read(tokens: &[Token]) -> Self {
        let mut named = Self::default();
        let mut rest = tokens;
        let (mut is_public, mut depth) = (false, 0);
        while let [first, after @ ..] = rest {
            if let Some(after) = declaration(rest) {
                rest = named.read_imports(after, is_public);
                is_public = false;
                continue;
            }
            match (first, after) {
                (Token::Name(word), [Token::Name(name), ..]) if word == "fn" && depth == 0 => {
                    named.functions.push(name.clone());
                }
                (Token::Other('{'), _) => depth += 1,
                (Token::Other('}'), _) => depth -= 1,
                _ => {}
            }
            // `pub` counts until the item it belongs to is over: `pub(in crate::a) use`.
            match first {
                Token::Name(word) if word == "pub" => is_public = true,
                Token::Other(';' | '{' | '}') => is_public = false,
                _ => {}
            }
            rest = named.read_path(rest);
        }
        named
    }

    /// Reads what stands behind `use`, to the end of the declaration.
    fn read_imports<'a>(&mut self, rest: &'a [Token], is_public: bool) -> &'a [Token] {
        let end = rest.iter().position(|token| token.is(';'));
        let (tree, after) = rest.split_at(end.unwrap_or(rest.len()));
        self.read_tree(&[], tree, is_public);
        after
    }

    fn read_tree(&mut self, prefix: &[String], tree: &[Token], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut rest = tree;
        loop {
            rest = match rest {
                [Token::PathSeparator, after @ ..] => after,
                [Token::Other('{'), inside @ .., Token::Other('}')] => {
                    for part in parts(inside) {
                        self.read_tree(&path, part, is_public);
                    }
                    return;
                }
                [Token::Other('*'), ..] => return self.import(path, None, is_public),
                [Token::Name(word), Token::Name(alias), ..] if word == "as" => {
                    return self.import(path, Some(alias.clone()), is_public);
                }
                [Token::Name(name), after @ ..] => {
                    // `{self}` means what the group belongs to.
                    if name != "self" || path.is_empty() {
                        path.push(name.clone());
                    }
                    after
                }
                _ => break,
            };
        }
        if let Some(name) = path.last().cloned() {
            self.import(path, Some(name), is_public);
        }
    }

    fn import(&mut self, path: Segments, name: Option<String>, is_public: bool) {
        self.imports.push(Import {
            path,
            name,
            is_public,
        });
    }

    /// Reads the path at the start, if there is one, and goes on behind it.
    fn read_path<'a>(&mut self, rest: &'a [Token]) -> &'a [Token] {
        let mut path = Segments::new();
        let mut rest = match rest {
            [Token::Name(first), after @ ..] => {
                path.push(first.clone());
                after
            }
            // A field, a method, or the rest of a path with types in it.
            [
                Token::Other('.') | Token::PathSeparator,
                Token::Name(_),
                after @ ..,
            ] => return after,
            [_, after @ ..] => return after,
            [] => return rest,
        };
        while let [Token::PathSeparator, Token::Name(name), after @ ..] = rest {
            path.push(name.clone());
            rest = after;
        }
        self.paths.push(path);
        rest
    }
}

/// Behind `use` at the start, where it begins a declaration: `use<'a>` in a type does not.
fn declaration(rest: &[Token]) -> Option<&[Token]> {
    match rest {
        [first, next, ..] if first.is_name("use") && !next.is('<') => rest.split_first(),
        _ => None,
    }
    .map(|(_use, after)| after)
}

/// Splits tokens at the commas that are outside of inner braces.
fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        depth += i32::from(token.is('{')) - i32::from(token.is('}'));
        depth == 0 && token.is(',')
    });
    parts.collect()
}

mod tests {
    use super::super::code::tokens;
    use super::Named;

    fn read(text: &str) -> Named {
        Named::read(&tokens(text))
    }

    fn imports(text: &str) -> Vec<String> {
        let named = read(text);
        let shown = named.imports.iter().map(|import| {
            let public = if import.is_public { "pub " } else { "" };
            let name = import.name.as_deref().unwrap_or("*");
            format!("{public}{} as {name}", import.path.join("::"))
        });
        shown.collect()
    }

    #[test]
    fn a_use_declaration_is_read_to_its_leaves() {
        let text = "
            use crate::a::{self, B, c::{D as E, F}};
            pub(in crate::x) use g::H;
            use super::*;
            use self::i;
        ";

        assert_eq!(
            imports(text),
            [
                "crate::a as a",
                "crate::a::B as B",
                "crate::a::c::D as E",
                "crate::a::c::F as F",
                "pub g::H as H",
                "super as *",
                "self::i as i",
            ]
        );
    }

    #[test]
    fn a_public_item_does_not_make_the_next_use_public() {
        assert_eq!(
            imports("pub mod a; use b::C; pub fn d() {} use e::F;"),
            ["b::C as C", "e::F as F"]
        );
    }

    #[test]
    fn paths_in_code_are_read_and_fields_and_methods_are_not() {
        let named = read("fn a() -> impl b::C + use<> { d.e::<f::G>().h; crate::i::j() }");

        let paths: Vec<String> = named.paths.iter().map(|path| path.join("::")).collect();
        for path in ["b::C", "d", "f::G", "crate::i::j"] {
            assert!(paths.iter().any(|one| one == path), "{path} in {paths:?}");
        }
        for path in ["e", "h"] {
            assert!(paths.iter().all(|one| one != path), "{path} in {paths:?}");
        }
        assert!(named.imports.is_empty());
    }

    #[test]
    fn functions_of_the_file_are_told_from_those_of_its_types() {
        assert_eq!(
            read("fn a() {} impl B { fn c() {} } fn d() {}").functions,
            ["a", "d"]
        );
    }
}
