//! A hub inside the test's own process, for tests that need no process of their own: it is built on a listener and stops
//! when it is told to, without a signal.

use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use campanile::app;
use campanile::config::CommandLine;
use clap::Parser;
use tokio::sync::oneshot;

/// A running hub on a thread of its own. Dropping it stops the hub and waits for its end.
pub(super) struct EmbeddedHub {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedHub {
    /// Starts a hub with these settings, given as environment variables, and returns its address as a URL. A path to a
    /// file is relative to `folder`.
    pub(super) async fn start(folder: &Path, environment: &[(String, String)]) -> (Self, String) {
        let arguments = arguments(folder, environment);
        let line = CommandLine::try_parse_from(arguments).expect("good settings");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let stopped = async {
                    // Dropping the sender stops the hub as well.
                    stopped.await.unwrap_or_default();
                };
                let hub = app::build(&line.serve, listener, stopped).await;
                let hub = hub.expect("a hub");
                ready.send(hub.address()).expect("a test that waits");
                hub.run().await.expect("a graceful stop");
            });
        });
        let address = tokio::time::timeout(super::DEADLINE, address).await;
        let address = address.expect("a hub in time").expect("a hub");
        let hub = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        (hub, format!("http://{address}"))
    }
}

impl Drop for EmbeddedHub {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.transpose().expect("a hub that ends by itself");
        }
    }
}

/// The settings as flags: `CAMPANILE_JWT_SECRET` is `--jwt-secret`.
fn arguments(folder: &Path, environment: &[(String, String)]) -> Vec<String> {
    let mut arguments = vec!["campanile".to_owned()];
    for (name, value) in environment {
        if let Some(setting) = name.strip_prefix("CAMPANILE_") {
            let flag = setting.to_ascii_lowercase().replace('_', "-");
            let value = match value.strip_prefix("sqlite://") {
                Some(path) => format!("sqlite://{}", folder.join(path).display()),
                None if ["ISSUERS", "CA_FILE"].contains(&setting) => {
                    folder.join(value).display().to_string()
                }
                None => value.clone(),
            };
            arguments.push(format!("--{flag}={value}"));
        }
    }
    arguments
}
