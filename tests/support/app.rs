//! The server under test: one for each `TestApp`, with a temporary folder and a port of its own choice, as a child process
//! or inside the test's process. Requests to it are in `client`.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::DEADLINE;
use super::client::client;
use super::embedded::EmbeddedHub;
use super::log::Log;
use super::process::{binary, command, default_environment, send_signal};
use super::tls::{CERT_FILE, Identity, KEY_FILE};

/// Measurements need the machine for themselves: an ordinary test holds this for reading, a measuring one for writing.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// The settings of a test's server that differ from the defaults.
#[derive(Default)]
pub(crate) struct AppBuilder {
    environment: Vec<(String, String)>,
    files: Vec<(String, String)>,
    alone: bool,
    embedded: bool,
    binary: Option<PathBuf>,
}

impl AppBuilder {
    /// Sets one environment variable; the last value given for a name counts.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks TLS with this certificate.
    pub(crate) fn tls(mut self, identity: &Identity) -> Self {
        let files = identity.files().into_iter();
        self.files
            .extend(files.map(|(name, text)| (name.to_owned(), text)));
        self.env("CAMPANILE_TLS_CERT", CERT_FILE)
            .env("CAMPANILE_TLS_KEY", KEY_FILE)
    }

    /// Puts a file into the folder of the server; its name may hold folders.
    pub(crate) fn file(mut self, name: &str, text: String) -> Self {
        self.files.push((name.to_owned(), text));
        self
    }

    /// Runs this binary in place of the one under test.
    pub(crate) fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.to_owned());
        self
    }

    /// Waits for the other tests of this binary and keeps them out: for tests that measure time.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Runs the server inside the test's process: for tests that send it no signal and read no log.
    pub(crate) fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// Starts the server and waits until it listens.
    pub(crate) async fn spawn(self) -> TestApp {
        let machine = if self.alone {
            Turn::Alone(MACHINE.write().await)
        } else {
            Turn::Shared(MACHINE.read().await)
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut environment = default_environment(folder.path());
        environment.extend(self.environment);
        for (name, text) in self.files {
            let path = folder.path().join(name);
            let parent = path.parent().expect("a folder");
            std::fs::create_dir_all(parent).expect("a folder of the test's");
            std::fs::write(path, text).expect("a file of the test's");
        }

        let mut app = TestApp {
            base_url: String::new(),
            client: client().build().expect("an HTTP client"),
            http2: client()
                .http2_prior_knowledge()
                .build()
                .expect("an HTTP/2 client"),
            folder,
            binary: self.binary.unwrap_or_else(binary),
            environment,
            log: Log::default(),
            child: None,
            hub: None,
            _machine: machine,
        };
        if self.embedded {
            let (hub, base_url) = EmbeddedHub::start(app.folder.path(), &app.environment).await;
            app.hub = Some(hub);
            app.base_url = base_url;
        } else {
            app.start().await;
        }
        app
    }
}

/// A running server. Dropping it ends its process, and only that one.
pub(crate) struct TestApp {
    /// `http://127.0.0.1:PORT` (or `https://`), another one after each restart.
    pub(crate) base_url: String,
    /// Follows no redirects and keeps no cookies.
    pub(crate) client: Client,
    /// As [`Self::client`], with HTTP/2 in clear text.
    pub(crate) http2: Client,
    folder: TempDir,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    log: Log,
    child: Option<Child>,
    /// The hub inside this process, in place of the child.
    hub: Option<EmbeddedHub>,
    _machine: Turn,
}

impl TestApp {
    /// A server with the default settings.
    pub(crate) async fn spawn() -> Self {
        AppBuilder::default().spawn().await
    }

    /// A server with the default settings inside the test's process.
    pub(crate) async fn embedded() -> Self {
        AppBuilder::default().embedded().spawn().await
    }

    /// The folder the server runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The value of one of the server's environment variables.
    pub(crate) fn setting(&self, name: &str) -> String {
        let mut settings = self.environment.iter().rev();
        let found = settings.find(|(known, _value)| known == name);
        found.expect("a setting").1.clone()
    }

    /// Everything the server has written to stdout and stderr, over all its starts.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until the log holds `text`.
    pub(crate) async fn wait_for_log(&self, text: &str) {
        self.log.wait_for(text, 0).await;
    }

    /// The password of the first account, which the log tells once.
    pub(crate) fn admin_password(&self) -> String {
        let log = self.log();
        let (_, rest) = log
            .split_once("created the account admin with the password ")
            .unwrap_or_else(|| panic!("the log names the password of the first account:\n{log}"));
        rest.split_whitespace()
            .next()
            .expect("a password")
            .to_owned()
    }

    /// Asks the server to stop (SIGTERM), waits for its end and tells how long that took.
    pub(crate) async fn stop(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        self.signal("-TERM");
        let status = self.ended().await;
        (status, begin.elapsed())
    }

    /// Sends SIGTERM and returns at once.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Sends SIGINT, as Ctrl-C does, and returns at once.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends SIGHUP, as an operator does who renewed the certificate.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// The id of the server's process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.as_ref().expect("a running server").id()
    }

    /// The resident memory of the server, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process_id());
        let status = std::fs::read_to_string(status).expect("the status of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// Ends the server as a power cut would (SIGKILL).
    pub(crate) async fn kill(&mut self) {
        self.signal("-KILL");
        self.ended().await;
    }

    /// Ends the server as a power cut would, while others are still busy with it; [`Self::ended`] waits for the end.
    pub(crate) fn cut_power(&self) {
        self.signal("-KILL");
    }

    /// Starts the server again on the same folder, after [`Self::stop`] or [`Self::kill`], or stops it first.
    pub(crate) async fn restart(&mut self) {
        if self.child.is_some() {
            self.stop().await;
        }
        self.start().await;
    }

    /// Waits until the server has ended by itself or by a signal.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a running server");
        let pid = child.id();
        let end = tokio::task::spawn_blocking(move || child.wait());
        match tokio::time::timeout(DEADLINE, end).await {
            Ok(status) => {
                assert!(!self.log().contains("panicked"), "{}", self.log());
                status.expect("the waiting thread").expect("an exit status")
            }
            Err(_) => {
                send_signal("-KILL", pid);
                panic!(
                    "the server did not end within {DEADLINE:?}:\n{}",
                    self.log()
                );
            }
        }
    }

    async fn start(&mut self) {
        let written = self.log.text().len();
        let mut child = command(&self.binary, self.folder.path(), &self.environment)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server's process");
        self.log
            .collect(child.stdout.take().expect("stdout").into());
        self.log
            .collect(child.stderr.take().expect("stderr").into());
        self.child = Some(child);

        let told = self.log.wait_for("listening on ", written).await;
        // In a log of JSON the line goes on after it.
        let address = told.split('"').next().unwrap_or_default();
        self.base_url = address.to_owned();
    }

    fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("a running server");
        send_signal(name, child.id());
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The hub uses the folder, which goes with the rest.
        drop(self.hub.take());
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to end.
            if child.kill().is_ok() {
                child.wait().expect("the end of the server's process");
            }
        }
        if std::thread::panicking() {
            eprintln!("---- the server's log ----\n{}", tail(&self.log.text()));
        }
    }
}

fn tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[expect(dead_code, reason = "held for what its end sets free")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}
