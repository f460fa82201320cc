//! The programs of the peers: those that are installed, and those that a variable of the environment names.

use std::path::{Path, PathBuf};

use crate::error::Result;

/// An error if one of the programs is not installed.
pub(super) fn expect_installed(programs: &[&str]) -> Result<()> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    for program in programs {
        if !folders.iter().any(|folder| folder.join(program).is_file()) {
            return Err(format!("{program} is not installed").into());
        }
    }
    Ok(())
}

/// The binary that a variable of the environment names.
pub(super) fn named_by(variable: &str) -> Result<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) if !path.is_empty() => binary(variable, Path::new(&path)),
        _ => Err(format!("{variable} names no binary").into()),
    }
}

/// The server is started in a folder of its own, so the path is made absolute.
fn binary(variable: &str, path: &Path) -> Result<PathBuf> {
    if !path.is_file() {
        return Err(format!("{variable}: {} is not there", path.display()).into());
    }
    Ok(std::path::absolute(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let cause = expect_installed(&["sh", "no-such-program"]).unwrap_err();

        assert_eq!(cause.to_string(), "no-such-program is not installed");
    }

    #[test]
    fn a_variable_that_names_nothing_is_named() {
        let unset = named_by("CAMPANILE_BENCH_NO_SUCH_PEER").unwrap_err();
        let wrong = binary("CAMPANILE_BENCH_PEER", Path::new("/no/such/file")).unwrap_err();

        assert_eq!(
            unset.to_string(),
            "CAMPANILE_BENCH_NO_SUCH_PEER names no binary"
        );
        assert_eq!(
            wrong.to_string(),
            "CAMPANILE_BENCH_PEER: /no/such/file is not there"
        );
    }
}
