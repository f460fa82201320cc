//! The server's process as the system sees it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{DEADLINE, SECRET, TestApp};

/// Its id: the process that works in the test's own folder.
pub(crate) fn id(app: &TestApp) -> u32 {
    let all = fs::read_dir("/proc").expect("/proc").flatten();
    let mut ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id| {
        fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|folder| folder == app.folder())
    })
    .expect("the server's process")
}

/// The number of files it has open.
pub(crate) fn open_files(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd"))
        .expect("its files")
        .count()
}

/// True if the server still holds its end of a client's connection, as the kernel lists it.
pub(crate) fn holds(client: &TcpStream) -> bool {
    let server = client.peer_addr().expect("the server's address");
    holds_between(server, client.local_addr().expect("an address"))
}

/// The same for a connection that somebody else has.
pub(crate) fn holds_between(server: SocketAddr, client: SocketAddr) -> bool {
    let ends = [server, client].map(|end| format!(":{:04X}", end.port()));
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of connections");
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, local, remote, "01", ..]
            if local.ends_with(&ends[0]) && remote.ends_with(&ends[1]))
    })
}

/// The number of times its threads have gone to sleep, and so were woken.
pub(crate) fn voluntary_switches(id: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{id}/task")).expect("its threads");
    let switches = threads.flatten().filter_map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    });
    switches.sum()
}

/// A server that may open few files.
pub(crate) struct Confined {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Confined {
    /// Starts it and waits until it listens.
    pub(crate) fn spawn(open_files: u32) -> Self {
        Self::spawn_with(open_files, &[])
    }

    /// The same with further settings.
    pub(crate) fn spawn_with(open_files: u32, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new("sh")
            .args([
                "-c",
                &format!("ulimit -n {open_files} && exec \"$0\" serve"),
            ])
            .arg(env!("CARGO_BIN_EXE_campanile"))
            .current_dir(folder.path())
            .env("CAMPANILE_LISTEN", "127.0.0.1:0")
            .env("CAMPANILE_JWT_SECRET", SECRET)
            .env("CAMPANILE_MAX_STREAMS_PER_USER", "10000")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server's process");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let address = lines
            .find_map(|line| {
                let line = line.expect("a line");
                let (_, address) = line.split_once("listening on http://")?;
                Some(address.to_owned())
            })
            .expect("an address");
        // Its pipe must never be full.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Asks for a stream; gives the connection and the head of the answer.
    pub(crate) async fn open_stream(&self, token: &str) -> (TcpStream, String) {
        let opening = async {
            let mut socket = TcpStream::connect(&self.address).await?;
            let request = format!(
                "GET /api/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            socket.write_all(request.as_bytes()).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await?);
            }
            std::io::Result::Ok((socket, String::from_utf8_lossy(&head).into_owned()))
        };
        let opened = tokio::time::timeout(DEADLINE, opening).await;
        opened.expect("an answer in time").expect("an answer")
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        self.child.kill().expect("the end of the server's process");
        self.child.wait().expect("its end");
    }
}
