//! The command line: what it takes, what it refuses, what it prints.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal};
use crate::support::{AppBuilder, Claims, SECRET, TestApp, run, sign};

async fn campanile(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), arguments, environment, input).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Exit code 2 and one clear line that names what is wrong.
fn assert_refused(output: &Output, named: &str) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(text(&output.stdout), "");
    assert!(message.contains(named), "{named}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    assert!(!message.contains(SECRET), "no secret: {message}");
}

#[tokio::test]
async fn a_bad_value_stops_the_start_with_one_line() {
    for (name, value) in [
        ("CAMPANILE_LISTEN", "nowhere"),
        ("CAMPANILE_LISTEN", "127.0.0.1:99999"),
        (
            "CAMPANILE_DATABASE_URL",
            "mysql://me:hunter2@localhost/campanile",
        ),
        ("CAMPANILE_DATABASE_URL", "campanile.db"),
        ("CAMPANILE_JWT_SECRET", "too short"),
        ("CAMPANILE_JWT_SECRET", "31 bytes are still one too few."),
        ("CAMPANILE_SIGNUP", "perhaps"),
        ("CAMPANILE_USERS", "some"),
        ("CAMPANILE_QUERY_TOKEN", "maybe"),
        ("CAMPANILE_HEARTBEAT_SECONDS", "0"),
        ("CAMPANILE_HEARTBEAT_SECONDS", "often"),
        ("CAMPANILE_MAX_STREAMS_PER_USER", "0"),
        ("CAMPANILE_MAX_STREAMS_PER_USER", "-1"),
        ("CAMPANILE_SESSION_TTL", "a while"),
        ("CAMPANILE_RETENTION_DAYS", "x"),
        ("CAMPANILE_CORS_ORIGINS", "not an origin"),
        ("CAMPANILE_PUBLIC_URL", "hub.example"),
        ("CAMPANILE_TRUSTED_PROXIES", "everybody"),
    ] {
        eprintln!("{name}={value}");
        let output = campanile(&["serve"], &[(name, value)], "").await;
        let setting = name.trim_start_matches("CAMPANILE_").to_ascii_lowercase();
        assert_refused(&output, &format!("--{}", setting.replace('_', "-")));
        assert!(text(&output.stderr).contains(name), "{output:?}");
        let lines: Vec<&str> = text(&output.stderr)
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        assert_eq!(lines.len(), 1, "one line: {lines:?}");
        if name == "CAMPANILE_JWT_SECRET" {
            assert!(lines[0].contains("32"), "how long it must be: {lines:?}");
            assert!(!lines[0].contains(value), "not the secret: {lines:?}");
        }
        assert!(!lines[0].contains("hunter2"), "no password: {lines:?}");
    }
}

/// Not only that it is wrong: a number, a time or an address that is expected is described.
#[tokio::test]
async fn a_bad_value_is_told_what_is_expected() {
    for (name, values, expected) in [
        (
            "CAMPANILE_LISTEN",
            &["8080", "localhost:8080", "\"127.0.0.1:8080\""][..],
            "expected an IP address and a port, such as 127.0.0.1:8080",
        ),
        (
            "CAMPANILE_HEARTBEAT_SECONDS",
            &["0", "3601", "often", "1e1", "-1", "1.5"],
            "expected a whole number from 1 to 3600",
        ),
        (
            "CAMPANILE_MAX_STREAMS_PER_USER",
            &["0", "many", "4294967296"],
            "expected a whole number from 1 to 4294967295",
        ),
        (
            "CAMPANILE_ROOMS_PER_USER",
            &["none", "-1"],
            "expected a whole number from 0 to 4294967295",
        ),
        (
            "CAMPANILE_MESSAGES_PER_SECOND",
            &["0", "\"10\""],
            "expected a whole number from 1 to 4294967295",
        ),
        (
            "CAMPANILE_RECENT_PUSHES",
            &["10000001", "all"],
            "expected a whole number from 0 to 10000000",
        ),
        (
            "CAMPANILE_RETENTION_DAYS",
            &["0", "90d", "36501"],
            "expected a whole number from 1 to 36500",
        ),
        (
            "CAMPANILE_SESSION_TTL",
            &["7", "a week", "367d", "0s"],
            "expected 1s to 366d, such as 7d",
        ),
    ] {
        for value in values {
            let output = campanile(&["serve"], &[(name, value)], "").await;
            assert_refused(&output, name);
            let told = text(&output.stderr);
            assert!(told.contains(expected), "{name}={value}: {told}");
        }
    }
    let arguments = ["token", "--sub", "a", "--role", "user", "--ttl", "later"];
    assert_refused(
        &campanile(&arguments, &[], "").await,
        "expected a time such as 90d",
    );
}

#[tokio::test]
async fn an_unknown_flag_or_command_is_refused() {
    assert_refused(
        &campanile(&["serve", "--no-such-flag"], &[], "").await,
        "--no-such-flag",
    );
    assert_refused(&campanile(&["dance"], &[], "").await, "dance");
}

#[tokio::test]
async fn an_address_that_is_taken_stops_the_start_with_one_line() {
    let app = TestApp::spawn().await;

    let output = campanile(&["serve"], &[("CAMPANILE_LISTEN", app.address())], "").await;

    assert_refused(&output, app.address());
}

#[tokio::test]
async fn the_help_lists_every_setting_with_its_variable() {
    let output = campanile(&["serve", "--help"], &[], "").await;

    assert!(output.status.success());
    let help = text(&output.stdout);
    for variable in [
        "CAMPANILE_LISTEN",
        "CAMPANILE_DATABASE_URL",
        "CAMPANILE_JWT_SECRET",
        "CAMPANILE_SIGNUP",
        "CAMPANILE_USERS",
        "CAMPANILE_QUERY_TOKEN",
        "CAMPANILE_HEARTBEAT_SECONDS",
        "CAMPANILE_MAX_STREAMS_PER_USER",
        "CAMPANILE_SESSION_TTL",
        "CAMPANILE_RETENTION_DAYS",
        "CAMPANILE_CORS_ORIGINS",
        "CAMPANILE_PUBLIC_URL",
        "CAMPANILE_TRUSTED_PROXIES",
    ] {
        assert!(help.contains(variable), "{variable}: {help}");
    }
    assert!(
        help.contains("--listen") && help.contains("--database-url"),
        "{help}"
    );
    assert!(
        !help.contains(SECRET),
        "the value of the secret is not shown"
    );
}

#[tokio::test]
async fn a_token_is_printed_and_nothing_else_and_the_hub_takes_it() {
    let app = TestApp::spawn().await;

    let arguments = [
        "token", "--sub", "backend", "--role", "service", "--ttl", "10m",
    ];
    let output = run(app.folder(), &arguments, &[], "").await;

    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    assert_eq!(
        printed.trim_end_matches('\n').lines().count(),
        1,
        "{printed}"
    );
    assert_eq!(text(&output.stderr), "");
    answer(app.get(printed.trim(), "/api/rooms"), 200).await;
}

#[tokio::test]
async fn a_token_may_be_over_at_once_and_be_for_somebody_without_an_account() {
    let app = TestApp::spawn().await;

    let arguments = ["token", "--sub", "nobody", "--role", "user", "--ttl", "0s"];
    let output = run(app.folder(), &arguments, &[], "").await;

    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    let check = run(app.folder(), &["token", "check", printed.trim()], &[], "").await;
    let told = [text(&check.stdout), text(&check.stderr)].concat();
    assert!(told.contains("expired"), "{told}");
}

#[tokio::test]
async fn a_token_is_made_with_the_secret_of_the_hub_and_never_with_a_new_one() {
    let unset = ("CAMPANILE_JWT_SECRET", "");
    let arguments = ["token", "--sub", "backend", "--role", "service"];
    let elsewhere = tempfile::tempdir().unwrap();
    let looked_for = elsewhere.path().join("campanile-data/jwt-secret");
    for arguments in [&arguments[..], &["token", "check", "a.b.c"]] {
        let output = run(elsewhere.path(), arguments, &[unset], "").await;
        assert_refused(&output, looked_for.to_str().unwrap());
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    let app = AppBuilder::default().env(unset.0, unset.1).spawn().await;
    let secret = app.folder().join("campanile-data/jwt-secret");
    let kept = std::fs::read(&secret).unwrap();
    let output = run(app.folder(), &arguments, &[unset], "").await;

    assert!(output.status.success(), "{output:?}");
    answer(app.get(text(&output.stdout).trim(), "/api/rooms"), 200).await;
    assert_eq!(std::fs::read(&secret).unwrap(), kept, "generated once");
    let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(kept.len() >= 32);
}

#[tokio::test]
async fn a_token_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |token: &str, input: &str| {
        run(folder.path(), &["token", "check", token], &[], input).await
    };
    let good = sign(&Claims::of("bob", "user"));

    for output in [
        check(&good, "").await,
        check("-", &format!("{good}\n")).await,
    ] {
        let told = text(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        for part in [
            "HS256",
            "\"sub\":\"bob\"",
            "good: it speaks for bob as user",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    let expired = sign(&Claims::of("bob", "user").expired());
    let output = check(&expired, "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("expired 1h "), "{output:?}");
    assert!(text(&output.stdout).contains("\"sub\":\"bob\""));
    assert_refused(&check("garbage", "").await, "not a JWT");
}

#[tokio::test]
async fn an_empty_variable_is_an_unset_one_and_white_space_is_no_part_of_a_value() {
    let empty = [
        "CAMPANILE_JWT_SECRET",
        "CAMPANILE_SIGNUP",
        "CAMPANILE_USERS",
        "CAMPANILE_QUERY_TOKEN",
        "CAMPANILE_HEARTBEAT_SECONDS",
        "CAMPANILE_MAX_STREAMS_PER_USER",
        "CAMPANILE_SESSION_TTL",
        "CAMPANILE_RETENTION_DAYS",
        "CAMPANILE_CORS_ORIGINS",
        "CAMPANILE_PUBLIC_URL",
        "CAMPANILE_TRUSTED_PROXIES",
        "CAMPANILE_TLS_CERT",
        "CAMPANILE_TLS_KEY",
    ];
    let mut unset = AppBuilder::default();
    for name in empty {
        unset = unset.env(name, if name == "CAMPANILE_USERS" { " " } else { "" });
    }
    let app = unset.spawn().await;
    let body = json!({"userId": "alice", "password": "correct horse"});
    let sign_up = app.request(Method::POST, "/api/auth/signup").json(&body);
    // Nobody sits before a terminal here.
    refusal(sign_up, 403, "signup_closed").await;

    let app = AppBuilder::default()
        .env("CAMPANILE_JWT_SECRET", &format!("  {SECRET}\r\n"))
        .env("CAMPANILE_LISTEN", " 127.0.0.1:0\n")
        .env("CAMPANILE_SIGNUP", "open\n")
        .env("CAMPANILE_HEARTBEAT_SECONDS", " 7 ")
        .spawn()
        .await;
    answer(app.get(&app.service(), "/api/rooms"), 200).await;
    let sign_up = app.request(Method::POST, "/api/auth/signup").json(&body);
    answer(sign_up, 201).await;
    let help = campanile(
        &["serve", "--help"],
        &[(
            "CAMPANILE_JWT_SECRET",
            " a secret of more than 32 bytes, shown nowhere ",
        )],
        "",
    );
    assert!(!text(&help.await.stdout).contains("shown nowhere"));
}

#[tokio::test]
async fn half_of_a_certificate_stops_the_start() {
    for (name, other) in [
        ("CAMPANILE_TLS_CERT", "CAMPANILE_TLS_KEY"),
        ("CAMPANILE_TLS_KEY", "CAMPANILE_TLS_CERT"),
    ] {
        for value in ["a.pem", " a.pem\n"] {
            assert_refused(&campanile(&["serve"], &[(name, value)], "").await, other);
        }
    }
}

#[tokio::test]
async fn a_url_for_notifications_stands_beside_a_server_and_names_one() {
    for (database, notify) in [
        ("sqlite://hub.db", "postgres://db/hub"),
        ("postgres://db/hub", "sqlite://hub.db"),
    ] {
        let settings = [
            ("CAMPANILE_DATABASE_URL", database),
            ("CAMPANILE_NOTIFY_URL", notify),
        ];
        let output = campanile(&["serve"], &settings, "").await;
        assert_refused(&output, "CAMPANILE_NOTIFY_URL");
    }
}

#[tokio::test]
async fn a_token_command_checks_its_arguments() {
    for arguments in [
        &["token", "--sub", "not an id", "--role", "service"][..],
        &["token", "--sub", "a", "--role", "root"],
        &["token", "--sub", "a", "--role", "user", "--ttl", "later"],
        &["token", "--role", "user"],
    ] {
        let output = campanile(arguments, &[], "").await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_given_is_not_written_to_disk() {
    let app = TestApp::spawn().await;

    assert!(!app.folder().join("campanile-data/jwt-secret").exists());
}

#[tokio::test]
async fn a_user_is_added_with_a_password_from_stdin_and_without_a_word() {
    let app = TestApp::spawn().await;
    let arguments = [
        "user",
        "add",
        "dora",
        "--role",
        "admin",
        "--display-name",
        "Dora D.",
    ];

    let output = run(
        app.folder(),
        &arguments,
        &[("RUST_LOG", "error")],
        "a long password\n",
    )
    .await;

    assert!(output.status.success(), "{output:?}");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
    let login = json!({"userId": "dora", "password": "a long password"});
    let session = answer(
        app.request(Method::POST, "/api/auth/login").json(&login),
        200,
    )
    .await;
    assert_eq!(
        session["user"],
        json!({"id": "dora", "displayName": "Dora D.", "role": "admin"})
    );
}

#[tokio::test]
async fn a_user_is_not_added_twice_nor_with_bad_values() {
    let folder = tempfile::tempdir().unwrap();
    let add = async |arguments: &[&str], password: &str| {
        let arguments = [&["user", "add"], arguments].concat();
        run(folder.path(), &arguments, &[], password).await
    };

    assert!(
        add(&["dora", "--role", "user"], "a long password\n")
            .await
            .status
            .success()
    );
    for (arguments, password) in [
        (&["dora", "--role", "user"][..], "a long password\n"),
        (&["erik", "--role", "user"], "short\n"),
        (&["erik", "--role", "user"], ""),
        (&["not an id", "--role", "user"], "a long password\n"),
        (&["erik", "--role", "root"], "a long password\n"),
    ] {
        let output = add(arguments, password).await;
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        let message = text(&output.stderr);
        assert!(
            !message.is_empty() && !message.contains("panicked"),
            "{message}"
        );
        assert!(!message.contains("a long password"), "{message}");
    }
}

#[tokio::test]
async fn the_first_account_is_made_once_and_its_password_told_once() {
    let mut app = TestApp::spawn().await;
    app.wait_for_log("created the account admin").await;
    let password = app.admin_password();

    app.restart().await;

    assert_eq!(app.log().matches("created the account admin").count(), 1);
    assert_eq!(app.log().matches(&password).count(), 1);
    let login = json!({"userId": "admin", "password": password});
    answer(
        app.request(Method::POST, "/api/auth/login").json(&login),
        200,
    )
    .await;
}

#[tokio::test]
async fn two_hubs_give_their_first_accounts_different_passwords() {
    let first = TestApp::spawn().await.admin_password();
    let second = TestApp::spawn().await.admin_password();

    assert_ne!(first, second);
    assert!(first.len() >= 12, "{first}");
}

#[tokio::test]
async fn sign_up_is_closed_on_an_address_others_can_reach() {
    let app = AppBuilder::default()
        .env("CAMPANILE_LISTEN", "0.0.0.0:0")
        .env("CAMPANILE_SIGNUP", "")
        .spawn()
        .await;
    let port = app.address().rsplit(':').next().unwrap();

    let body = json!({"userId": "alice", "password": "correct horse"});
    let request = app
        .client
        .post(format!("http://127.0.0.1:{port}/api/auth/signup"))
        .json(&body);

    refusal(request, 403, "signup_closed").await;
}
