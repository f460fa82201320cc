//! The standard output of a command. A reader that went away ends the command, and is no fault.

use std::io::{self, Write as _};

use crate::app::error::StartError;

/// Writes a line; `false` if nobody reads it any more.
pub(super) fn line(text: &str) -> Result<bool, StartError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(cause) => Err(cause.into()),
    }
}

/// Writes bytes that a library has made.
pub(super) fn bytes(text: &[u8]) -> Result<(), StartError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(cause.into()),
        _ => Ok(()),
    }
}

/// Tells the person at the terminal something that is no result.
#[expect(
    clippy::print_stderr,
    reason = "standard output holds the results alone"
)]
pub(super) fn note(text: &str) {
    eprintln!("campanile: {text}");
}

/// A text of somebody else without what a terminal would act upon (ECMA-48).
pub(super) fn harmless(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_command_from_a_text() {
        assert_eq!(harmless("a\u{1b}[31m b\u{9b}0m"), "a\\u001b[31m b\\u009b0m");
        assert_eq!(harmless("한글 😀"), "한글 😀");
    }
}
