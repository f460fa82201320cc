//! A real provider of OpenID Connect, which is a program of `tests/openid`.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support::{AppBuilder, DEADLINE, TestApp};

/// Its process, which ends with its input.
pub(crate) struct Provider {
    pub(crate) address: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Provider {
    /// Starts it, where `./test.sh` could install it.
    pub(crate) async fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openid");
        if !folder.join("node_modules/oidc-provider").exists() {
            eprintln!("NOT COVERED: tests/openid is not installed");
            return None;
        }
        let mut process = Command::new("node")
            .arg("provider.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let output = process.stdout.take().expect("its output");
        let mut provider = Self {
            address: String::new(),
            input: process.stdin.take().expect("its input"),
            output: BufReader::new(output).lines(),
            _process: process,
        };
        provider.address = provider.line().await;
        Some(provider)
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(DEADLINE, self.output.next_line()).await;
        let line = line.expect("a line in time").expect("its output");
        line.expect("a line")
    }

    /// Signs with the first of these keys from now on, and shows all.
    pub(crate) async fn use_keys(&mut self, hub: &TestApp, keys: &[&str]) {
        let command = json!({"hub": hub.base_url, "keys": keys}).to_string();
        self.input
            .write_all(format!("{command}\n").as_bytes())
            .await
            .expect("its input");
        // It prints notices as well.
        while self.line().await != "ready" {}
    }

    /// A hub that trusts it.
    pub(crate) async fn hub(&mut self, settings: &[(&str, &str)]) -> TestApp {
        let file = format!(
            "[[issuer]]\nissuer = \"{}\"\naudience = [\"urn:hub\"]\ndiscovery = true\nalgorithms = [\"ES256\"]\n\
             create_users = true\nrole = {{ claim = \"groups\", admin = [\"hub-admins\"] }}\n\n\
             [issuer.sign_in]\nname = \"company\"\nclient_id = \"campanile\"\nclient_secret_file = \"client-secret\"\n",
            self.address
        );
        let mut builder = AppBuilder::default()
            .embedded()
            .env("CAMPANILE_ISSUERS", "issuers.toml")
            .file("issuers.toml", file)
            .file("client-secret", "the secret of the client\n".to_owned());
        for (name, value) in settings {
            builder = builder.env(name, value);
        }
        let hub = builder.spawn().await;
        self.use_keys(&hub, &["one"]).await;
        hub
    }
}
