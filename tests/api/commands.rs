//! The commands for every day: `publish` and `tail` speak to a running hub, `user` changes accounts beside it.

use std::process::{Output, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::answers::{answer, refusal, send};
use crate::support::{Claims, DEADLINE, TestApp, run, sign, until};

/// Runs a command against the hub in somebody's name.
async fn at(app: &TestApp, token: &str, arguments: &[&str], input: &str) -> Output {
    let arguments = [arguments, &["--hub", &app.base_url]].concat();
    run(
        app.folder(),
        &arguments,
        &[("CAMPANILE_TOKEN", token)],
        input,
    )
    .await
}

/// Runs `campanile user …` on the database of the hub.
async fn user(app: &TestApp, arguments: &[&str], input: &str) -> Output {
    let arguments = [&["user"], arguments].concat();
    run(app.folder(), &arguments, &[("RUST_LOG", "error")], input).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// An exit code and one line on standard error that names what is wrong.
fn assert_fails(output: &Output, code: i32, named: &str) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(message.contains(named), "{named}: {message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
}

fn assert_done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
}

/// Waits until a request in somebody's name is answered with a status.
async fn answers(app: &TestApp, token: &str, status: u16) {
    until(&format!("answered {status}"), DEADLINE, async || {
        let answered = send(app.get(token, "/api/auth/me")).await;
        (answered.status() == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn publish_stores_an_alarm_for_each_kind_of_recipient() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.user("carol").await;
    app.room("42").await;
    let service = app.service();
    let publish = async |recipient: &[&str]| {
        let fixed = [
            "publish",
            "--type",
            "DEPLOY_DONE",
            "--data",
            r#"{"title":"v2"}"#,
        ];
        at(&app, &service, &[&fixed[..], recipient].concat(), "").await
    };

    for (recipient, topics) in [
        (&["--to", "bob"][..], &["user:bob"][..]),
        (
            &["--to", "bob", "--to", "carol"],
            &["user:bob", "user:carol"],
        ),
        (&["--everyone"], &["everyone"]),
        (&["--room", "42"], &["room:42"]),
    ] {
        let output = publish(&[recipient, &["--json"]].concat()).await;
        assert_done(&output);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let told = told["alarms"].as_array().unwrap().iter();
        let told: Vec<&str> = told.map(|alarm| alarm["topic"].as_str().unwrap()).collect();
        assert_eq!(told, topics);
    }
    let output = publish(&["--to", "bob", "--url", "/deploys/2"]).await;
    assert_done(&output);
    assert!(
        text(&output.stdout).ends_with("for user:bob\n"),
        "{output:?}"
    );
    let newest = answer(
        app.get(&sign(&Claims::of("bob", "user")), "/api/alarms?limit=1"),
        200,
    );
    let newest = &newest.await["items"][0];
    assert_eq!(newest["data"], json!({"title": "v2"}));
    assert_eq!(newest["url"], "/deploys/2");
}

#[tokio::test]
async fn publish_stores_a_line_of_stdin_once_however_often_it_is_repeated() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let arguments = [
        "publish",
        "--to",
        "bob",
        "--type",
        "LINE",
        "--stdin",
        "--idempotency-key",
        "night",
    ];
    let lines = "{\"n\":1}\n\n{\"n\":2}\n";

    for _time in 0..2 {
        let output = at(&app, &app.service(), &arguments, lines).await;
        assert_done(&output);
        assert_eq!(text(&output.stdout).lines().count(), 2);
    }
    let listed = answer(app.get(&bob, "/api/alarms"), 200).await;
    let listed = listed["items"].as_array().unwrap().iter();
    let numbers: Vec<Value> = listed.map(|alarm| alarm["data"]["n"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let output = at(&app, &app.service(), &arguments, "{\"n\":1}\nnot JSON\n").await;
    assert_fails(&output, 1, "line 2: it is no JSON");
}

#[tokio::test]
async fn a_command_that_is_refused_says_so_in_one_line_and_by_its_exit_code() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let publish = ["publish", "--type", "T", "--to"];
    let service = app.service();

    let nobody = at(&app, &service, &[&publish[..], &["nobody"]].concat(), "").await;
    assert_fails(&nobody, 1, "unknown_user: ");
    let forbidden = at(&app, &bob, &[&publish[..], &["bob"]].concat(), "").await;
    assert_fails(&forbidden, 1, "forbidden: ");
    let strict = app.put(&app.admin(), "/api/alarm-types/STRICT");
    answer(strict.json(&json!({"schema": {"type": "object"}})), 201).await;
    let strict = ["publish", "--type", "STRICT", "--data", "7", "--to", "bob"];
    let invalid = at(&app, &service, &strict, "").await;
    assert_fails(&invalid, 1, "invalid_data: data: ");
    let unknown = at(&app, "a.b.c", &["tail"], "").await;
    assert_fails(&unknown, 1, "CAMPANILE_TOKEN");
    assert!(!text(&unknown.stderr).contains("a.b.c"), "{unknown:?}");
    let silent = ["tail", "--hub", "http://127.0.0.1:1"];
    let silent = run(app.folder(), &silent, &[], "").await;
    assert_fails(&silent, 1, "http://127.0.0.1:1 does not answer");
    for wrong in [
        &["publish", "--type", "T"][..],
        &["publish", "--type", "T", "--to", "bob", "--everyone"],
        &["publish", "--to", "bob"],
        &["tail", "--hub", "nowhere"],
        &["publish", "--to", "bob", "--type", "T", "--data", "{"],
    ] {
        let output = run(app.folder(), wrong, &[], "").await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}

#[tokio::test]
async fn tail_prints_each_alarm_once_through_a_disconnection() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let ids = async {
        app.wait_for_connections(1, DEADLINE).await;
        let first = app.publish(json!({"user": "bob"}), "ONE").await;
        let client = app.connections().await[0]["clientId"].clone();
        let path = format!("/api/admin/connections/{}", client.as_str().unwrap());
        answer(app.delete(&app.admin(), &path), 204).await;
        app.publish(json!({"user": "carol"}), "NOT_MINE").await;
        let second = app.publish(json!({"user": "bob"}), "TWO").await;
        vec![
            first,
            second,
            app.publish(json!({"everyone": true}), "THREE").await,
        ]
    };

    let tail = ["tail", "--json", "--count", "3"];
    let (output, ids) = tokio::join!(at(&app, &bob, &tail, ""), ids);

    assert!(output.status.success(), "{output:?}");
    let lines = text(&output.stdout).lines();
    let alarms: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let printed: Vec<i64> = alarms
        .iter()
        .map(|alarm| alarm["id"].as_i64().unwrap())
        .collect();
    assert_eq!(printed, ids);
    assert_eq!(alarms[1]["alarmType"], "TWO");
}

#[tokio::test]
async fn tail_reads_what_a_service_names_and_is_plain_where_no_terminal_is() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.room("lobby").await;
    app.publish(json!({"user": "bob"}), "ONE").await;
    app.publish(json!({"room": "lobby"}), "TWO").await;

    let tail = [
        "tail",
        "--user",
        "bob",
        "--topic",
        "room:lobby",
        "--cursor",
        "0",
        "--count",
        "2",
    ];
    let output = at(&app, &app.service(), &tail, "").await;

    assert_done(&output);
    let printed = text(&output.stdout);
    assert!(!printed.contains('\u{1b}'), "{printed:?}");
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].ends_with(" user:bob ONE"), "{lines:?}");
    assert!(lines[1].ends_with(" room:lobby TWO"), "{lines:?}");
}

#[tokio::test]
async fn tail_ends_without_a_word_when_its_reader_goes_away() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut tail = Command::new(env!("CARGO_BIN_EXE_campanile"))
        .args(["tail", "--hub", &app.base_url])
        .env("CAMPANILE_TOKEN", &bob)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    app.wait_for_connections(1, DEADLINE).await;
    app.publish(json!({"user": "bob"}), "ONE").await;
    let first = tokio::time::timeout(DEADLINE, lines.next_line()).await;
    assert!(first.unwrap().unwrap().unwrap().contains("ONE"));

    drop(lines);
    app.publish(json!({"user": "bob"}), "TWO").await;

    let output = tokio::time::timeout(DEADLINE, tail.wait_with_output()).await;
    assert_done(&output.unwrap().unwrap());
}

#[tokio::test]
async fn an_account_that_is_disabled_beside_the_hub_is_shut_out_with_its_streams() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let mut other = app.connected(&carol, "/api/stream").await;

    assert_done(&user(&app, &["disable", "bob"], "").await);

    stream.bye("kicked", DEADLINE).await;
    answers(&app, &bob, 403).await;
    let id = app.publish(json!({"user": "carol"}), "T").await;
    assert_eq!(other.next_named("alarm", DEADLINE).await.number(), id);
    assert_done(&user(&app, &["enable", "bob"], "").await);
    answers(&app, &bob, 200).await;
}

#[tokio::test]
async fn tail_ends_when_its_account_is_disabled() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let tail = async {
        let output = at(&app, &bob, &["tail"], "");
        tokio::time::timeout(DEADLINE, output).await.unwrap()
    };
    let disabled = async {
        app.wait_for_connections(1, DEADLINE).await;
        assert_done(&user(&app, &["disable", "bob"], "").await);
    };

    let (output, ()) = tokio::join!(tail, disabled);

    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test]
async fn a_role_that_is_taken_beside_the_hub_is_gone() {
    let app = TestApp::spawn().await;
    app.user("eve").await;
    assert_done(&user(&app, &["role", "eve", "admin"], "").await);
    let eve = sign(&Claims::of("eve", "admin"));
    answers(&app, &eve, 200).await;
    let mut stream = app.connected(&eve, "/api/stream").await;

    assert_done(&user(&app, &["role", "eve", "user"], "").await);

    stream.bye("kicked", DEADLINE).await;
    answers(&app, &eve, 401).await;
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let app = TestApp::spawn().await;
    let session = app.sign_up("bob", "the old password").await;
    let mut stream = app.connected(&session, "/api/stream").await;
    let sign_in = |password: &str| {
        let body = json!({"userId": "bob", "password": password});
        app.request(Method::POST, "/api/auth/login").json(&body)
    };

    assert_done(&user(&app, &["password", "bob"], "the new password\n").await);

    stream.bye("kicked", DEADLINE).await;
    answers(&app, &session, 401).await;
    refusal(sign_in("the old password"), 401, "bad_credentials").await;
    let session = answer(sign_in("the new password"), 200).await;
    answers(&app, session["token"].as_str().unwrap(), 200).await;
}

#[tokio::test]
async fn users_are_listed_and_one_that_is_not_there_is_no_success() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.sign_up("carol", "a long password").await;
    assert_done(&user(&app, &["disable", "bob"], "").await);

    let output = user(&app, &["list", "--json"], "").await;
    let plain = user(&app, &["list"], "").await;

    assert_done(&output);
    let lines = text(&output.stdout).lines();
    let users: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<&str> = users
        .iter()
        .map(|user| user["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["admin", "bob", "carol"]);
    assert_eq!(users[0]["role"], "admin");
    assert_eq!(
        (&users[1]["disabled"], &users[1]["hasPassword"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(users[2]["hasPassword"], true);
    assert!(
        text(&plain.stdout).contains("disabled, no password"),
        "{plain:?}"
    );
    for missing in [
        &["disable", "nobody"][..],
        &["enable", "nobody"],
        &["role", "nobody", "admin"],
        &["password", "nobody"],
    ] {
        let output = user(&app, missing, "a long password\n").await;
        assert_fails(&output, 1, "there is no such user");
    }
    assert_fails(&user(&app, &["password", "bob"], "short\n").await, 2, "8");
}

#[tokio::test]
async fn shells_and_man_read_what_the_binary_tells_of_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    for (arguments, checker) in [
        (&["completions", "bash"][..], &["bash", "-n"][..]),
        (&["completions", "zsh"], &[]),
        (&["completions", "fish"], &[]),
        (&["man"], &["groff", "-man", "-Tutf8", "-ww", "-z"]),
    ] {
        let output = run(folder.path(), arguments, &[], "").await;
        assert_done(&output);
        for named in ["publish", "tail", "idempotency", "retire", "revoke"] {
            assert!(
                text(&output.stdout).contains(named),
                "{arguments:?}: {named}"
            );
        }
        std::fs::write(&file, &output.stdout).unwrap();
        let Some((checker, options)) = checker.split_first() else {
            continue;
        };
        match Command::new(checker)
            .args(options)
            .arg(&file)
            .output()
            .await
        {
            Ok(checked) => assert!(checked.status.success(), "{checked:?}"),
            Err(cause) => eprintln!("not checked by {checker}: {cause}"),
        }
    }
}

#[tokio::test]
async fn a_user_is_signed_out_and_deleted_beside_the_running_hub() {
    let app = TestApp::spawn().await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    let mut of_bob = app.connected(&bob, "/api/stream").await;
    let mut of_carol = app.connected(&carol, "/api/stream").await;

    assert_done(&user(&app, &["sign-out", "bob"], "").await);
    assert_done(&user(&app, &["delete", "carol"], "").await);

    of_bob.bye("logout", DEADLINE).await;
    of_carol.bye("logout", DEADLINE).await;
    answers(&app, &bob, 401).await;
    answers(&app, &carol, 401).await;
    let again = user(&app, &["delete", "carol"], "").await;
    assert_fails(&again, 1, "no such user");
    let last = user(&app, &["delete", "admin"], "").await;
    assert_fails(&last, 1, "the last administrator");
}

/// A command that reads or changes what a hub has made makes nothing itself: what it made would be that of no hub.
#[tokio::test]
async fn a_command_in_another_folder_makes_no_database_and_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let looked_for = folder.path().join("campanile-data/campanile.db");
    for arguments in [
        &["user", "list"][..],
        &["user", "disable", "bob"],
        &["user", "enable", "bob"],
        &["user", "password", "bob"],
        &["user", "role", "bob", "admin"],
        &["user", "sign-out", "bob"],
        &["user", "delete", "bob"],
        &["api-key", "add", "--name", "shop", "--scope", "watch"],
        &["api-key", "list"],
        &["api-key", "revoke", "shop"],
        &["api-key", "enable", "shop"],
        &["signing-key", "list"],
        &["signing-key", "rotate"],
        &["signing-key", "retire", "x"],
    ] {
        let unset = [("CAMPANILE_DATABASE_URL", "")];
        let output = run(folder.path(), arguments, &unset, "a long password\n").await;
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        for words in [
            looked_for.to_str().unwrap(),
            "there is no database",
            "CAMPANILE_DATABASE_URL",
        ] {
            assert!(told.contains(words), "{arguments:?}: {told}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
