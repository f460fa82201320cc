//! The commands and the files of the README and of the guides, run as they are written. Only what depends on the place is put in: the
//! address of the hub, and folders that belong to root. `campanile` is the binary under test, in the folder of a hub that runs.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::answers::answer;
use crate::guides::{blocks, read};
use crate::language::{is_program, not_covered, shell};
use crate::support::{AppBuilder, DEADLINE, TestApp, on_postgres};

/// Runs a block in the folder of a hub, to its end, and gives what it printed.
async fn run(app: &TestApp, block: &str) -> String {
    let output = command(app, block).output();
    let output = tokio::time::timeout(DEADLINE, output).await;
    let output = output.expect("an end in time").expect("a shell");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{block}\n{told}\n{faults}");
    told
}

/// The first line that a block prints which goes on until it is ended, once the hub has published.
async fn first_line(app: &TestApp, block: &str, publish: impl AsyncFnOnce()) -> String {
    let mut running = command(app, block).spawn().expect("a shell");
    let output = running.stdout.take().expect("its output");
    app.wait_for_connections(1, DEADLINE).await;
    publish().await;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await;
    running.kill().await.expect("its end");
    app.wait_for_connections(0, DEADLINE).await;
    let line = line.expect("a line in time").expect("a line");
    line.expect("a line before the end")
}

fn command(app: &TestApp, block: &str) -> Command {
    let block = block.replace("http://127.0.0.1:8080", &app.base_url);
    let mut run = shell(app.folder(), &format!("set -e\n{PRELUDE}\n{block}"));
    let binary = Path::new(env!("CARGO_BIN_EXE_campanile"));
    let mut path = binary.parent().expect("its folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    run.env("PATH", path)
        .env("RUST_LOG", "warn")
        .env("HUB", &app.base_url);
    for name in ["CAMPANILE_DATABASE_URL", "CAMPANILE_JWT_SECRET"] {
        run.env(name, app.setting(name));
    }
    run
}

/// A reader of the README runs the binary by way of cargo; the hub of a test has another port than the default one.
const PRELUDE: &str = r#"
cargo() { while [ "$1" != -- ]; do shift; done; shift; campanile "$@"; }
campanile() {
    case "$1" in
        publish | tail) exec_or_run campanile "$@" --hub "$HUB" ;;
        *) command campanile "$@" ;;
    esac
}
exec_or_run() { if [ "$2" = tail ]; then exec "$@"; else command "$@"; fi; }
journalctl() { printf '{"MESSAGE":"started"}\n{"MESSAGE":"ready"}\n'; }
"#;

async fn publish(app: &TestApp, kind: &str) {
    app.publish(json!({"user": "bob"}), kind).await;
}

#[tokio::test]
async fn the_commands_of_the_readme_publish_an_alarm_and_print_it() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let page = read("README.md");
    let blocks = blocks(&page, "Publish and subscribe", "sh");
    let [publish, watch] = blocks.as_slice() else {
        panic!("two blocks of commands: {blocks:?}");
    };

    let told = run(&app, publish).await;
    let watch = watch.replace("curl -N", "exec curl -sN");
    let mut watching = command(&app, &watch).spawn().expect("a shell");
    let lines = BufReader::new(watching.stdout.take().expect("its output"));
    let mut lines = lines.lines();

    assert!(told.contains("\"topic\":\"user:bob\""), "{told}");
    let hears = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line.contains("\"title\":\"Hello\"") {
                return;
            }
        }
        panic!("the stream ended");
    };
    let heard = tokio::time::timeout(DEADLINE, hears).await;
    watching.kill().await.expect("its end");
    heard.expect("the alarm in time");
}

#[tokio::test]
async fn the_commands_of_the_guide_of_operation_publish_and_print_alarms() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let opening = app.post(&app.admin(), "/api/rooms");
    answer(opening.json(&json!({"id": "ops", "name": "Ops"})), 201).await;
    let page = read("docs/guide/operation.md");
    let blocks = blocks(&page, "Commands that speak to a hub", "sh");
    let [publishing, tailing] = blocks.as_slice() else {
        panic!("two blocks of commands: {blocks:?}");
    };
    let token = |sub: &str, role: &str| {
        format!("export CAMPANILE_TOKEN=$(campanile token --sub {sub} --role {role})")
    };
    let lines: Vec<&str> = tailing.lines().collect();
    let [own, of_others, first_ten] = lines.as_slice() else {
        panic!("three commands: {lines:?}");
    };

    run(&app, publishing).await;
    let own = format!("{}\n{own}", token("bob", "user"));
    let own = first_line(&app, &own, async || publish(&app, "OWN").await).await;
    let of_others = format!("{}\n{of_others}", token("deploy", "service"));
    let of_others = first_line(&app, &of_others, async || publish(&app, "OTHERS").await).await;
    for number in 0..10 {
        publish(&app, &format!("MORE_{number}")).await;
    }
    let first_ten = run(&app, &format!("{}\n{first_ten}", token("bob", "user"))).await;

    assert!(own.contains("OWN"), "{own}");
    let of_others: Value = serde_json::from_str(&of_others).expect("an alarm");
    assert_eq!(of_others["alarmType"], "OTHERS");
    for kind in ["DEPLOY_DONE", "MAINTENANCE", "OWN", "OTHERS"] {
        assert!(first_ten.contains(kind), "{kind}: {first_ten}");
    }
    let room = app.get(&app.service(), "/api/stream?topic=room:ops&cursor=0");
    let room = answer(room.header("accept", "application/json"), 200).await;
    assert_eq!(room.to_string().matches("\"LOG\"").count(), 2, "{room}");
}

#[tokio::test]
async fn the_commands_of_the_guide_of_operation_change_accounts_and_look_at_the_path() {
    let app = TestApp::spawn().await;
    let page = read("docs/guide/operation.md");
    let of = |heading: &str| blocks(&page, heading, "sh").join("\n");

    let told = run(&app, &of("Accounts")).await;
    let left = run(&app, "campanile user list").await;
    let doctor = of("Doctor").replace("https://hub.example", &format!("{} --idle 1", app.base_url));
    let path = run(&app, &doctor).await;
    let shells = of("Completions and manual page").replace("> /", "> root/");
    let folders = "mkdir -p root/etc/bash_completion.d root/usr/share/zsh/site-functions root/etc/fish/completions \
                   root/usr/local/share/man/man1";
    run(
        &app,
        &format!("{folders}\n{shells}\nbash -n root/etc/bash_completion.d/campanile"),
    )
    .await;

    assert!(told.contains("admin"), "{told}");
    assert!(!left.contains("carol"), "{left}");
    assert!(path.contains("websocket"), "{path}");
}

#[tokio::test]
async fn the_commands_of_the_guide_of_operation_copy_a_database_and_put_it_back() {
    if on_postgres() {
        // The commands for a server are tried in tests/storage.
        return;
    }
    let mut app = TestApp::spawn().await;
    app.user("bob").await;
    let page = read("docs/guide/operation.md");
    let of = |heading: &str| {
        let first = blocks(&page, heading, "sh").into_iter().next();
        first.expect("a block").replace("/backups", "backups")
    };
    let copy = of("Backup");
    let (copy, _for_a_server) = copy
        .split_once("pg_dump")
        .expect("the command for a server");
    let back = of("Restore").replace("campanile-2026-11-28", "campanile-*");
    let back = back.replace(".db ", ".db --replace ");

    publish(&app, "BEFORE").await;
    run(&app, &format!("mkdir backups\n{copy}")).await;
    publish(&app, "AFTER").await;
    app.stop().await;
    run(&app, &back).await;
    app.restart().await;

    let log = app.get(&app.service(), "/api/stream?topic=user:bob&cursor=0");
    let log = answer(log.header("accept", "application/json"), 200).await;
    let kinds: Vec<&Value> = log["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["data"]["alarmType"])
        .filter(|kind| kind.is_string())
        .collect();
    assert_eq!(kinds, ["BEFORE"], "{log}");
}

#[tokio::test]
async fn the_commands_of_the_guide_for_back_ends_make_and_revoke_a_key() {
    let app = TestApp::spawn().await;
    let page = read("docs/guide/back-ends.md");
    let all: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let find = |word: &str| {
        let found = all.iter().find(|block| block.contains(word));
        found.expect("the block").to_string()
    };
    let admin = "ADMIN_TOKEN=$(campanile token --sub admin --role admin)";

    let key = run(&app, &find("campanile api-key add")).await;
    let by_the_api = find("/api/admin/keys").replace("\"shop\"", "\"shop-2\"");
    let made = run(&app, &format!("{admin}\n{by_the_api}")).await;
    let listed = run(&app, &find("campanile api-key list")).await;

    let made: Value = serde_json::from_str(&made).expect("a key");
    assert!(made["key"].is_string(), "{made}");
    assert!(
        listed.contains("shop") && listed.contains("shop-2"),
        "{listed}"
    );
    let guide = read("docs/guide/javascript.md");
    let (_, types) = guide
        .split_once("```sh\ncurl \"$HUB/api/alarm-types")
        .expect("the command");
    let (types, _) = types.split_once("```").expect("its end");
    let types = format!(
        "TYPES_KEY=$(campanile token --sub blog --role service)\ncurl -f \"$HUB/api/alarm-types{types}cat alarm-types.d.ts"
    );
    assert!(run(&app, &types).await.contains("AlarmTypes"));
    let publishing = app.post(key.trim(), "/api/alarms");
    let alarm = json!({"to": {"user": "bob"}, "alarmType": "ORDER_SHIPPED"});
    app.user("bob").await;
    answer(publishing.json(&alarm), 201).await;
}

#[tokio::test]
async fn a_hub_takes_each_issuer_of_the_guide_of_identity() {
    let page = read("docs/guide/identity.md");
    let issuers: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert!(issuers.len() > 8, "the blocks are found");
    let keys = page.split_once("openssl genpkey").expect("the commands").1;
    let (keys, _) = keys.split_once("```").expect("their end");
    let folder = tempfile::tempdir().expect("a folder");
    let making = shell(folder.path(), &format!("set -e\nopenssl genpkey{keys}")).output();
    assert!(making.await.expect("a shell").status.success());
    let pem = std::fs::read_to_string(folder.path().join("django.pem")).expect("a public key");

    for issuer in issuers {
        let app = AppBuilder::default()
            .env("CAMPANILE_ISSUERS", "issuers.toml")
            .file("issuers.toml", issuer.to_owned())
            .file("client-secret", "a secret of the client".to_owned())
            .file("django.pem", pem.clone())
            .file("php-secret", PHP_SECRET.to_owned())
            .spawn()
            .await;
        answer(app.get(&app.admin(), "/api/auth/me"), 200).await;
    }
}

#[tokio::test]
async fn the_function_of_the_guide_of_identity_signs_a_token_in_php() {
    if !is_program("php", "--version") {
        not_covered("the function in PHP", "there is no php");
        return;
    }
    let page = read("docs/guide/identity.md");
    let block = |language: &str, word: &str| {
        let opening = format!("```{language}\n");
        let all = page.split(&opening).skip(1);
        let mut all = all.map(|rest| rest.split("```").next().unwrap_or_default());
        all.find(|block| block.contains(word))
            .expect("the block")
            .to_owned()
    };
    let app = AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", block("toml", "php-secret"))
        .file("php-secret", PHP_SECRET.to_owned())
        .spawn()
        .await;
    app.user("42").await;
    let code = block("php", "hub_token");
    // The request itself needs an extension that is not everywhere: it is sent by the test.
    let (function, _request) = code.split_once("$curl").expect("the request");
    let function = function.replace("/run/secrets/php-secret", "php-secret");
    let script = format!("<?php\n{function}\necho hub_token('php', 'service');\n");
    std::fs::write(app.folder().join("token.php"), script).expect("a file");

    let token = run(&app, "php token.php").await;

    let alarm = json!({"to": {"user": "42"}, "alarmType": "ORDER_SHIPPED"});
    answer(app.post(&token, "/api/alarms").json(&alarm), 201).await;
}

#[tokio::test]
async fn the_bodies_of_the_reference_are_taken() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.user("alice").await;
    let page = read("docs/reference/api.md");
    let body = |start: &str| {
        let (_, rest) = page.split_once(start).expect("the body");
        let (rest, _) = rest.split_once("```").expect("its end");
        serde_json::from_str::<Value>(&format!("{start}{rest}")).expect("JSON")
    };

    let publishing = app.post(&app.admin(), "/api/alarms");
    let published = answer(
        publishing.json(&body("{\"to\":{\"user\":\"bob\"},\"alarmType\"")),
        201,
    )
    .await;
    let declaring = app.put(&app.admin(), "/api/alarm-types/ORDER_SHIPPED");
    answer(
        declaring.json(&body("{\"schema\":{\"type\":\"object\"")),
        201,
    )
    .await;

    assert_eq!(published["alarms"][0]["topic"], "user:bob");
}

#[tokio::test]
async fn prometheus_takes_the_lines_of_the_guide_of_operation() {
    if !is_program("promtool", "--version") {
        not_covered("the lines for Prometheus", "there is no promtool");
        return;
    }
    let page = read("docs/guide/operation.md");
    let lines = blocks(&page, "Metrics", "yaml").concat();
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token").display().to_string();
    std::fs::write(&token, "a token").expect("a file");
    let lines = lines.replace("/etc/prometheus/campanile-token", &token);
    std::fs::write(folder.path().join("prometheus.yml"), lines).expect("a file");

    let checked = shell(folder.path(), "promtool check config prometheus.yml").output();

    let checked = checked.await.expect("promtool");
    assert!(checked.status.success(), "{checked:?}");
}

const PHP_SECRET: &str = "a secret of at least thirty-two bytes";
