//! Backups, restores and checks of the database, and databases of other versions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stored::{database_file, publish};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, run, sign, until};

const FILE: &str = "sqlite://campanile-data/campanile.db";

async fn hub_on(url: &str) -> TestApp {
    let hub = AppBuilder::default().env("CAMPANILE_DATABASE_URL", url);
    hub.spawn().await
}

/// Runs a command on a database, with the logs of the migrations left out.
async fn command(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let settings = [("CAMPANILE_DATABASE_URL", url), ("RUST_LOG", "warn")];
    run(folder, arguments, &settings, "").await
}

fn assert_done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn assert_fails(output: &Output, code: i32, named: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(message.contains(named), "{named}: {message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
}

/// Publishes alarms for bob one after the other; gives the ids that were answered.
async fn publish_many(app: &TestApp, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for number in 0..count {
        let (status, id) = publish(app, &json!({ "n": number })).await;
        assert_eq!(status, 201);
        ids.extend(id);
    }
    ids
}

async fn status_of(app: &TestApp, token: &str) -> u16 {
    let answer = app.get(token, "/api/auth/me").send().await;
    answer.unwrap().status().as_u16()
}

/// The ids of all alarms of bob.
async fn stored(app: &TestApp) -> Vec<i64> {
    let path = "/api/stream?topic=user:bob&cursor=0";
    let request = app.get(&app.service(), path);
    let answer = request.header("Accept", "application/json").send().await;
    let page: Value = answer.unwrap().json().await.unwrap();
    let events = page["events"].as_array().unwrap().iter();
    events.filter_map(|event| event["id"].as_i64()).collect()
}

/// The actor, the action and the detail of the newest entry.
async fn newest_audit_entry(app: &TestApp) -> Value {
    let path = "/api/admin/audit?limit=1";
    // A token of the second of the restore is one of before it.
    let answer = until("a token of a later second", DEADLINE, async || {
        let answer = app.get(&app.admin(), path).send().await.unwrap();
        (answer.status() == 200).then_some(answer)
    })
    .await;
    let page: Value = answer.json().await.unwrap();
    let entry = &page["entries"][0];
    json!([entry["actor"], entry["action"], entry["detail"]])
}

fn restored_up_to(ids: &[i64]) -> Value {
    let detail = json!({"upTo": ids.last(), "keysOff": 0});
    json!(["campanile restore", "database.restore", detail])
}

#[tokio::test]
async fn a_backup_taken_under_load_is_restored_and_no_id_is_given_twice() {
    let mut app = hub_on(FILE).await;
    app.user("bob").await;
    let session = app.sign_up("carol", "a long password").await;
    let before = publish_many(&app, 40).await;

    let backup = command(app.folder(), FILE, &["backup", "copy.db"]);
    let (backup, during) = tokio::join!(backup, publish_many(&app, 40));
    assert_done(&backup);
    let after = publish_many(&app, 5).await;
    let held = command(app.folder(), FILE, &["restore", "copy.db", "--replace"]).await;
    app.stop().await;
    let refused = command(app.folder(), FILE, &["restore", "copy.db"]).await;
    let restored = command(app.folder(), FILE, &["restore", "copy.db", "--replace"]).await;
    app.restart().await;

    let copy = app.folder().join("copy.db");
    let mode = std::fs::metadata(copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_fails(&held, 2, "another campanile serves");
    assert_fails(&refused, 1, "--replace");
    assert_done(&restored);
    let there = stored(&app).await;
    assert!(there.starts_with(&before), "{there:?}");
    assert_eq!(newest_audit_entry(&app).await, restored_up_to(&there));
    let last = *after.last().unwrap();
    assert!(there.len() <= before.len() + during.len() && !there.contains(&last));
    // A client that was further than the backup misses nothing new, and nothing has an id that it knows.
    let newer = app.get(&app.service(), "/api/stream?topic=user:bob");
    let newer = newer.header("Last-Event-ID", last.to_string());
    let mut stream = crate::support::SseClient::open(newer).await;
    let new = publish_many(&app, 1).await[0];
    assert!(new > last, "{new} after {last}");
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), new);
    assert_eq!(status_of(&app, &session).await, 401);
    let replaced = app.folder().join("campanile-data/campanile.db.replaced");
    assert!(replaced.exists());
}

/// The names of the keys that sign sign-ins.
async fn signing_keys(app: &TestApp) -> Vec<Value> {
    let answer = app.request(Method::GET, "/.well-known/jwks.json").send();
    let set: Value = answer.await.unwrap().json().await.unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].clone()).collect()
}

#[tokio::test]
async fn what_was_revoked_after_the_backup_does_not_come_back() {
    let mut app = hub_on(FILE).await;
    let robot = app.service();
    let former = signing_keys(&app).await;
    let added = [
        "api-key",
        "add",
        "--name",
        "shop",
        "--scope",
        "publish:user",
    ];
    let added = command(app.folder(), FILE, &added).await;
    assert_done(&command(app.folder(), FILE, &["backup", "copy.db"]).await);
    let signed_out = app.post(&robot, "/api/auth/logout").send().await.unwrap();
    assert_eq!(signed_out.status(), 204);
    let eve = app.user("eve").await;
    let deleted = app.delete(&app.service(), "/api/users/eve").send().await;
    assert_eq!(deleted.unwrap().status(), 204);
    let key = String::from_utf8(added.stdout).unwrap().trim().to_owned();
    app.stop().await;

    assert_done(&command(app.folder(), FILE, &["restore", "copy.db", "--replace"]).await);
    app.restart().await;

    let answer = app.get(&robot, "/api/rooms").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    app.user("eve").await;
    assert_eq!(status_of(&app, &eve).await, 401, "of the deleted account");
    let keys = signing_keys(&app).await;
    assert!(!keys.is_empty() && keys.iter().all(|key| !former.contains(key)));
    let fresh = sign(&Claims::of("backend", "service"));
    let answer = app.get(&fresh, "/api/rooms").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(publishing_with(&app, &key).await, 401);
    assert_done(&command(app.folder(), FILE, &["api-key", "enable", "shop"]).await);
    until("the key is enabled", DEADLINE, async || {
        (publishing_with(&app, &key).await == 422).then_some(())
    })
    .await;
}

/// The status of publishing to nobody with an API key: 422 where the key is good.
async fn publishing_with(app: &TestApp, key: &str) -> u16 {
    let alarm = json!({"to": {"user": "nobody"}, "alarmType": "T"});
    let answer = app.post(key, "/api/alarms").json(&alarm).send().await;
    answer.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_backup_replaces_no_file_and_a_file_that_is_none_is_not_restored() {
    let mut app = hub_on(FILE).await;
    app.stop().await;
    let at = async |arguments: &[&str]| command(app.folder(), FILE, arguments).await;
    std::fs::write(app.folder().join("text"), "no database").unwrap();

    assert_fails(&at(&["backup", "text"]).await, 1, "text is there already");
    assert_fails(&at(&["restore", "text"]).await, 2, "not a database");
    assert_fails(&at(&["restore", "missing"]).await, 2, "missing");
    assert_fails(&at(&["restore"]).await, 1, "name the backup");

    let left = std::fs::read_dir(app.folder().join("campanile-data")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter()
            .all(|name| !name.to_str().unwrap().contains("restoring")),
        "{left:?}"
    );
    app.restart().await;
}

#[tokio::test]
async fn a_server_that_its_own_tools_restored_gives_no_id_twice() {
    let postgres = Postgres::shared();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database_of(folder.path());
    let mut app = hub_on(&url).await;
    app.user("bob").await;
    let session = app.sign_up("carol", "a long password").await;
    let before = publish_many(&app, 3).await;
    let dump = folder.path().join("dump");
    let tool = |name: &str, arguments: &[&str]| {
        let done = Command::new(name).args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let file = dump.to_str().unwrap();
    tool("pg_dump", &["--format=custom", "--file", file, &url]);
    let last = *publish_many(&app, 3).await.last().unwrap();
    let served = command(folder.path(), &url, &["restore"]).await;
    assert_fails(&served, 1, "stop all of them first");
    let copying = command(folder.path(), &url, &["backup", "x"]).await;
    assert_fails(&copying, 1, "pg_dump");
    app.stop().await;

    tool(
        "pg_restore",
        &[
            "--clean",
            "--if-exists",
            "--no-owner",
            "--dbname",
            &url,
            file,
        ],
    );
    assert_done(&command(folder.path(), &url, &["restore"]).await);
    app.restart().await;

    assert_eq!(stored(&app).await, before);
    assert_eq!(newest_audit_entry(&app).await, restored_up_to(&before));
    assert!(publish_many(&app, 1).await[0] > last);
    assert_eq!(status_of(&app, &session).await, 401);
    assert_done(&command(folder.path(), &url, &["check"]).await);
}

#[tokio::test]
async fn a_check_tells_a_whole_database_from_a_damaged_one() {
    let mut app = hub_on(FILE).await;
    app.user("bob").await;
    publish_many(&app, 30).await;
    let beside = command(app.folder(), FILE, &["check", "--json"]).await;
    assert_done(&beside);
    let report: Value = serde_json::from_slice(&beside.stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(
        (&report["report"]["alarms"], &report["report"]["accounts"]),
        (&json!(30), &json!(2))
    );
    app.stop().await;

    let file = database_file(&app);
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let wrong = "UPDATE log_head SET last_id = 29";
    connection.batch_execute(wrong).unwrap();
    drop(connection);
    let wrong = command(app.folder(), FILE, &["check"]).await;
    assert_fails(&wrong, 1, "not whole");
    assert!(
        String::from_utf8_lossy(&wrong.stdout).starts_with("1 alarms have ids"),
        "{wrong:?}"
    );

    let bytes = std::fs::read(&file).unwrap();
    let pages = bytes.len() / PAGE;
    // All of them but the first, and then each of some alone.
    for damage in std::iter::once(1..pages).chain((1..pages).step_by(7).map(|page| page..page + 1))
    {
        let mut bytes = bytes.clone();
        bytes[damage.start * PAGE..damage.end * PAGE].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let damaged = command(app.folder(), FILE, &["check"]).await;
        assert_fails(&damaged, 1, "not whole");
    }
}

/// The size of a page of a database file.
const PAGE: usize = 4_096;

#[tokio::test]
async fn a_database_that_needs_a_later_version_is_refused_with_one_line() {
    let postgres = Postgres::shared();
    let folder = tempfile::tempdir().unwrap();
    let later = "UPDATE compatibility SET least_version = '99.0.0'";
    let server = postgres.database_of(folder.path());
    let mut app = hub_on(FILE).await;
    app.stop().await;
    let file = database_file(&app);
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection.batch_execute(later).unwrap();
    drop(connection);
    hub_on(&server).await.stop().await;
    postgres.sql(&server, later);

    for url in [FILE, &server] {
        for arguments in [&["serve"][..], &["user", "list"], &["check"]] {
            let output = command(app.folder(), url, arguments).await;
            assert_fails(&output, 2, "needs campanile 99.0.0 or later");
        }
    }
}

#[tokio::test]
async fn a_database_of_each_released_version_is_upgraded() {
    let postgres = Postgres::shared();
    let versions = std::fs::read_dir("tests/storage/released").unwrap();
    for version in versions {
        let version = version.unwrap().path();
        let sql = |name: &str| std::fs::read_to_string(version.join(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hub.db");
        let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        connection.batch_execute(&sql("sqlite.sql")).unwrap();
        drop(connection);
        let server = postgres.database_of(folder.path());
        postgres.sql(&server, &sql("postgres.sql"));

        for url in [format!("sqlite://{}", file.display()), server] {
            eprintln!("{}: {url}", version.display());
            still_works(&hub_on(&url).await).await;
            assert_done(&command(folder.path(), &url, &["check"]).await);
        }
    }
}

/// The content of the rows of each released version, as the hub of today tells it.
async fn still_works(app: &TestApp) {
    let body = json!({"userId": "bob", "password": "a long password"});
    let sign_in = app.request(Method::POST, "/api/auth/login").json(&body);
    let session: Value = sign_in.send().await.unwrap().json().await.unwrap();
    assert_eq!(session["user"]["displayName"], "Bob B.", "{session}");
    let bob = session["token"].as_str().unwrap();
    let inbox = app.get(bob, "/api/alarms").send().await.unwrap();
    let inbox: Value = inbox.json().await.unwrap();
    let items = inbox["items"].as_array().unwrap();
    let ids: Vec<&Value> = items.iter().map(|alarm| &alarm["id"]).collect();
    assert_eq!(ids, [4, 1], "{inbox}");
    assert_eq!(inbox["meta"]["unread"], 1, "{inbox}");
    assert!(items[1]["readAt"].is_string(), "{inbox}");
    assert_eq!(status_of(app, &sign(&Claims::of("eve", "user"))).await, 403);
    let history = app.get(bob, "/api/rooms/42/messages").send().await.unwrap();
    assert!(history.text().await.unwrap().contains("Hi"));
    assert!(publish_many(app, 1).await[0] > 4);
}
