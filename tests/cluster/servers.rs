//! A primary with a synchronous standby, and what can happen to them.

use serde_json::json;

use crate::support::postgres::{Postgres, signal};
use crate::support::{DEADLINE, TestApp, until};
use crate::torture::database::log_of;
use crate::torture::ledger::Entry;

/// Commits wait until a standby has them on its disk too.
const WITH_STANDBY: &str = "synchronous_standby_names = '*'";

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
        servers.primary.set(WITH_STANDBY);
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

    /// The primary ends as in a power cut.
    pub(crate) fn cut_power_of_primary(&self) {
        self.primary.kill();
    }

    /// The standby becomes the primary, after the primary has ended; gives the one that has ended its new role.
    pub(crate) async fn take_turns(&mut self) {
        let dead = self.primary.processes();
        self.standby.set(WITH_STANDBY);
        self.standby.control(&["promote"]);
        std::mem::swap(&mut self.primary, &mut self.standby);
        std::mem::swap(&mut self.by_primary, &mut self.by_standby);
        forgotten(&dead).await;
        self.standby.follow(&self.primary);
        self.until_primary_says("SELECT sync_state FROM pg_stat_replication", "sync")
            .await;
    }

    /// The database by the primary alone.
    pub(crate) fn by_primary(&self) -> &str {
        &self.by_primary
    }

    /// Commits that wait for the standby lose their backends: the rows are there and are shown, though nobody is told so.
    pub(crate) async fn kill_waiting_commits(&self) {
        let waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";
        self.until_primary_says(&format!("SELECT count(*) > 0 {waiting}"), "t")
            .await;
        self.on_primary(&format!("SELECT pg_terminate_backend(pid) {waiting}"));
    }

    /// The standby takes over and lacks rows that were shown; the primary is left for good.
    pub(crate) async fn lose_what_was_shown(&self) {
        self.freeze_standby();
        self.kill_waiting_commits().await;
        self.fail_over().await;
    }

    /// The log as the standby has it after it took over.
    pub(crate) fn log_of_standby(&self) -> Vec<Entry> {
        log_of(&self.standby, &self.by_standby)
    }

    /// The log as the primary has it.
    pub(crate) fn log(&self) -> Vec<Entry> {
        log_of(&self.primary, &self.by_primary)
    }

    /// The primary stands still, without a word to anybody, and the standby takes over.
    pub(crate) fn promote_beside_a_frozen_primary(&self) -> Vec<u32> {
        let frozen = self.primary.processes();
        signal("-STOP", &frozen);
        self.standby.control(&["promote"]);
        frozen
    }

    /// Both end as in a power cut, and the standby takes over with what it has on its disk.
    pub(crate) async fn fail_over(&self) {
        let processes = self.standby.processes();
        self.primary.kill();
        self.standby.kill();
        forgotten(&processes).await;
        self.standby.control(&["start"]);
        self.standby.control(&["promote"]);
    }
}

/// Waits until nothing of some processes is left: until they are reaped, their lock file counts.
async fn forgotten(processes: &[u32]) {
    until("the end of the processes", DEADLINE, async || {
        let exists = |id: &u32| std::path::Path::new(&format!("/proc/{id}")).exists();
        (!processes.iter().any(exists)).then_some(())
    })
    .await;
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
