//! The binary as a process: the settings it runs with, the database of this run, its signals.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::DEADLINE;
use super::postgres::Postgres;

/// The shared secret of every test server.
pub(crate) const SECRET: &str = "a secret that only the tests know, 0123456789";

/// Runs the binary to its end in `folder`, with `input` on its stdin.
///
/// # Panics
/// If it does not end by itself.
pub(crate) async fn run(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut settings = default_environment(folder);
    settings.extend(
        environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    // An empty value stands for "not set", so that a test can have the real default.
    settings.retain(|(name, _)| {
        !environment
            .iter()
            .any(|(unset, value)| unset == name && value.is_empty())
    });
    let mut child = command(&binary(), folder, &settings)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the process");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("stdin");
    // A command that refuses its arguments never reads its input: then the pipe is closed, which is no fault.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);

    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    match tokio::time::timeout(DEADLINE, output).await {
        Ok(output) => output.expect("the waiting thread").expect("the output"),
        Err(_) => {
            send_signal("-KILL", pid);
            panic!("`campanile {arguments:?}` did not end within {DEADLINE:?}");
        }
    }
}

/// A binary in `folder`, with these settings and no others.
pub(super) fn command(binary: &Path, folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(binary);
    command
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// The binary under test; `CAMPANILE_TEST_BINARY` names another one, such as a release build for a long run.
pub(super) fn binary() -> PathBuf {
    let named = std::env::var_os("CAMPANILE_TEST_BINARY");
    let path = named.map_or_else(|| env!("CARGO_BIN_EXE_campanile").into(), PathBuf::from);
    path.canonicalize().expect("the binary under test")
}

/// The settings of every test server.
pub(super) fn default_environment(folder: &Path) -> Vec<(String, String)> {
    [
        ("CAMPANILE_LISTEN", "127.0.0.1:0"),
        ("CAMPANILE_DATABASE_URL", &database_url(folder)),
        ("CAMPANILE_JWT_SECRET", SECRET),
        ("CAMPANILE_SIGNUP", "open"),
        ("CAMPANILE_MESSAGES_PER_SECOND", "100000"),
        ("RUST_LOG", "info"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The one place that says which database the tests run on: a fresh one for each folder.
fn database_url(folder: &Path) -> String {
    if on_postgres() {
        Postgres::shared().database_of(folder)
    } else {
        "sqlite://campanile-data/campanile.db".to_owned()
    }
}

/// Returns true if this run is on PostgreSQL and not on the embedded database.
pub(crate) fn on_postgres() -> bool {
    std::env::var("CAMPANILE_TEST_DATABASE").is_ok_and(|name| name == "postgres")
}

/// Sends a signal, by the name `kill` gives it.
pub(super) fn send_signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([name, &pid.to_string()])
        .status()
        .expect("the kill command");
    assert!(status.success(), "kill {name} {pid}");
}
