//! The React application of docs/guide/react.md: a real Vite application in TypeScript, installed as the guide says.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use serde_json::json;
use tempfile::TempDir;

use crate::chromium::{Chromium, Window};
use crate::package::run;
use crate::site::{Site, hub_for};
use crate::support::port::free_port;
use crate::support::{DEADLINE, TestApp, until};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/react");
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/react.md");
const OWN: [&str; 3] = ["campanile.ts", "App.tsx", "main.tsx"];
const MOST_LINES: usize = 40;

/// A copy of the application, the hub and the back end that it names, and the server that shows it.
pub(crate) struct Application {
    pub(crate) app: TestApp,
    back_end: Site,
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Application {
    pub(crate) async fn install(fixture: &str) -> Self {
        let port = free_port();
        let app = hub_for(port).await;
        app.user("bob").await;
        let (listener, _port) = Site::bind().await;
        let back_end = Site::serve(listener, String::new());
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        copy_into(Path::new(fixture), folder.path());
        let package = reqwest::get(app.url("/campanile-client.tgz"))
            .await
            .expect("an answer");
        let package = package.bytes().await.expect("the package");
        std::fs::write(folder.path().join("campanile-client.tgz"), package).expect("a file");
        let mut npm = Command::new("npm");
        npm.args(["install", "--offline", "--no-audit", "--no-fund"]);
        run(npm.arg("./campanile-client.tgz").current_dir(folder.path()));
        Self {
            app,
            back_end,
            folder,
            port,
            server: None,
        }
    }

    /// Runs a program in its folder.
    pub(crate) fn run(&self, program: &mut Command) {
        run(program.current_dir(self.folder.path()));
    }

    fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("src").join(name)
    }

    async fn serve(&mut self, program: &mut Command) {
        let log = std::fs::File::create(self.folder.path().join("server.log")).expect("a log");
        let server = program
            .current_dir(self.folder.path())
            .env("VITE_HUB", &self.app.base_url)
            .env("BACK_END", self.back_end.next_door())
            .env("PORT", self.port.to_string())
            .env("HMR_PORT", free_port().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn();
        self.server = Some(server.expect("node"));
        until("the application is served", DEADLINE, async || {
            reqwest::get(self.address()).await.ok()
        })
        .await;
    }

    pub(crate) async fn serve_with_vite(&mut self) {
        let address = ["--strictPort", "--host", "localhost", "--port"];
        let mut vite = Command::new("npx");
        vite.arg("vite").args(address).arg(self.port.to_string());
        self.serve(&mut vite).await;
    }

    pub(crate) fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    pub(crate) async fn publish(&self, title: &str) {
        let body =
            json!({"to": {"user": "bob"}, "alarmType": "ORDER_SHIPPED", "data": {"title": title}});
        let service = self.app.service();
        let request = self.app.post(&service, "/api/alarms").json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
    }

    /// Opens the page, whose toasts are all recorded.
    async fn open(&self, window: &Window) {
        window.visit(&self.address()).await;
        window.run(RECORD).await;
        window.shows("h1", "Inbox (1)").await;
        window.shows("article", "The first").await;
        self.app.wait_for_connections(1, DEADLINE).await;
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let group = format!("-{}", server.id());
        let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        assert!(ended.is_ok_and(|status| status.success()), "kill {group}");
        server.wait().expect("the end of the server");
    }
}

/// Copies the application. What npm installed is linked, since it is much, but for the list of it, which npm writes to.
fn copy_into(fixture: &Path, folder: &Path) {
    assert!(
        fixture.join("node_modules").exists(),
        "npm ci, in its folder"
    );
    for entry in std::fs::read_dir(fixture).expect("the application") {
        let entry = entry.expect("a file").path();
        let how = if entry.ends_with("node_modules") {
            "-al"
        } else {
            "-r"
        };
        run(Command::new("cp").arg(how).arg(entry).arg(folder));
    }
    let list = "node_modules/.package-lock.json";
    std::fs::remove_file(folder.join(list)).expect("one link fewer");
    std::fs::copy(fixture.join(list), folder.join(list)).expect("a copy");
}

pub(crate) const RECORD: &str = "
    window.toasts = [];
    window.marked = true;
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.('aside p')) toasts.push(node.textContent);
    }).observe(document.body, { childList: true, subtree: true });";

#[tokio::test]
async fn a_react_application_of_forty_lines_has_an_unread_count_toasts_and_a_whole_inbox() {
    let mut example = Application::install(FIXTURE).await;
    example.run(Command::new("npx").arg("tsc"));
    example.serve_with_vite().await;
    example.publish("The first").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    example.open(&window).await;

    // StrictMode mounts everything twice: there is one toast all the same.
    example.publish("The second").await;
    window.shows("aside p", "The second").await;
    window.shows("h1", "Inbox (2)").await;

    // A change of the source while it runs: the page is not loaded again, and there is still one stream and one toast.
    let source = std::fs::read_to_string(example.source("App.tsx")).expect("a source");
    let changed = source.replace("<h1>Inbox", "<h1>My inbox");
    std::fs::write(example.source("App.tsx"), changed).expect("a source");
    window.shows("h1", "My inbox (2)").await;
    example.publish("The third").await;
    window.shows("aside p", "The third").await;
    window
        .holds("window.marked && toasts.join() === 'The second,The third'")
        .await;
    assert_eq!(example.app.connections().await.len(), 1);

    window.click("article:nth-of-type(2)").await;
    window.shows("h1", "My inbox (2)").await;
    window.click("article:nth-of-type(1) button").await;
    window
        .holds("document.querySelectorAll('article').length === 2")
        .await;
    window.click("main > button").await;
    window.shows("h1", "My inbox (0)").await;
    for number in 0..20 {
        example.publish(&format!("More {number}")).await;
    }
    window
        .holds("document.querySelectorAll('article').length === 22")
        .await;
    window.reload().await;
    window
        .holds("document.querySelectorAll('article').length === 20")
        .await;
    window.click("article ~ button").await;
    window.holds("document.querySelectorAll('article').length === 22 && !document.querySelector('article ~ button')").await;
    // The page asked its back end once for each attempt to connect, not once for each hook.
    let asked = example.back_end.tokens_given.load(Ordering::SeqCst);
    assert!(asked <= 4, "{asked} tokens");
    window.is_clean().await;
}

#[tokio::test]
async fn a_react_application_that_a_server_renders_has_one_stream_and_one_toast() {
    let mut example = Application::install(FIXTURE).await;
    example.serve(Command::new("node").arg("server.mjs")).await;
    let rendered = reqwest::get(example.address()).await.expect("an answer");
    let rendered = rendered.text().await.expect("a page");
    assert!(rendered.contains("Inbox (<!-- -->0<!-- -->)"), "{rendered}");
    assert_eq!(example.back_end.tokens_given.load(Ordering::SeqCst), 0);
    example.publish("The first").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    example.open(&window).await;
    example.publish("The second").await;

    window.shows("h1", "Inbox (2)").await;
    window.holds("toasts.join() === 'The second'").await;
    assert_eq!(example.app.connections().await.len(), 1);
    window.is_clean().await;
}

#[test]
fn the_guide_shows_the_whole_application_and_it_has_at_most_forty_lines() {
    let guide = std::fs::read_to_string(GUIDE).expect("the guide");
    let mut lines = 0;
    for name in OWN {
        let path = Path::new(FIXTURE).join("src").join(name);
        let source = std::fs::read_to_string(path).expect("a source");
        assert!(guide.contains(&source), "{name} is in the guide as it is");
        lines += source
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
    }
    assert!(lines <= MOST_LINES, "{lines} lines");
}
