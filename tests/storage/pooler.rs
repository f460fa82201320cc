//! A real PgBouncer before the server, in transaction mode: each transaction may run in another session.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stored::publish;
use crate::support::port::free_port;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::{AppBuilder, DEADLINE, until};

/// Fewer sessions than a hub has connections, so that each is everybody's.
const SESSIONS: u32 = 2;

/// A look sees one of the sessions.
const LOOKS: u32 = 8 * SESSIONS;

struct Pooler {
    process: Child,
    _folder: tempfile::TempDir,
    address: String,
}

impl Pooler {
    /// With settings besides those that it needs.
    async fn before(postgres: &Postgres, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, path) = (free_port(), folder.path().display());
        let (host, server_port) = postgres.address().split_once(':').map(own).unwrap();
        let settings = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {path}/users\n\
             pool_mode = transaction\ndefault_pool_size = {SESSIONS}\nmax_client_conn = 200\n{settings}"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let users = format!("\"campanile\" \"{PASSWORD}\"\n");
        std::fs::write(folder.path().join("users"), users).unwrap();
        Postgres::give_folder(folder.path());
        let pooler = Self {
            process: Postgres::beside("pgbouncer", &[file.to_str().unwrap()]),
            _folder: folder,
            address: format!("127.0.0.1:{port}"),
        };
        until("a pooler that listens", DEADLINE, async || {
            let connected = tokio::net::TcpStream::connect(&pooler.address).await;
            connected.ok().map(drop)
        })
        .await;
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn own((host, port): (&str, &str)) -> (String, String) {
    (host.to_owned(), port.to_owned())
}

#[tokio::test]
async fn a_hub_behind_a_pooler_of_transactions_publishes_streams_and_is_restarted_at_once() {
    publish_and_restart("").await;
}

/// Many poolers are told to, for the sake of other drivers.
#[tokio::test]
async fn so_does_one_behind_a_pooler_that_passes_over_the_options_of_a_connection() {
    publish_and_restart("ignore_startup_parameters = extra_float_digits,options\n").await;
}

async fn publish_and_restart(settings: &str) {
    let postgres = Postgres::start();
    let pooler = Pooler::before(&postgres, settings).await;
    let direct = postgres.database("hub");
    let url = direct.replace(&postgres.address(), &pooler.address);
    let hub = || AppBuilder::default().env("CAMPANILE_DATABASE_URL", &url);

    let begin = Instant::now();
    let (mut app, other) = tokio::join!(hub().spawn(), hub().spawn());
    let bob = app.user("bob").await;
    let mut last = 0;
    for _start in 0..3 {
        let mut stream = app
            .connected(&bob, &format!("/api/stream?cursor={last}"))
            .await;
        let some = (0..40).map(|at| publish(if at % 4 == 0 { &other } else { &app }, &Value::Null));
        let answers = futures::future::join_all(some).await;
        assert!(
            answers.iter().all(|(status, _)| *status == 201),
            "{answers:?}"
        );
        for id in last + 1..=last + 40 {
            assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
        }
        last += 40;
        app.kill().await;
        app.restart().await;
    }
    let took = begin.elapsed();

    assert!(
        took < Duration::from_secs(30),
        "no lock was left behind: {took:?}"
    );
    for log in [app.log(), other.log()] {
        assert!(!log.contains("ERROR"), "{log}");
        assert!(!log.contains("prepared statement"), "{log}");
    }
    let left = "SELECT current_setting('statement_timeout'), count(*), (SELECT count(*) FROM pg_listening_channels()), \
                (SELECT count(*) FROM pg_prepared_statements) FROM pg_locks WHERE locktype = 'advisory'";
    for _look in 0..LOOKS {
        assert_eq!(
            postgres.sql(&url, left),
            "0|0|0|0",
            "no session keeps anything"
        );
    }
}
