//! The server under test: one child process for each `TestApp`, in a temporary folder, on a port of its own choice.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};

use super::postgres::Postgres;
use super::sse::SseClient;
use super::tls::{CERT_FILE, Identity, KEY_FILE};
use super::token::{Claims, sign};
use super::{DEADLINE, until};

/// The shared secret of every test server.
pub(crate) const SECRET: &str = "a secret that only the tests know, 0123456789";

/// Measurements need the machine for themselves: an ordinary test holds this for reading, a measuring one for writing.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// What a test wants of its server beyond the defaults.
#[derive(Default)]
pub(crate) struct AppBuilder {
    environment: Vec<(String, String)>,
    files: Vec<(&'static str, String)>,
    alone: bool,
}

impl AppBuilder {
    /// Sets one environment variable; the last value given for a name counts.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks TLS with this certificate.
    pub(crate) fn tls(mut self, identity: &Identity) -> Self {
        self.files = identity.files();
        self.env("CAMPANILE_TLS_CERT", CERT_FILE)
            .env("CAMPANILE_TLS_KEY", KEY_FILE)
    }

    /// Waits for the other tests of this binary and keeps them out: for tests that measure time.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
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
            std::fs::write(folder.path().join(name), text).expect("a file of the test's");
        }

        let mut app = TestApp {
            base_url: String::new(),
            client: client().build().expect("an HTTP client"),
            http2: client()
                .http2_prior_knowledge()
                .build()
                .expect("an HTTP/2 client"),
            folder,
            environment,
            log: Log::default(),
            child: None,
            _machine: machine,
        };
        app.start().await;
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
    environment: Vec<(String, String)>,
    log: Log,
    child: Option<Child>,
    _machine: Turn,
}

impl TestApp {
    /// A server with the default settings.
    pub(crate) async fn spawn() -> Self {
        AppBuilder::default().spawn().await
    }

    /// The absolute address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// `127.0.0.1:PORT`, for clients that speak for themselves.
    pub(crate) fn address(&self) -> &str {
        let (_scheme, address) = self.base_url.split_once("://").expect("an address");
        address
    }

    /// The folder the server runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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

    /// A request to be finished by the caller.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request in the name of whoever the token stands for.
    pub(crate) fn get(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::GET, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn post(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn put(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn delete(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path).bearer_auth(token)
    }

    /// A token of the site's back end, which needs no account.
    pub(crate) fn service(&self) -> String {
        sign(&Claims::of("backend", "service"))
    }

    /// A token of the account every server begins with.
    pub(crate) fn admin(&self) -> String {
        sign(&Claims::of("admin", "admin"))
    }

    /// Makes a user known as a site's back end does, and gives a token for the account.
    pub(crate) async fn user(&self, id: &str) -> String {
        let answer = self
            .put(&self.service(), &format!("/api/users/{id}"))
            .json(&json!({}))
            .send()
            .await
            .expect("an answer");
        assert!(
            answer.status().is_success(),
            "PUT /api/users/{id}: {answer:?}"
        );
        sign(&Claims::of(id, "user"))
    }

    /// Makes an account with a password through the sign-up, and gives the session's token.
    pub(crate) async fn sign_up(&self, id: &str, password: &str) -> String {
        let answer = self
            .request(Method::POST, "/api/auth/signup")
            .json(&json!({"userId": id, "password": password}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "sign-up of {id}");
        let session: Value = answer.json().await.expect("JSON");
        session["token"].as_str().expect("a token").to_owned()
    }

    /// Makes a room.
    pub(crate) async fn room(&self, id: &str) {
        let answer = self
            .post(&self.service(), "/api/rooms")
            .json(&json!({"id": id, "name": format!("Room {id}")}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "room {id}");
    }

    /// Publishes one alarm and gives its id.
    pub(crate) async fn publish(&self, to: Value, alarm_type: &str) -> i64 {
        let answer = self
            .post(&self.service(), "/api/alarms")
            .json(&json!({"to": to, "alarmType": alarm_type}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "publishing to {to}");
        let body: Value = answer.json().await.expect("JSON");
        body["alarms"][0]["id"].as_i64().expect("an id")
    }

    /// Opens a stream; it has been answered, but no event has been read.
    pub(crate) async fn stream(&self, token: &str, path: &str) -> SseClient {
        SseClient::open(self.get(token, path)).await
    }

    /// Opens a stream and reads its `connect` event.
    pub(crate) async fn connected(&self, token: &str, path: &str) -> SseClient {
        let mut stream = self.stream(token, path).await;
        let first = stream.next_event(DEADLINE).await;
        assert_eq!(first.name(), "connect", "{first:?}");
        stream
    }

    /// The open streams, as an admin sees them.
    pub(crate) async fn connections(&self) -> Vec<Value> {
        let answer = self
            .get(&self.admin(), "/api/admin/connections")
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "the list of connections");
        answer.json().await.expect("a list")
    }

    /// One of the server's figures, by its name and labels as `/metrics` writes them; 0 before it is first counted.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        let answer = self.request(Method::GET, "/metrics").send().await;
        let text = answer.expect("an answer").text().await.expect("text");
        let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        lines
            .find(|(found, _)| *found == name)
            .map_or(0.0, |(_, value)| value.parse().expect("a number"))
    }

    /// All reads of the database so far, but for looks at the head of the log where others may write: there the hub looks
    /// once a second by itself.
    pub(crate) async fn reads(&self) -> f64 {
        let answer = self.request(Method::GET, "/metrics").send().await;
        let text = answer.expect("an answer").text().await.expect("text");
        let reads = text
            .lines()
            .filter(|line| line.starts_with("campanile_store_reads_total{"))
            .filter(|line| !on_postgres() || !line.contains("kind=\"head\""))
            .filter_map(|line| line.rsplit_once(' '));
        reads
            .map(|(_, value)| value.parse::<f64>().expect("a number"))
            .sum()
    }

    /// Waits until exactly `count` streams are open.
    pub(crate) async fn wait_for_connections(&self, count: usize, limit: Duration) {
        until(&format!("{count} open streams"), limit, async || {
            (self.connections().await.len() == count).then_some(())
        })
        .await;
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
            Ok(status) => status.expect("the waiting thread").expect("an exit status"),
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
        let mut child = command(self.folder.path(), &self.environment)
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

        self.base_url = self.log.wait_for("listening on ", written).await;
    }

    fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("a running server");
        send_signal(name, child.id());
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
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

/// Runs the binary to its end in `folder`, with `input` on its stdin.
///
/// # Panics
/// When it does not end by itself.
pub(crate) async fn run(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut settings = default_environment(folder);
    settings.extend(
        environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    // An empty value stands for "not set", so that a test can have the real default.
    settings.retain(|(name, _)| {
        !environment
            .iter()
            .any(|(unset, value)| unset == name && value.is_empty())
    });
    let mut child = command(folder, &settings)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the process");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("stdin");
    // A command that refuses its arguments never reads its input: then the pipe is closed, which is no fault.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);

    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    match tokio::time::timeout(DEADLINE, output).await {
        Ok(output) => output.expect("the waiting thread").expect("the output"),
        Err(_) => {
            send_signal("-KILL", pid);
            panic!("`campanile {arguments:?}` did not end within {DEADLINE:?}");
        }
    }
}

fn command(folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_campanile"))
}

fn default_environment(folder: &Path) -> Vec<(String, String)> {
    [
        ("CAMPANILE_LISTEN", "127.0.0.1:0"),
        ("CAMPANILE_DATABASE_URL", &database_url(folder)),
        ("CAMPANILE_JWT_SECRET", SECRET),
        ("RUST_LOG", "info"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The one place that says which database the tests run on: a fresh one for each folder.
fn database_url(folder: &Path) -> String {
    if on_postgres() {
        Postgres::shared().database_of(folder)
    } else {
        "sqlite://campanile-data/campanile.db".to_owned()
    }
}

/// Whether this run is on PostgreSQL and not on the embedded database.
pub(crate) fn on_postgres() -> bool {
    std::env::var("CAMPANILE_TEST_DATABASE").is_ok_and(|name| name == "postgres")
}

fn client() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

fn send_signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([name, &pid.to_string()])
        .status()
        .expect("the kill command");
    assert!(status.success(), "kill {name} {pid}");
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

/// What a server has written, kept by threads of its own so that its pipes never fill.
#[derive(Clone)]
struct Log {
    text: Arc<Mutex<String>>,
    grown: watch::Sender<usize>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            text: Arc::default(),
            grown: watch::Sender::new(0),
        }
    }
}

impl Log {
    fn text(&self) -> String {
        self.text.lock().expect("the log").clone()
    }

    fn collect(&self, pipe: OwnedFd) {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(File::from(pipe));
            let mut line = Vec::new();
            while pipe
                .by_ref()
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                log.append(&String::from_utf8_lossy(&line));
                line.clear();
            }
            log.append("");
        });
    }

    fn append(&self, line: &str) {
        let mut text = self.text.lock().expect("the log");
        text.push_str(line);
        self.grown.send_replace(text.len());
    }

    /// Waits for a whole line with `needle` after the first `from` bytes, and gives the word that follows it.
    async fn wait_for(&self, needle: &str, from: usize) -> String {
        let mut grown = self.grown.subscribe();
        let found = tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(word) = self.find(needle, from) {
                    return word;
                }
                grown.changed().await.expect("the log's other end");
            }
        });
        found.await.unwrap_or_else(|_| {
            panic!(
                "the log did not say {needle:?} within {DEADLINE:?}:\n{}",
                self.text()
            )
        })
    }

    fn find(&self, needle: &str, from: usize) -> Option<String> {
        let text = self.text.lock().expect("the log");
        let (_, rest) = text.get(from..)?.split_once(needle)?;
        let (line, _) = rest.split_once('\n')?;
        Some(
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
        )
    }
}
