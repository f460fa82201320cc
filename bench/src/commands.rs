//! Programs that the bench runs to their end.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::error::Result;

/// Runs a program with SQL, or nothing, as its input, and gives what it wrote. What is inherited by a server that it starts is
/// a file, not a pipe that would never end.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String> {
    let output = tempfile::NamedTempFile::new()?;
    let errors = tempfile::NamedTempFile::new()?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(output.reopen()?)
        .stderr(errors.reopen()?)
        .spawn()
        .map_err(|cause| format!("{}: {cause}", command.get_program().display()))?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input.as_bytes())?;
    }
    if child.wait()?.success() {
        return Ok(fs::read_to_string(output.path())?);
    }
    let errors = fs::read_to_string(errors.path())?;
    Err(format!("{}: {errors}", command.get_program().display()).into())
}
