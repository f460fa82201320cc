//! A hub behind the proxy that breaks connections, with accounts for every client.

use serde_json::{Value, json};

use crate::answers::answer;
use crate::cutter::Cutter;
use crate::languages::HEARTBEAT_SECONDS;
use crate::support::{AppBuilder, Claims, TestApp, sign};

/// The hub and the proxy.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) cutter: Cutter,
    /// The ids of all alarms, each of which is for every client.
    pub(crate) published: Vec<i64>,
}

impl Stage {
    /// Starts both, with a proxy of so many addresses.
    pub(crate) async fn start(hosts: u8) -> Self {
        let cutter = Cutter::start(hosts).await;
        let app = AppBuilder::default()
            .env("CAMPANILE_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS)
            .env("CAMPANILE_CORS_ORIGINS", &cutter.base_url)
            .spawn()
            .await;
        cutter.lead_to(Some(app.address()));
        Self {
            app,
            cutter,
            published: Vec::new(),
        }
    }

    /// Makes accounts, and gives a token of each.
    pub(crate) async fn tokens(&self, prefix: &str, count: usize) -> Vec<String> {
        let ids: Vec<String> = (0..count).map(|i| format!("{prefix}-{i}")).collect();
        let users: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        let request = self.app.post(&self.app.service(), "/api/users");
        answer(request.json(&users), 200).await;
        ids.iter().map(|id| sign(&Claims::of(id, "user"))).collect()
    }

    /// Publishes so many alarms to everyone.
    pub(crate) async fn publish(&mut self, count: usize) {
        for _ in 0..count {
            let id = self.app.publish(json!({"everyone": true}), "T").await;
            self.published.push(id);
        }
    }

    /// Ends every stream as an admin does.
    pub(crate) async fn disconnect_all(&self) {
        for connection in self.app.connections().await {
            let id = connection["clientId"].as_str().expect("an id");
            let path = format!("/api/admin/connections/{id}");
            let request = self.app.delete(&self.app.admin(), &path);
            let status = request.send().await.expect("an answer").status();
            // It may have ended in the meantime.
            assert!(status == 204 || status == 404, "{status}");
        }
    }

    /// Kills the hub, and starts it again on the same data while the clients try to come back.
    pub(crate) async fn crash(&mut self) {
        self.cutter.lead_to(None);
        self.app.kill().await;
        self.app.restart().await;
        self.cutter.lead_to(Some(self.app.address()));
    }
}
