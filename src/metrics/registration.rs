//! The name and the words of each metric.

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::metrics::{Exposition, Metrics, process};

impl Metrics {
    /// Returns all metrics as text.
    pub(crate) fn text(&self, format: Exposition) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("campanile");
        self.register_log(&mut registry);
        self.register_streams(&mut registry);
        self.register_store(&mut registry);
        self.register_cluster(&mut registry);
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of this hub", version);
        let mut text = String::new();
        encode_registry(&mut text, &registry)?;
        text.push_str(&process::text());
        Ok(format.finished(text))
    }

    fn register_log(&self, registry: &mut Registry) {
        registry.register("alarms_stored", "Alarms stored", self.alarms_stored.clone());
        registry.register(
            "appends_refused",
            "Submissions that were not stored",
            self.refused.clone(),
        );
        registry.register(
            "commit_seconds",
            "Time to commit one batch",
            self.commit_seconds.clone(),
        );
        registry.register(
            "batch_alarms",
            "Alarms in one commit",
            self.batch_alarms.clone(),
        );
        registry.register(
            "waiting_alarms",
            "Alarms that wait to be stored",
            self.waiting_alarms.clone(),
        );
        registry.register(
            "publish_seconds",
            "Time from taking a submission to the end of its commit",
            self.publish_seconds.clone(),
        );
        registry.register(
            "delivery_seconds",
            "Time from the commit of an alarm to the hand-over to the connection of a client",
            self.delivery_seconds.clone(),
        );
    }

    fn register_streams(&self, registry: &mut Registry) {
        registry.register("streams", "Streams open now", self.streams.clone());
        registry.register(
            "transport_streams",
            "Streams and polls open now, by transport and HTTP version",
            self.open_streams.clone(),
        );
        registry.register(
            "users_online",
            "Users who have a stream open now",
            self.users.clone(),
        );
        registry.register(
            "deliveries",
            "Events queued for clients",
            self.deliveries.clone(),
        );
        registry.register(
            "replayed_alarms",
            "Alarms read back from the log for clients that missed them",
            self.replayed_alarms.clone(),
        );
        registry.register(
            "replay_alarms",
            "Alarms of one replay from the log",
            self.replay_alarms.clone(),
        );
        registry.register(
            "gaps",
            "Streams and polls that began outside of the log that is kept",
            self.gaps.clone(),
        );
        registry.register(
            "streams_closed",
            "Streams the hub ended",
            self.closed.clone(),
        );
        registry.register(
            "sign_ins_failed",
            "Sign-ins that failed",
            self.sign_ins_failed.clone(),
        );
    }

    fn register_store(&self, registry: &mut Registry) {
        registry.register(
            "unknown_api_keys",
            "Requests with an API key that the hub does not know",
            self.unknown_api_keys.clone(),
        );
        registry.register(
            "store_reads",
            "Questions the database was asked",
            self.store_reads.clone(),
        );
        registry.register(
            "pruning_seconds",
            "Time that a batch of pruning takes in the database",
            self.pruning_seconds.clone(),
        );
        registry.register(
            "store_wait_seconds",
            "Time that work waits for a connection to the database",
            self.store_wait.clone(),
        );
        registry.register(
            "store_work_seconds",
            "Time that work takes in the database",
            self.store_work.clone(),
        );
    }

    /// The metrics of several hubs on one database.
    fn register_cluster(&self, registry: &mut Registry) {
        registry.register(
            "signals",
            "Signals of the hubs on the same database",
            self.signals.clone(),
        );
        registry.register(
            "leases_lost",
            "Times at which another hub took this one for dead",
            self.leases_lost.clone(),
        );
        registry.register(
            "bell_works",
            "1 while this hub hears its own bell",
            self.bell_works.clone(),
        );
        registry.register(
            "bell_seconds",
            "Time from ringing the bell to hearing it",
            self.bell_seconds.clone(),
        );
        registry.register("looks", "Looks at what other hubs did", self.looks.clone());
        registry.register(
            "catch_ups",
            "Times that alarms of other hubs were read from the log",
            self.catch_ups.clone(),
        );
        registry.register(
            "epoch_jumps",
            "Jumps of the counter of ids",
            self.epoch_jumps.clone(),
        );
    }
}
