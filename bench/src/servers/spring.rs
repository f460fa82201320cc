//! Spring's `SseEmitter` on Tomcat: the application `bench/peers/spring`, which the bench carries within itself and builds with Maven beside its own
//! binary when it is first asked for.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{alarm_text, channel, endpoint, free_address, own_binary, user_channel};
use crate::servers::programs;
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(super) struct Spring {
    running: Running,
    address: SocketAddr,
}

impl Spring {
    /// Builds the application, unless that was done before; gives its folder.
    pub(super) fn build() -> Result<PathBuf> {
        programs::expect_installed(&["java"])?;
        let own = own_binary()?;
        let folder = own.parent().unwrap_or(Path::new(".")).join("bench-spring");
        let built = folder.join("built-from");
        let sources = format!("{PROJECT}{PROGRAM}");
        if fs::read_to_string(&built).is_ok_and(|before| before == sources) {
            return Ok(folder);
        }
        programs::expect_installed(&["mvn"])?;
        eprintln!("campanile-bench: building the Spring application");
        let program = folder.join("src/main/java/campanile/bench");
        fs::create_dir_all(&program)?;
        fs::write(folder.join("pom.xml"), PROJECT)?;
        fs::write(program.join("Peer.java"), PROGRAM)?;
        let output = Command::new("mvn")
            .current_dir(&folder)
            .args(["-B", "-q", "compile", "dependency:copy-dependencies"])
            .arg("-DoutputDirectory=lib")
            .output()?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stdout);
            return Err(format!("mvn cannot build it: {told}").into());
        }
        fs::write(built, sources)?;
        Ok(folder)
    }

    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let folder = Self::build()?;
        let folder = folder.display();
        let address = free_address()?;
        let mut command = Command::new("java");
        command
            .arg("-XX:+UseSerialGC")
            .arg("-cp")
            .arg(format!("{folder}/target/classes:{folder}/lib/*"))
            .arg("campanile.bench.Peer")
            .arg(format!("--server.port={}", address.port()));
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

impl Server for Spring {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let path = format!("/{}", user_channel(user, audience));
        Ok(http::get(&path, "Accept: text/event-stream\r\n").into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let path = format!("/{}", channel(audience));
        let headers = "Content-Type: text/plain\r\n";
        Template::new(&http::post(&path, headers, &alarm_text(audience)))
    }

    /// Until its code is compiled.
    fn warming_up(&self) -> Option<Duration> {
        Some(COMPILING)
    }
}

const PROJECT: &str = include_str!("../../peers/spring/pom.xml");

const PROGRAM: &str = include_str!("../../peers/spring/src/main/java/campanile/bench/Peer.java");

/// After that much publishing a delivery costs no less than later.
const COMPILING: Duration = Duration::from_secs(6);
