//! Figures of processes from the kernel: their memory, children and cores. Linux only, read from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

use crate::commands;
use crate::error::Result;

/// The processor and the kernel.
pub(crate) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = processors.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(": ")?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let megahertz = field("cpu MHz").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processor = |line: &&str| line.starts_with("processor");
    let cores = processors.lines().filter(processor).count();
    format!(
        "{model} ({megahertz} MHz, {cores} cores), Linux {}",
        kernel.trim()
    )
}

/// The machine's load, over the last minute: how many threads ran or waited to run.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|load| load.parse().ok());
    first.unwrap_or(f64::NAN)
}

/// Proportional set size of a process and all its descendants, in bytes.
pub(crate) fn pss_of_tree(root: Pid) -> Result<u64> {
    let mut sum = 0;
    for pid in tree(root)? {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        sum += pss_bytes(&text).unwrap_or(0);
    }
    Ok(sum)
}

fn pss_bytes(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A process and all its descendants.
pub(crate) fn tree(root: Pid) -> Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Some(parent) = Stat::read(&format!("/proc/{pid}")).and_then(|stat| stat.parent()) {
            parents.push((pid, parent));
        }
    }
    Ok(descendants(root.as_raw_nonzero().get(), &parents))
}

fn descendants(root: i32, parents: &[(i32, i32)]) -> Vec<i32> {
    let mut found = vec![root];
    let mut looked_at = 0;
    while let Some(parent) = found.get(looked_at).copied() {
        looked_at += 1;
        found.extend(
            parents
                .iter()
                .filter(|pair| pair.1 == parent)
                .map(|pair| pair.0),
        );
    }
    found
}

/// The content of the file `stat` of a process or a thread.
pub(crate) struct Stat {
    pub(crate) name: String,
    // The fields after the name, which may itself contain blanks and brackets.
    fields: String,
}

impl Stat {
    /// Reads it in a folder such as `/proc/PID`.
    pub(crate) fn read(folder: &str) -> Option<Self> {
        let text = fs::read_to_string(format!("{folder}/stat")).ok()?;
        let (start, fields) = text.rsplit_once(") ")?;
        let (_number, name) = start.split_once(" (")?;
        Some(Self {
            name: name.to_owned(),
            fields: fields.to_owned(),
        })
    }

    fn field<T: std::str::FromStr>(&self, number: usize) -> Option<T> {
        // The manual counts from 1, and the name is number 2.
        self.fields.split(' ').nth(number - 3)?.parse().ok()
    }

    fn parent(&self) -> Option<i32> {
        self.field(4)
    }

    /// Ticks of the clock spent in user and in kernel mode.
    pub(crate) fn ticks(&self) -> Option<(u64, u64)> {
        Some((self.field(14)?, self.field(15)?))
    }
}

/// The number of connections that each epoll of a process watches, in descending order. A worker has an epoll of its own, so these are
/// the numbers of connections that the workers hold.
pub(crate) fn watched_connections(pid: Pid) -> Result<Vec<usize>> {
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let mut sets = BTreeSet::new();
    for entry in fs::read_dir(format!("{folder}/fd"))? {
        let entry = entry?;
        let target = fs::read_link(entry.path()).unwrap_or_default();
        if target.to_string_lossy() != "anon_inode:[eventpoll]" {
            continue;
        }
        let name = entry.file_name();
        let path = format!("{folder}/fdinfo/{}", name.to_string_lossy());
        let text = fs::read_to_string(path).unwrap_or_default();
        // The same epoll may be there under several numbers.
        sets.insert(watched(&text));
    }
    let open = fs::read_to_string(format!("{folder}/net/tcp"))?;
    let open = open_sockets(&open);
    let is_open = |number: &&String| {
        let target = fs::read_link(format!("{folder}/fd/{number}")).unwrap_or_default();
        let target = target.to_string_lossy();
        let inode = target.strip_prefix("socket:[");
        inode.is_some_and(|rest| open.contains(rest.trim_end_matches(']')))
    };
    let counts = sets.iter().map(|set| set.iter().filter(is_open).count());
    let mut counts: Vec<usize> = counts.collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    Ok(counts)
}

/// The inodes of established connections.
fn open_sockets(table: &str) -> BTreeSet<&str> {
    let rows = table.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(3);
        (fields.next() == Some(ESTABLISHED)).then(|| fields.nth(5))?
    });
    rows.collect()
}

/// The descriptors an epoll watches.
fn watched(information: &str) -> BTreeSet<String> {
    let numbers = information.lines().filter_map(|line| {
        let rest = line.strip_prefix("tfd:")?;
        rest.split_whitespace().next()
    });
    numbers.map(str::to_owned).collect()
}

/// The cores of this process: one for the server, one for the load.
#[derive(Debug, Clone)]
pub(crate) struct Cores {
    server: CpuSet,
    load: CpuSet,
    every: CpuSet,
}

/// The cores that a server may run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// On a core that nothing else uses.
    OneCore,
    /// On every core, the bench's own as well.
    EveryCore,
}

impl Cores {
    /// The first core for the server, the second for the bench, which moves there at once.
    pub(crate) fn part() -> Result<Self> {
        let every = sched_getaffinity(None)?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|core| every.is_set(*core));
        let (Some(first), Some(second)) = (free.next(), free.next()) else {
            return Err("the bench needs two cores: one for the server, one for the load".into());
        };
        let [mut server, mut load] = [CpuSet::new(), CpuSet::new()];
        server.set(first);
        load.set(second);
        sched_setaffinity(None, &load)?;
        Ok(Self {
            server,
            load,
            every,
        })
    }

    /// Starts something on the server's cores: a child has its parent's from its first instruction.
    pub(crate) fn on_server<T>(
        &self,
        placement: Placement,
        start: impl FnOnce() -> T,
    ) -> Result<T> {
        let cores = match placement {
            Placement::OneCore => &self.server,
            Placement::EveryCore => &self.every,
        };
        sched_setaffinity(None, cores)?;
        let started = start();
        sched_setaffinity(None, &self.load)?;
        Ok(started)
    }

    /// Their number.
    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.every.count()).unwrap_or(1)
    }

    /// Moves this thread to every core, where it runs only while nobody else wants the core, for as long as it lives.
    pub(crate) fn go_behind(&self) -> Result<()> {
        sched_setaffinity(None, &self.every)?;
        setpriority_process(None, LOWEST)?;
        // A thread that wakes interrupts an idle one at once, a nice one only after its slice of time.
        let thread = gettid().as_raw_nonzero().to_string();
        let mut change = Command::new("chrt");
        commands::run(change.args(["--idle", "--pid", "0", &thread]), "")?;
        Ok(())
    }
}

/// The nice value that gives way to everybody.
const LOWEST: i32 = 19;

/// Returns true if a file lies on a disk. In memory a commit would cost nothing.
pub(crate) fn is_on_disk(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(point, _kind)| path.starts_with(point))
        .max_by_key(|(point, _kind)| point.len());
    !matches!(mount, Some((_point, "tmpfs" | "ramfs")))
}

/// A state in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn children_of_children_belong_to_the_tree() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 9)];

        let mut tree = descendants(2, &parents);
        tree.sort_unstable();

        assert_eq!(tree, [2, 3, 4]);
    }

    #[test]
    fn the_proportional_set_size_is_read_in_bytes() {
        let rollup = "5581c000-7fff ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:   12 kB\n";

        assert_eq!(pss_bytes(rollup), Some(12 * 1024));
    }

    #[test]
    fn an_epoll_is_counted_once_and_only_for_its_connections() {
        let poll = mio::Poll::new().unwrap();
        // A runtime also registers the same epoll under a second descriptor.
        let _again = poll.registry().try_clone().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = mio::net::TcpListener::from_std(listener);
        let registry = poll.registry();
        let interest = mio::Interest::READABLE;
        registry
            .register(&mut listener, mio::Token(0), interest)
            .unwrap();
        let mut connections: Vec<_> = (0..3)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .map(mio::net::TcpStream::from_std)
            .collect();
        for connection in &mut connections {
            registry
                .register(connection, mio::Token(1), interest)
                .unwrap();
        }

        let counts = watched_connections(rustix::process::getpid()).unwrap();

        assert_eq!(counts.iter().filter(|count| **count == 3).count(), 1);
    }

    #[test]
    fn a_thread_that_goes_behind_does_not_take_the_others_along() {
        let every = sched_getaffinity(None).unwrap();
        let cores = Cores {
            server: every,
            load: every,
            every,
        };

        let behind = std::thread::spawn(move || {
            cores.go_behind().unwrap();
            (getpriority_process(None).unwrap(), policy())
        });

        assert_eq!(behind.join().unwrap(), (LOWEST, Some(SCHED_IDLE)));
        assert!(getpriority_process(None).unwrap() < LOWEST);
        assert_eq!(policy(), Some(0));
    }

    fn policy() -> Option<u32> {
        let thread = gettid().as_raw_nonzero();
        Stat::read(&format!("/proc/self/task/{thread}"))?.field(41)
    }

    /// In the kernel's numbers.
    const SCHED_IDLE: u32 = 5;

    #[test]
    fn the_bench_itself_has_spent_time_and_memory() {
        let own = rustix::process::getpid();

        let stat = Stat::read("/proc/self").unwrap();
        assert!(stat.parent().is_some() && stat.ticks().is_some());
        assert!(pss_of_tree(own).unwrap() > 100_000);
        assert!(load() >= 0.0);
    }
}
