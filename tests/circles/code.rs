//! Rust source as tokens: names and punctuation, without comments, without what literals hold and without tests.

/// One token. A literal is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or a keyword.
    Name(String),
    /// `::`
    PathSeparator,
    /// Any other character that is not white space.
    Other(char),
}

impl Token {
    /// The name, if it is one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn is(&self, character: char) -> bool {
        *self == Self::Other(character)
    }

    pub(crate) fn is_name(&self, name: &str) -> bool {
        self.name() == Some(name)
    }
}

/// Tokens of a whole file.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut rest = characters.as_slice();
    while let [first, after @ ..] = rest {
        rest = match (*first, after) {
            ('/', ['/', ..]) => after_line(rest),
            ('/', ['*', ..]) => after_comment(rest),
            ('"', _) => after_string(after),
            ('\'', _) => after_quote(after),
            (':', [':', after @ ..]) => {
                tokens.push(Token::PathSeparator);
                after
            }
            (space, _) if space.is_whitespace() => after,
            (start, _) if is_part_of_a_name(start) => {
                let end = position(rest, |character| !is_part_of_a_name(character));
                let (name, after) = rest.split_at(end);
                let name: String = name.iter().collect();
                match after_prefixed_string(&name, after) {
                    Some(after) => after,
                    None => {
                        tokens.push(Token::Name(name));
                        after
                    }
                }
            }
            (other, _) => {
                tokens.push(Token::Other(other));
                after
            }
        };
    }
    tokens
}

fn is_part_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn position(characters: &[char], is_end: impl Fn(char) -> bool) -> usize {
    let end = characters.iter().position(|one| is_end(*one));
    end.unwrap_or(characters.len())
}

fn after_line(rest: &[char]) -> &[char] {
    rest.split_at(position(rest, |one| one == '\n')).1
}

/// Behind a comment in `/* */`, which may hold others.
fn after_comment(mut rest: &[char]) -> &[char] {
    let mut depth = 0;
    loop {
        match rest {
            ['/', '*', after @ ..] => {
                depth += 1;
                rest = after;
            }
            ['*', '/', after @ ..] if depth == 1 => return after,
            ['*', '/', after @ ..] => {
                depth -= 1;
                rest = after;
            }
            [_, after @ ..] => rest = after,
            [] => return rest,
        }
    }
}

/// Behind the closing quote of a string whose opening quote was read.
fn after_string(mut rest: &[char]) -> &[char] {
    loop {
        match rest {
            ['\\', _, after @ ..] => rest = after,
            ['"', after @ ..] => return after,
            [_, after @ ..] => rest = after,
            [] => return rest,
        }
    }
}

/// Behind a character literal, or behind the apostrophe of a lifetime.
fn after_quote(rest: &[char]) -> &[char] {
    match rest {
        ['\\', _, after @ ..] => {
            let end = position(after, |one| one == '\'');
            after.split_at((end + 1).min(after.len())).1
        }
        [_, '\'', after @ ..] => after,
        lifetime => lifetime,
    }
}

/// Behind a raw, byte or C string of which `prefix` was read; `None` if it is a name.
fn after_prefixed_string<'a>(prefix: &str, rest: &'a [char]) -> Option<&'a [char]> {
    match (prefix, rest) {
        ("b" | "c", ['"', after @ ..]) => Some(after_string(after)),
        ("b", ['\'', after @ ..]) => Some(after_quote(after)),
        ("r" | "br" | "cr", _) => {
            let hashes = position(rest, |one| one != '#');
            let (end, inside) = rest.split_at(hashes);
            let mut inside = inside.strip_prefix(&['"'])?;
            loop {
                match inside {
                    ['"', after @ ..] if after.starts_with(end) => {
                        return Some(after.split_at(hashes).1);
                    }
                    [_, after @ ..] => inside = after,
                    [] => return Some(inside),
                }
            }
        }
        _ => None,
    }
}

/// Takes every item marked `#[cfg(test)]` out. Answers what is left, and the modules among what was taken out.
pub(crate) fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let mark = self::tokens("#[cfg(test)]");
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    while let [first, after @ ..] = rest {
        let Some(item) = rest.strip_prefix(mark.as_slice()) else {
            kept.push(first.clone());
            rest = after;
            continue;
        };
        let (item, after) = item.split_at(length_of_item(item));
        let module = item.iter().skip_while(|token| !token.is_name("mod")).nth(1);
        modules.extend(module.and_then(Token::name).map(str::to_owned));
        rest = after;
    }
    (kept, modules)
}

/// Tokens of the item at the start: to its `;`, or to its closing brace.
fn length_of_item(tokens: &[Token]) -> usize {
    let is_use = tokens
        .iter()
        .take_while(|token| !token.is('{') && !token.is(';'))
        .any(|token| token.is_name("use"));
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Other('(' | '[' | '{') => depth += 1,
            Token::Other(')' | ']') => depth -= 1,
            Token::Other('}') => {
                depth -= 1;
                if depth == 0 && !is_use {
                    return place + 1;
                }
            }
            Token::Other(';') if depth == 0 => return place + 1,
            _ => {}
        }
    }
    tokens.len()
}

mod tests {
    use super::{Token, tokens, without_tests};

    fn names(text: &str) -> Vec<String> {
        let tokens = tokens(text);
        let names = tokens.iter().filter_map(Token::name);
        names.map(str::to_owned).collect()
    }

    #[test]
    fn comments_and_literals_hold_no_names() {
        let text = r####"
            a // b
            /* c /* d */ e */ f
            "g \" h" i b"j" r#"k " l"# m br##"n"# o"## p
            'q' '\'' r 'r: &'static s '\u{41}' t
        "####;

        assert_eq!(
            names(text),
            ["a", "f", "i", "m", "p", "r", "r", "static", "s", "t"]
        );
    }

    #[test]
    fn two_colons_are_one_token_and_one_is_none() {
        let name = |name: &str| Token::Name(name.to_owned());

        assert_eq!(
            tokens("a::b: c"),
            [
                name("a"),
                Token::PathSeparator,
                name("b"),
                Token::Other(':'),
                name("c")
            ]
        );
    }

    #[test]
    fn items_for_tests_are_taken_out_and_those_beside_them_stay() {
        let text = "
            #[cfg(test)] use a::{b, c};
            fn kept() {}
            #[cfg(test)] #[path = \"x.rs\"] mod properties;
            #[cfg(test)] mod tests { fn d() { e(); } }
            fn also_kept() {}
            #[cfg(unix)] fn kept_as_well() {}
        ";

        let (kept, modules) = without_tests(&tokens(text));

        let names: Vec<_> = kept.iter().filter_map(Token::name).collect();
        assert_eq!(
            names,
            [
                "fn",
                "kept",
                "fn",
                "also_kept",
                "cfg",
                "unix",
                "fn",
                "kept_as_well"
            ]
        );
        assert_eq!(modules, ["properties", "tests"]);
    }
}
