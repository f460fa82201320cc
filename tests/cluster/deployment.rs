//! The files of `deploy/`, which the profile `cluster` of `compose.yaml` uses, tried as processes: the scripts that start the servers, the
//! balancer's configuration, and the failover as docs/guide/cluster.md tells it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::port::free_port;
use crate::support::postgres::{PASSWORD, Postgres, signal};
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file)
}

/// A process, and the signal that ends it with the test.
struct Running(Child, &'static str);

impl Drop for Running {
    fn drop(&mut self) {
        signal(self.1, &[self.0.id()]);
        self.0.wait().expect("its end");
    }
}

/// A server that `start.sh` starts, as the container does: the image's own entry point only runs what it is given.
struct Follower {
    port: u16,
    folder: TempDir,
    _server: Running,
}

impl Follower {
    fn of(port_of_primary: u16) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        fs::copy(deploy("postgres/start.sh"), folder.path().join("start.sh")).unwrap();
        let entry = folder.path().join("docker-entrypoint.sh");
        fs::write(&entry, "#!/bin/sh\nexec \"$@\"\n").unwrap();
        let status = Command::new("chmod").arg("0755").arg(&entry).status();
        assert!(status.unwrap().success());
        Postgres::give_folder(folder.path());
        let here = folder.path().display();
        let script = format!(
            "cd {here} && PATH={here}:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH PGDATA={here}/data \
             FOLLOWS=127.0.0.1 FOLLOWS_PORT={port_of_primary} POSTGRES_PASSWORD={PASSWORD} \
             exec sh {here}/start.sh -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={here}"
        );
        Self {
            port,
            _server: Running(Postgres::beside("sh", &["-c", &script]), "-QUIT"),
            folder,
        }
    }

    fn promote(&self) {
        let data = self.folder.path().join("data").display().to_string();
        let mut promoting = Postgres::beside("pg_ctl", &["promote", "-w", "-D", &data]);
        assert!(promoting.wait().unwrap().success());
    }
}

/// Runs `primary.sh` as the image does once, when it makes the first primary.
fn make_primary() -> Postgres {
    let primary = Postgres::start();
    let (address, data) = (primary.address(), primary.data());
    let (host, port) = address.split_once(':').unwrap();
    let status = Command::new("sh")
        .arg(deploy("postgres/primary.sh"))
        .env("PGHOST", host)
        .env("PGPORT", port)
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATA", &data)
        .env("POSTGRES_USER", "campanile")
        .env("POSTGRES_PASSWORD", PASSWORD)
        .status();
    assert!(status.unwrap().success());
    primary
}

/// HAProxy with the configuration of `deploy/`, before these hubs.
struct Balancer {
    url: String,
    _folder: TempDir,
    _process: Running,
}

impl Balancer {
    fn before(hubs: &[TestApp]) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut text = fs::read_to_string(deploy("haproxy/haproxy.cfg")).unwrap();
        text = text.replace("bind :8080", &format!("bind 127.0.0.1:{port}"));
        for (number, hub) in (1..).zip(hubs) {
            text = text.replace(&format!("hub{number}:8080"), hub.address());
        }
        let here = folder.path().display().to_string();
        let text = text.replace("/usr/local/etc/haproxy", &here);
        fs::copy(deploy("haproxy/away.http"), folder.path().join("away.http")).unwrap();
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, text).unwrap();
        let process = Command::new("haproxy")
            .arg("-db")
            .arg("-f")
            .arg(&file)
            .spawn();
        Self {
            url: format!("http://127.0.0.1:{port}"),
            _process: Running(process.expect("haproxy, from its package"), "-TERM"),
            _folder: folder,
        }
    }

    /// Publishes until it is acknowledged; gives the id.
    async fn acknowledged(&self, hub: &TestApp, key: &str) -> i64 {
        let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": key});
        until(&format!("{key} acknowledged"), DEADLINE, async || {
            let request = hub.client.post(format!("{}/api/alarms", self.url));
            let request = request.bearer_auth(hub.service()).json(&body);
            let answer = request.header("Idempotency-Key", key).send().await.ok()?;
            let answer: Value = answer.json().await.ok()?;
            answer["alarms"][0]["id"].as_i64()
        })
        .await
    }

    async fn stream(&self, hub: &TestApp, token: &str, cursor: i64) -> SseClient {
        let path = format!("{}/api/stream?cursor={cursor}", self.url);
        until("a stream through the balancer", DEADLINE, async || {
            let request = hub.client.get(&path).bearer_auth(token);
            let answer = request.header("Accept", "text/event-stream").send().await;
            let mut stream = SseClient::of(answer.ok()?).await;
            // While no hub is ready the balancer gives streams without events.
            let first = stream.event_or_end(DEADLINE).await?;
            (first.name() == "connect").then_some(stream)
        })
        .await
    }
}

#[tokio::test]
async fn the_deployment_survives_a_hub_and_a_failover_as_the_guide_tells_it() {
    let primary = make_primary();
    let one = primary.database("hub");
    primary.control(&["restart"]);
    let port = primary.address().split_once(':').unwrap().1.parse();
    let follower = Follower::of(port.unwrap());
    let both = format!("{},127.0.0.1:{}", primary.address(), follower.port);
    let url = one.replace(&primary.address(), &both);
    until("a synchronous standby", DEADLINE, async || {
        let states = "SELECT sync_state FROM pg_stat_replication";
        (primary.sql(&one, states) == "quorum").then_some(())
    })
    .await;
    let hubs = (0..3).map(|_hub| {
        AppBuilder::default()
            .env("CAMPANILE_DATABASE_URL", &url)
            .env("CAMPANILE_REQUIRE_STANDBY", "on")
            .spawn()
    });
    let mut hubs = join_all(hubs).await;
    let balancer = Balancer::before(&hubs);
    let bob = hubs[2].user("bob").await;
    let first = balancer.acknowledged(&hubs[2], "first").await;

    // A hub is gone: the balancer finds out by `/readyz`.
    hubs[0].kill().await;
    let second = balancer.acknowledged(&hubs[2], "second").await;
    let mut stream = balancer.stream(&hubs[2], &bob, 0).await;
    for id in [first, second] {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
    // The failover of the guide: the primary ends, the standby is promoted, the old primary follows it with an empty folder.
    primary.kill();
    follower.promote();
    let back = Follower::of(follower.port);
    let third = balancer.acknowledged(&hubs[2], "third").await;

    assert!(third > second + (1 << 20), "{third}");
    let mut stream = balancer.stream(&hubs[2], &bob, second).await;
    let shown = stream.next_named("alarm", DEADLINE).await.number();
    assert_eq!(shown, third);
    drop(back);
}
