//! A primary with a synchronous standby, and what can happen to them.

use serde_json::json;

use crate::support::postgres::{Postgres, signal};
use crate::support::{DEADLINE, TestApp, until};

/// Two servers of one database, and the URL that names both.
pub(crate) struct Servers {
    pub(crate) primary: Postgres,
    pub(crate) standby: Postgres,
    /// The database by both servers.
    pub(crate) url: String,
    /// The database by one of them.
    by_primary: String,
    by_standby: String,
}

impl Servers {
    pub(crate) async fn start() -> Self {
        let primary = Postgres::start();
        let by_primary = primary.database("hub");
        let standby = primary.standby();
        let both = format!("{},{}", primary.address(), standby.address());
        let servers = Self {
            url: by_primary.replace(&primary.address(), &both),
            by_standby: by_primary.replace(&primary.address(), &standby.address()),
            by_primary,
            primary,
            standby,
        };
        servers.primary.set("synchronous_standby_names = '*'");
        servers
            .until_primary_says("SELECT sync_state FROM pg_stat_replication", "sync")
            .await;
        servers
    }

    /// Waits until a query has a result on the primary.
    pub(crate) async fn until_primary_says(&self, sql: &str, wanted: &str) {
        until(&format!("{sql}: {wanted}"), DEADLINE, async || {
            (self.on_primary(sql) == wanted).then_some(())
        })
        .await;
    }

    pub(crate) fn on_primary(&self, sql: &str) -> String {
        self.primary.sql(&self.by_primary, sql)
    }

    pub(crate) fn on_standby(&self, sql: &str) -> String {
        self.standby.sql(&self.by_standby, sql)
    }

    /// The standby stands still: commits wait for it.
    pub(crate) fn freeze_standby(&self) {
        signal("-STOP", &self.standby.processes());
    }

    pub(crate) fn thaw_standby(&self) {
        signal("-CONT", &self.standby.processes());
    }

    /// Both end as in a power cut, and the standby takes over with what it has on its disk.
    pub(crate) async fn fail_over(&self) {
        let process = self.standby.processes()[0];
        self.primary.kill();
        self.standby.kill();
        // Until it is reaped, its lock file counts.
        let entry = format!("/proc/{process}");
        until("the end of the standby", DEADLINE, async || {
            (!std::path::Path::new(&entry).exists()).then_some(())
        })
        .await;
        self.standby.control(&["start"]);
        self.standby.control(&["promote"]);
    }
}

/// Publishes to a user until it is acknowledged, always as the same request; gives the id.
pub(crate) async fn acknowledged(hub: &TestApp, to: &str, key: &str) -> i64 {
    let service = hub.service();
    until(&format!("{key} acknowledged"), DEADLINE, async || {
        let body = json!({"to": {"user": to}, "alarmType": "T", "data": key});
        let publish = hub
            .post(&service, "/api/alarms")
            .header("Idempotency-Key", key);
        let answer = publish.json(&body).send().await.ok()?;
        if answer.status() != 201 {
            return None;
        }
        let answer: serde_json::Value = answer.json().await.ok()?;
        answer["alarms"][0]["id"].as_i64()
    })
    .await
}
