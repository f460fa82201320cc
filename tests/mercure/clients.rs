//! Real clients of the protocol. One whose runtime is not installed is named on standard error.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use crate::chromium::Chromium;
use crate::hub::{Hub, ISSUER, KEY, PATH, claims, free_address, keys, sign_1, token_0};
use crate::support::DEADLINE;

#[tokio::test]
async fn symfony_mercure_publishes() {
    let library = Path::new("/usr/share/php/Symfony/Component/Mercure/autoload.php");
    if !library.exists() || !runs(&["php", "--version"]).await {
        return missing("php-symfony-mercure");
    }
    publishes("php", "publish.php", &token_0(&["*"], &[])).await;
}

#[tokio::test]
async fn mercure_publisher_publishes() {
    if !packages("python/packages/mercure_publisher").exists() {
        return missing("mercure-publisher, of Python");
    }
    publishes("python3", "publish.py", KEY).await;
}

/// Runs a program that publishes, and looks at what comes.
async fn publishes(runtime: &str, name: &str, key: &str) {
    let hub = Hub::ours(keys()).await;
    let all = token_0(&["*"], &["*"]);
    let mut stream = hub
        .subscribe(&all, "topic=https%3A%2F%2Fexample.com%2Fbooks%2F%7Bid%7D")
        .await;

    let url = hub.app().url(PATH);
    let program = Command::new(runtime)
        .arg(program(name))
        .args([&url, key, "urn:x:1"])
        .env("PYTHONPATH", packages("python/packages"))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(DEADLINE, program).await.unwrap();
    let output = output.unwrap();

    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told, "urn:x:1", "{output:?}");
    let event = stream.next_event(DEADLINE).await;
    assert_eq!(event.id.as_deref(), Some("urn:x:1"));
    assert_eq!(event.name(), "book");
    assert!(event.json()["from"].is_string(), "{event:?}");
}

#[tokio::test]
async fn event_source_polyfill_subscribes_and_resumes() {
    let folder = packages("node");
    let package = folder.join("node_modules/event-source-polyfill");
    if !package.exists() || !runs(&["node", "--version"]).await {
        return missing("event-source-polyfill");
    }
    let mut hub = Hub::ours(keys().env("CAMPANILE_LISTEN", &free_address())).await;
    let all = token_0(&["*"], &["*"]);
    let url = hub.app().url(&format!("{PATH}?topic=a"));
    let mut child = Command::new("node")
        .arg(program("subscribe.mjs"))
        .args([folder.to_str().unwrap(), &url, &all])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(next_line(&mut lines).await, "open");

    hub.publish(
        &all,
        &[
            ("topic", "a"),
            ("id", "1"),
            ("private", "on"),
            ("data", "x"),
        ],
    )
    .await;
    assert_eq!(next_line(&mut lines).await, "1 x");
    hub.crash().await;
    hub.publish(&all, &[("topic", "a"), ("id", "2"), ("data", "y")])
        .await;

    let after = next_line(&mut lines).await;
    let after = if after == "open" {
        next_line(&mut lines).await
    } else {
        after
    };
    assert_eq!(after, "2 y", "published before it was back, or after");
}

/// The steps of the conformance tests: a page with an `EventSource` and a POST with a fixed token.
#[tokio::test]
async fn an_event_source_of_a_page_gets_an_update_with_its_id_and_its_white_space() {
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_ANONYMOUS", "on")).await;
    let all = token_0(&["*"], &["*"]);
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.visit(&hub.app().url("/")).await;
    window
        .run(
            "window.seen = []; window.opened = false;
             const source = new EventSource('/.well-known/mercure?topic=' + encodeURIComponent('https://localhost/{id}'));
             source.onopen = () => window.opened = true;
             source.onmessage = (event) => window.seen.push([event.lastEventId, event.data]);",
        )
        .await;
    window.holds("window.opened").await;

    let data = " first\n\n third ";
    for (topic, private) in [
        ("https://localhost/1", true),
        ("urn:other", false),
        ("https://localhost/2", false),
    ] {
        let mut form = vec![("topic", topic), ("id", topic), ("data", data)];
        form.extend(private.then_some(("private", "on")));
        hub.publish(&all, &form).await;
    }

    window.holds("window.seen.length > 0").await;
    let seen = window.value("window.seen").await;
    assert_eq!(seen, json!([["https://localhost/2", data]]));
}

/// The cases of the conformance tests of version 1.0. Instead of waiting for an update that must not come, each stream gets a
/// last one.
#[tokio::test]
async fn a_page_gets_what_it_is_subscribed_to_and_nothing_private() {
    let settings = keys()
        .env("MERCURE_TRUSTED_ISSUERS", ISSUER)
        .env("CAMPANILE_MERCURE_ANONYMOUS", "on");
    let hub = Hub::ours(settings).await;
    let mut rights = claims(&["*"], &["*"]);
    rights["aud"] = json!(hub.app().url(PATH));
    let token = sign_1(&rights);
    let uri = "https://example.net/foo/1";
    let exact = |text: &str| json!(["match", text]);
    let pattern = |text: &str| json!(["match_urlpattern", text]);
    let cases = json!([
        [[exact("raw")], "raw", false, true],
        [[exact("foo"), exact("raw")], "raw", false, true],
        [[exact(uri)], uri, false, true],
        [[pattern("https://example.net/foo/:any")], uri, false, true],
        [[exact("another")], "raw", false, false],
        [[exact("https://example.net/foo/2")], uri, false, false],
        [[pattern("https://example.net/bar/:any")], uri, false, false],
        [[exact("raw")], "raw", true, false],
        [[exact(uri)], uri, true, false],
        [[pattern("https://example.net/foo/:any")], uri, true, false],
    ]);
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.visit(&hub.app().url("/")).await;

    let script = include_str!("programs/conformance.js");
    let values = format!("const token = '{token}', cases = {cases};");
    window.run(&format!("{values}\n{script}")).await;

    window.holds("window.outcome !== null").await;
    let outcome = window.value("window.outcome").await;
    let kind = "text/plain; charset=utf-8";
    for (number, case) in cases.as_array().unwrap().iter().enumerate() {
        let id = format!("id-{number}");
        let one = &outcome[number];
        assert_eq!(one["answer"], json!([200, kind, id]), "{case}");
        let first = match case[3] == true {
            true => json!([id, "data for\n\n    this case"]),
            false => json!(["end", ""]),
        };
        assert_eq!(one["first"], first, "{case}");
    }
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await;
    line.expect("a line in time").unwrap().expect("a line")
}

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mercure/programs")
        .join(name)
}

/// The packages that `./test.sh` installs for `tests/clients`.
fn packages(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(path)
}

async fn runs(command: &[&str]) -> bool {
    let (program, arguments) = command.split_first().unwrap();
    let output = Command::new(program).args(arguments).output().await;
    output.is_ok_and(|output| output.status.success())
}

fn missing(name: &str) {
    eprintln!("{name} is not installed: not tried");
}
