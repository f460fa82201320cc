//! schemathesis asks a live hub what its contract in OpenAPI allows and what it does not, and compares each answer with it. The document of
//! the streams is read by the parser of AsyncAPI.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::{AppBuilder, SECRET, TestApp};

/// A run asks more than a thousand questions, and a busy machine takes its time.
const WITHIN: Duration = Duration::from_secs(480);

/// The number of random requests for each operation beside those at the edges of each field, which are always made.
const FEW: &str = "2";

const MANY: &str = "100";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/schemathesis")
}

/// True if it can run here. Otherwise standard error tells what is not covered, past the test runner.
fn is_here(name: &str, installed: &Path) -> bool {
    let is_here = installed.exists();
    if !is_here {
        let line = format!("NOT COVERED: {name} is not installed; ./test.sh --install says why\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
    }
    is_here
}

fn has_schemathesis() -> bool {
    is_here("schemathesis", &folder().join("packages/schemathesis"))
}

/// A hub with the room and the user that the requests name.
async fn hub() -> TestApp {
    let app = AppBuilder::default()
        .env("CAMPANILE_USERS", "any")
        .spawn()
        .await;
    app.user("bob").await;
    app.room("lobby").await;
    app
}

/// Every check, with the same requests in each run. The text that it makes is ASCII: for other letters the rules of names are tables,
/// which no schema holds.
async fn findings(app: &TestApp, role: &str, examples: &str) -> Option<String> {
    let run = Command::new("python3")
        .args([
            "-c",
            "from schemathesis.cli import schemathesis; schemathesis()",
        ])
        .args(["run", &app.url("/api/openapi.json"), "--checks", "all"])
        .args(["--seed", "1", "--workers", "1", "--max-examples", examples])
        .args([
            "--generation-database",
            "none",
            "--generation-codec",
            "ascii",
        ])
        .args(["--suppress-health-check", "all", "--request-timeout", "40"])
        .args(["--exclude-path", "/api/admin/figures", "--no-color"])
        .env(
            "PYTHONPATH",
            format!("{0}/packages:{0}", folder().display()),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("CAMPANILE_JWT_SECRET", SECRET)
        .env("CALLER_ROLE", role)
        .current_dir(app.folder())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(WITHIN, run).await;
    let output = output.expect("it ends").expect("python3 runs it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let has_run = text.contains("Test cases:");
    (!output.status.success() || !has_run).then_some(said)
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_the_token_of_an_administrator() {
    if !has_schemathesis() {
        return;
    }
    let app = hub().await;

    assert_eq!(findings(&app, "admin", FEW).await, None);
}

#[tokio::test]
#[ignore = "takes minutes: ./test.sh --long"]
async fn schemathesis_finds_nothing_for_any_caller_in_many_requests() {
    if !has_schemathesis() {
        return;
    }
    for role in ["admin", "service", "user", "nobody"] {
        let app = hub().await;

        assert_eq!(findings(&app, role, MANY).await, None, "{role}");
    }
}

#[tokio::test]
async fn the_parser_of_asyncapi_finds_no_fault_in_the_document_of_the_streams() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/asyncapi");
    if !is_here(
        "the parser of AsyncAPI",
        &folder.join("node_modules/@asyncapi/parser"),
    ) {
        return;
    }
    let app = TestApp::spawn().await;
    let request = app.client.get(app.url("/api/asyncapi.json")).send();
    let document = request.await.unwrap().text().await.unwrap();

    let mut parser = Command::new("node")
        .arg("read.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = parser.stdin.take().unwrap();
    input.write_all(document.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(WITHIN, parser.wait_with_output()).await;
    let text = String::from_utf8(output.unwrap().unwrap().stdout).unwrap();

    assert!(text.ends_with(" messages, 0 faults\n"), "{text}");
    assert!(!text.starts_with("0 messages"), "{text}");
}
