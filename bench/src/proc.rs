//! What the kernel knows of processes: their CPU time, their memory, their children. Linux only, read from `/proc`.

use std::fs;
use std::path::Path;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::Result;

/// CPU time spent, in seconds.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) kernel: f64,
}

impl Cpu {
    /// What was spent since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user - earlier.user,
            kernel: self.kernel - earlier.kernel,
        }
    }

    pub(crate) fn total(self) -> f64 {
        self.user + self.kernel
    }
}

/// CPU time of a process and all its descendants.
pub(crate) fn cpu_of_tree(root: Pid) -> Result<Cpu> {
    let mut sum = Cpu::default();
    for pid in tree(root)? {
        // A child may end between being listed and being read.
        let Some(cpu) = stat(pid).as_ref().and_then(|stat| stat.cpu()) else {
            continue;
        };
        sum.user += cpu.user;
        sum.kernel += cpu.kernel;
    }
    Ok(sum)
}

/// CPU time of the bench itself.
pub(crate) fn own_cpu() -> Cpu {
    let own = stat(rustix::process::getpid().as_raw_nonzero().get());
    own.and_then(|stat| stat.cpu()).unwrap_or_default()
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
fn tree(root: Pid) -> Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Some(parent) = stat(pid).and_then(|stat| stat.parent()) {
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

/// The fields of `/proc/PID/stat` after the name, which may itself hold blanks and brackets.
struct Stat(String);

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_name, fields) = text.rsplit_once(") ")?;
    Some(Stat(fields.to_owned()))
}

impl Stat {
    fn field<T: std::str::FromStr>(&self, number: usize) -> Option<T> {
        // The manual counts from 1, and the name is number 2.
        self.0.split(' ').nth(number - 3)?.parse().ok()
    }

    fn parent(&self) -> Option<i32> {
        self.field(4)
    }

    fn cpu(&self) -> Option<Cpu> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Some(Cpu {
            user: self.field::<u64>(14)? as f64 / ticks,
            kernel: self.field::<u64>(15)? as f64 / ticks,
        })
    }
}

/// The cores of this process: one for the server, one for the load.
#[derive(Debug, Clone)]
pub(crate) struct Cores {
    server: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// The first core for the server, the second for the bench, which moves there at once.
    pub(crate) fn part() -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let (Some(first), Some(second)) = (free.next(), free.next()) else {
            return Err("the bench needs two cores: one for the server, one for the load".into());
        };
        let [mut server, mut load] = [CpuSet::new(), CpuSet::new()];
        server.set(first);
        load.set(second);
        sched_setaffinity(None, &load)?;
        Ok(Self { server, load })
    }

    /// Starts something on the server's core: a child has its parent's core from its first instruction.
    pub(crate) fn on_server<T>(&self, start: impl FnOnce() -> T) -> Result<T> {
        sched_setaffinity(None, &self.server)?;
        let started = start();
        sched_setaffinity(None, &self.load)?;
        Ok(started)
    }
}

/// Whether a file lies on a disk and not in memory, where a commit would cost nothing.
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

#[cfg(test)]
mod tests {
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
    fn the_bench_itself_has_spent_time_and_memory() {
        let own = rustix::process::getpid();

        assert!(stat(own.as_raw_nonzero().get()).unwrap().parent().is_some());
        assert!(pss_of_tree(own).unwrap() > 100_000);
        assert!(load() >= 0.0);
    }
}
