//! A server's process: started in its folder on its core, ended by its id.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Result;
use crate::servers::server::Site;

/// A process that ends when this is dropped.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command and waits until something listens on `address`.
    pub(super) fn start(command: Command, site: &Site<'_>, address: SocketAddr) -> Result<Self> {
        let mut running = Self::start_silent(command, site)?;
        running.wait_for(address)?;
        Ok(running)
    }

    /// Starts a command that does not listen.
    pub(super) fn start_silent(mut command: Command, site: &Site<'_>) -> Result<Self> {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap_or_default();
        let log = site.folder.join(name).with_extension("log");
        let file = File::create(&log)?;
        command
            .current_dir(site.folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let started = site.cores.on_server(site.placement, || command.spawn())?;
        let child = started.map_err(|cause| {
            format!("cannot start {}: {cause}", command.get_program().display())
        })?;
        Ok(Self { child, log })
    }

    fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let deadline = Instant::now() + STARTING;
        while TcpStream::connect_timeout(&address, STARTING).is_err() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("the server did not start:\n{log}").into());
            }
            pause();
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it at once, with `kill -9`.
    pub(super) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(Some(_ended)) = self.child.try_wait() {
            return;
        }
        // It may be gone already, and then there is nothing to end.
        let _ = kill_process(self.pid(), Signal::TERM);
        let deadline = Instant::now() + STOPPING;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            pause();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a foreign process listens or ends, and no worker is blocked"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// The time that a server has to begin to listen. Spring needs most of it on a busy machine.
const STARTING: Duration = Duration::from_secs(40);

/// The time that a server has to end before it is killed.
const STOPPING: Duration = Duration::from_secs(8);
