//! The languages of the clients: how a program is started, and the libraries that it knows.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The silence after which the hub sends a heartbeat. A client gives a stream up after three, which is not to take long here.
pub(crate) const HEARTBEAT_SECONDS: &str = "3";

/// One language, with the names that its program has for its kinds of clients.
pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [&'static str],
    /// Its programs on this machine, each with an argument that makes it say its version.
    needs: &'static [(&'static str, &'static str)],
    /// The file that `./test.sh` installs, in the language's own folder.
    installed: &'static str,
    command: &'static [&'static str],
}

pub(crate) const NODE: Language = Language {
    name: "node",
    kinds: &[
        "eventsource",
        "@microsoft/fetch-event-source",
        "event-source-polyfill",
        "reconnecting-eventsource",
        "launchdarkly-eventsource",
        "undici",
        "undici (NDJSON)",
        "ws",
    ],
    needs: &[("node", "--version")],
    installed: "node_modules/ws",
    command: &["node", "client.mjs"],
};

pub(crate) const PYTHON: Language = Language {
    name: "python",
    kinds: &[
        "httpx-sse",
        "aiohttp-sse-client2",
        "sseclient-py",
        "requests (NDJSON)",
        "requests (long polling)",
        "websockets",
    ],
    needs: &[("python3", "--version")],
    installed: "packages/jwt",
    command: &["python3", "client.py"],
};

pub(crate) const JAVA: Language = Language {
    name: "java",
    kinds: &[
        "HttpClient",
        "HttpClient (NDJSON)",
        "HttpClient (WebSocket)",
        "okhttp-sse",
    ],
    needs: &[("java", "-version")],
    installed: "lib/jjwt-api-0.13.0.jar",
    command: &["java", "-cp", "lib/*", "Client.java"],
};

pub(crate) const GO: Language = Language {
    name: "go",
    kinds: &["go-sse", "net/http (NDJSON)", "coder/websocket"],
    needs: &[],
    installed: "client",
    command: &["./client"],
};

pub(crate) const CURL: Language = Language {
    name: "curl",
    kinds: &["curl"],
    needs: &[("bash", "--version"), ("curl", "--version")],
    installed: "client.sh",
    command: &["./client.sh"],
};

pub(crate) const ALL: [&Language; 5] = [&NODE, &PYTHON, &JAVA, &GO, &CURL];

impl Language {
    /// True if its clients can run here. Otherwise standard error tells what is not covered, past the test runner, which keeps what a test
    /// that passes has printed.
    pub(crate) fn is_here(&self) -> bool {
        let missing = self.needs.iter().find(|(program, version)| {
            let run = std::process::Command::new(program)
                .arg(version)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            !run.is_ok_and(|status| status.success())
        });
        let reason = match missing {
            Some((program, _)) => format!("there is no {program}"),
            None if !self.folder().join(self.installed).exists() => {
                "its packages are not installed; ./test.sh --install says why".to_owned()
            }
            None => return true,
        };
        let kinds = self.kinds.join(", ");
        let line = format!("NOT COVERED: {} ({kinds}): {reason}\n", self.name);
        std::io::stderr().write_all(line.as_bytes()).ok();
        false
    }

    /// The program that is the client of each kind.
    pub(crate) fn program(&self) -> Command {
        self.command(self.command)
    }

    /// A command in the language's folder, with its packages.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder())
            .env("PYTHONPATH", "packages")
            .env("CAMPANILE_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS)
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/clients")
            .join(self.name)
    }
}
