//! A PostgreSQL of the bench's own: a fresh cluster in a folder on the disk, which syncs each commit.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, geteuid};

use crate::commands::run;
use crate::error::Result;
use crate::ground::Ground;

/// A server that is stopped when this is dropped. Its folder belongs to who made it.
pub(crate) struct Postgres {
    folder: PathBuf,
    address: SocketAddr,
}

impl Postgres {
    /// Makes a server in a folder, with settings besides those of the package, and starts it on every core.
    pub(crate) fn start(ground: &Ground, folder: &Path, settings: &str) -> Result<Self> {
        let server = Self {
            folder: folder.join("postgres"),
            address: TcpListener::bind("127.0.0.1:0")?.local_addr()?,
        };
        fs::create_dir(&server.folder)?;
        if geteuid().is_root() {
            let mut chown = Command::new("chown");
            run(chown.arg("postgres:").arg(&server.folder), "")?;
            run(Command::new("chmod").arg("a+x").arg(folder), "")?;
        }
        let mut initdb = as_server("initdb");
        initdb.arg("-D").arg(server.data()).args(["-U", ROLE]);
        run(
            initdb.args(["-E", "UTF8", "--locale=C.UTF-8", "--auth=trust"]),
            "",
        )?;
        let file = server.data().join("postgresql.conf");
        let own = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\n",
            server.address.port()
        );
        let defaults = fs::read_to_string(&file)?;
        fs::write(&file, defaults + &own + settings)?;
        ground.on_every_core(|| server.control("start"))??;
        Ok(server)
    }

    /// A new database; gives its URL.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(Self::url(self.address, name))
    }

    /// The URL of a database, behind an address.
    pub(crate) fn url(address: SocketAddr, database: &str) -> String {
        format!("postgres://{ROLE}@{address}/{database}?sslmode=disable")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The result of statements in a database.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(program("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d"]);
        run(psql.arg(Self::url(self.address, database)), sql)
    }

    /// The process that starts its others.
    pub(crate) fn pid(&self) -> Result<Pid> {
        let text = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let first = text.lines().next().unwrap_or_default();
        let pid = Pid::from_raw(first.trim().parse()?);
        pid.ok_or_else(|| "the database server has no process".into())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn control(&self, what: &str) -> Result<()> {
        let mut command = as_server("pg_ctl");
        command.args(["-w", "-s", "-m", "immediate", "-D"]);
        command.arg(self.data()).arg("-l");
        command.arg(self.folder.join("log")).arg(what);
        run(&mut command, "").map(drop)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(cause) = self.control("stop") {
            eprintln!("campanile-bench: the database server: {cause}");
        }
    }
}

/// A program of the server, as a user it agrees to run as: it refuses root.
fn as_server(name: &str) -> Command {
    let program = program(name);
    let mut command = if geteuid().is_root() {
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

/// The newest of what Debian keeps off the path (package `postgresql`), or what the path has.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let programs = versions.flatten();
    let programs = programs.map(|version| version.path().join("bin").join(name));
    let newest = programs.filter(|program| program.exists()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

/// The owner of everything.
const ROLE: &str = "campanile";
