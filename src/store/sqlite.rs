//! SQLite's failures by their result code (<https://www.sqlite.org/rescode.html>).
//!
//! Diesel passes on the text of an error and not its code, and to ask SQLite for the code takes unsafe code. The texts are
//! constants of the library that is compiled in, one for each code and in no language but its own, so the library is asked
//! for the text of each code that matters, and the two must be equal.

use std::ffi::c_int;

use libsqlite3_sys::{
    SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR, SQLITE_LOCKED, SQLITE_NOMEM,
    SQLITE_PROTOCOL, SQLITE_READONLY, code_to_str,
};

/// A failure by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The disk has no room.
    Full,
    /// Later may work.
    Passing,
    /// A fault of the program or of the file.
    Fault,
}

/// The class of a failure by its text.
pub(super) fn classify(text: &str) -> Failure {
    match code_of(text) {
        Some(SQLITE_FULL) => Failure::Full,
        Some(_passing) => Failure::Passing,
        None => Failure::Fault,
    }
}

fn code_of(text: &str) -> Option<c_int> {
    let codes = [SQLITE_FULL].into_iter().chain(PASSING);
    codes.into_iter().find(|code| code_to_str(*code) == text)
}

/// Another process holds the lock, or the machine under the file fails: later may work.
const PASSING: [c_int; 7] = [
    SQLITE_BUSY,
    SQLITE_LOCKED,
    SQLITE_IOERR,
    SQLITE_CANTOPEN,
    SQLITE_READONLY,
    SQLITE_PROTOCOL,
    SQLITE_NOMEM,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::*;

    /// Every primary code of an error that SQLite has.
    const PRIMARY: std::ops::RangeInclusive<c_int> = 1..=26;

    #[test]
    fn every_code_has_its_class() {
        for code in PRIMARY {
            let class = classify(code_to_str(code));

            match code {
                SQLITE_FULL => assert_eq!(class, Failure::Full, "{code}"),
                code if PASSING.contains(&code) => {
                    assert_eq!(class, Failure::Passing, "{code}");
                }
                code => assert_eq!(class, Failure::Fault, "{code}"),
            }
        }
    }

    #[test]
    fn the_texts_of_the_codes_that_matter_are_all_different() {
        let codes: Vec<c_int> = [SQLITE_FULL].into_iter().chain(PASSING).collect();
        let texts: HashSet<&str> = codes.iter().map(|code| code_to_str(*code)).collect();
        let others = PRIMARY.filter(|code| !codes.contains(code));

        assert_eq!(texts.len(), codes.len());
        for code in others {
            assert!(!texts.contains(code_to_str(code)), "{code}");
        }
    }

    #[test]
    fn the_library_is_built_as_the_configuration_of_cargo_says() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let options =
            diesel::sql_query("SELECT compile_options AS option FROM pragma_compile_options")
                .load::<Compiled>(&mut connection)
                .unwrap();
        let has = |name| options.iter().any(|compiled| compiled.option == name);

        assert!(has("THREADSAFE=1"), "{options:?}");
        assert!(has("DEFAULT_MEMSTATUS=0"), "{options:?}");
        assert!(has("ENABLE_QPSG"), "{options:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
        assert!(!has("ENABLE_API_ARMOR"), "{options:?}");
    }

    #[derive(Debug, QueryableByName)]
    struct Compiled {
        #[diesel(sql_type = Text)]
        option: String,
    }

    #[test]
    fn a_text_that_only_has_one_of_them_in_it_is_none_of_them() {
        let text = "no such column: database is locked";

        assert_eq!(classify(text), Failure::Fault);
    }
}
