//! A PostgreSQL server of the bench's own, with the settings of the package but for its memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::growth::commands::{of_postgres, run, write};
use crate::run::Ground;

/// A server that is stopped when this is dropped. Its folder belongs to who made it.
pub(super) struct Cluster {
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts a server in a folder.
    pub(super) fn start(ground: &Ground, folder: &Path) -> Result<Self> {
        let cluster = Self {
            folder: folder.join("postgres"),
            port: std::net::TcpListener::bind("127.0.0.1:0")?
                .local_addr()?
                .port(),
        };
        fs::create_dir(&cluster.folder)?;
        if rustix::process::geteuid().is_root() {
            run(
                Command::new("chown").arg("postgres:").arg(&cluster.folder),
                "",
            )?;
            run(Command::new("chmod").arg("a+x").arg(folder), "")?;
        }
        let data = cluster.data();
        let initdb = [
            "-U",
            "campanile",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-A",
            "trust",
        ];
        run(as_server("initdb").arg("-D").arg(&data).args(initdb), "")?;
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 100\n\
             shared_buffers = 256MB\nmaintenance_work_mem = 256MB\nmax_wal_size = 1GB\n",
            cluster.port
        );
        let defaults = fs::read_to_string(data.join("postgresql.conf"))?;
        write(data.join("postgresql.conf"), &(defaults + &settings))?;
        // On every core, as the server of another machine would not compete with the hub for one.
        ground.on_every_core(|| cluster.control("start"))??;
        cluster.sql_in("postgres", "CREATE DATABASE hub")?;
        Ok(cluster)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the hub's database, behind a port.
    pub(super) fn url(port: u16) -> String {
        format!("postgres://campanile@127.0.0.1:{port}/hub?sslmode=disable")
    }

    pub(super) fn sql(&self, sql: &str) -> Result<String> {
        self.sql_in("hub", sql)
    }

    fn sql_in(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(of_postgres("psql"));
        psql.args([
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "campanile",
        ])
        .args(["-p", &self.port.to_string(), "-d", database]);
        run(&mut psql, sql)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn control(&self, what: &str) -> Result<()> {
        let mut command = as_server("pg_ctl");
        command
            .args(["-w", "-s", "-m", "immediate", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(self.folder.join("log"))
            .arg(what);
        run(&mut command, "").map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(cause) = self.control("stop") {
            eprintln!("campanile-bench: {cause}");
        }
    }
}

/// A program of the server, as a user it agrees to run as: it refuses root.
fn as_server(name: &str) -> Command {
    let program = of_postgres(name);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}
