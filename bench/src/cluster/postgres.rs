//! A PostgreSQL of the bench's own: a fresh cluster in a folder on the disk, which syncs each commit.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Pid;
use tempfile::TempDir;

use crate::error::Result;
use crate::run::Ground;

/// A running server; dropping it ends it and removes its folder.
pub(super) struct Postgres {
    folder: TempDir,
    address: SocketAddr,
}

impl Postgres {
    /// Starts it on every core, as the hubs are.
    pub(super) fn start(ground: &Ground) -> Result<Self> {
        let folder = TempDir::with_prefix_in("bench-postgres-", ground.data())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let server = Self { folder, address };
        if is_root() {
            run(Command::new("chown")
                .arg("postgres:")
                .arg(server.folder.path()))?;
        }
        let authentication = "--auth=trust";
        run(as_server("initdb").arg("-D").arg(server.data()).args([
            "-U",
            ROLE,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            authentication,
        ]))?;
        let file = server.data().join("postgresql.conf");
        let defaults = fs::read_to_string(&file)?;
        fs::write(&file, defaults + &server.settings())?;
        ground.on_every_core(|| server.control(&["start"]))??;
        Ok(server)
    }

    /// A new database; gives its URL.
    pub(super) fn database(&self, name: &str) -> Result<String> {
        let statement = format!("CREATE DATABASE {name}");
        let postgres = self.url("postgres");
        run(as_server("psql").args(["-Xq", "-d", &postgres, "-c", &statement]))?;
        Ok(self.url(name))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that starts its others.
    pub(super) fn pid(&self) -> Result<Pid> {
        let text = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let first = text.lines().next().unwrap_or_default();
        let pid = Pid::from_raw(first.trim().parse()?);
        pid.ok_or_else(|| "the database server has no process".into())
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@{}/{database}", self.address)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn settings(&self) -> String {
        format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nmax_connections = 400\n\
             fsync = on\nsynchronous_commit = on\n",
            self.address.port(),
            self.folder.path().display(),
        )
    }

    fn control(&self, arguments: &[&str]) -> Result<()> {
        let log = self.folder.path().join("log");
        let mut command = as_server("pg_ctl");
        command.args(["-w", "-s", "-D"]).arg(self.data());
        command.arg("-l").arg(log).args(arguments);
        run(&mut command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(cause) = self.control(&["stop", "-m", "immediate"]) {
            eprintln!("campanile-bench: the database server: {cause}");
        }
    }
}

/// PostgreSQL refuses to run as root.
fn as_server(name: &str) -> Command {
    let program = program(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env("LC_ALL", "C").current_dir("/");
    command
}

/// The newest of what Debian keeps off the path, or what the path has.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let programs = versions.flatten();
    let programs = programs.map(|version| version.path().join("bin").join(name));
    let newest = programs.filter(|program| program.exists()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) -> Result<()> {
    // A server that is started inherits them, and nobody reads them.
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    let name = Path::new(command.get_program()).display().to_string();
    let status = status.map_err(|cause| {
        format!("cannot start {name}: {cause} (Debian: apt-get install postgresql)")
    })?;
    if !status.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(())
}

/// The owner of everything.
const ROLE: &str = "campanile";
