//! CPU time of processes, thread by thread: to the nanosecond as the scheduler counts it, and in user and kernel mode as far as ticks of
//! 10 ms tell.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, getpid};

use crate::error::Result;
use crate::figures::Figures;
use crate::proc::{self, Stat};

/// The processor time that each thread of some processes has used so far.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    threads: BTreeMap<i32, Thread>,
    user_ticks: u64,
    kernel_ticks: u64,
}

#[derive(Debug)]
struct Thread {
    name: String,
    nanos: u64,
}

/// The processor time used between two readings of the same processes, in seconds.
#[derive(Debug)]
pub(crate) struct Cpu {
    pub(crate) total: f64,
    user: f64,
    kernel: f64,
    /// Every thread by its name, a number behind it where several have the same.
    pub(crate) threads: Vec<(String, f64)>,
}

impl Meter {
    /// Of a process and all its descendants.
    pub(crate) fn of_tree(root: Pid) -> Result<Self> {
        let mut meter = Self::default();
        for pid in proc::tree(root)? {
            meter.read(pid);
        }
        Ok(meter)
    }

    /// Of the bench itself.
    pub(crate) fn of_bench() -> Self {
        let mut meter = Self::default();
        meter.read(getpid().as_raw_nonzero().get());
        meter
    }

    /// A process or a thread may end between being listed and being read.
    fn read(&mut self, pid: i32) {
        let folder = format!("/proc/{pid}");
        if let Some((user, kernel)) = Stat::read(&folder).and_then(|stat| stat.ticks()) {
            self.user_ticks += user;
            self.kernel_ticks += kernel;
        }
        let Ok(threads) = fs::read_dir(format!("{folder}/task")) else {
            return;
        };
        for thread in threads.flatten() {
            let name = thread.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok());
            let folder = thread.path();
            if let (Some(id), Some(thread)) = (id, Thread::read(&folder.to_string_lossy())) {
                self.threads.insert(id, thread);
            }
        }
    }

    /// The processor time used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Cpu {
        let spent = self.threads.iter().map(|(id, thread)| {
            let before = earlier.threads.get(id).map_or(0, |thread| thread.nanos);
            let nanos = thread.nanos.saturating_sub(before);
            (thread.name.as_str(), nanos as f64 / 1e9)
        });
        let spent: Vec<(&str, f64)> = spent.collect();
        let total = spent.iter().map(|thread| thread.1).sum();
        let user = (self.user_ticks - earlier.user_ticks) as f64;
        let kernel = (self.kernel_ticks - earlier.kernel_ticks) as f64;
        Cpu {
            total,
            user: total * user / (user + kernel),
            kernel: total * kernel / (user + kernel),
            threads: numbered(&spent),
        }
    }
}

impl Thread {
    fn read(folder: &str) -> Option<Self> {
        let stat = Stat::read(folder)?;
        let (user, kernel) = stat.ticks()?;
        // Not every kernel counts that exactly.
        let exact = fs::read_to_string(format!("{folder}/schedstat")).ok();
        let exact = exact.and_then(|text| text.split(' ').next()?.parse().ok());
        let ticks = rustix::param::clock_ticks_per_second();
        Some(Self {
            nanos: exact.unwrap_or((user + kernel) * 1_000_000_000 / ticks),
            name: stat.name,
        })
    }
}

fn numbered(threads: &[(&str, f64)]) -> Vec<(String, f64)> {
    let count = |part: &[(&str, f64)], name| part.iter().filter(|thread| thread.0 == name).count();
    let named = threads.iter().enumerate().map(|(place, (name, spent))| {
        if count(threads, *name) == 1 {
            return ((*name).to_owned(), *spent);
        }
        let before = threads.get(..place).unwrap_or_default();
        (format!("{name} {}", count(before, *name) + 1), *spent)
    });
    named.collect()
}

impl Cpu {
    /// Enters what it is for each of so many deliveries or connections.
    pub(crate) fn enter(&self, figures: &mut Figures, count: f64) {
        figures.set("cpu_us", self.total * 1e6 / count);
        figures.set("cpu_user_us", self.user * 1e6 / count);
        figures.set("cpu_kernel_us", self.kernel * 1e6 / count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(threads: &[(i32, &str, u64)], user_ticks: u64, kernel_ticks: u64) -> Meter {
        let threads = threads.iter().map(|(id, name, nanos)| {
            let name = (*name).to_owned();
            (
                *id,
                Thread {
                    name,
                    nanos: *nanos,
                },
            )
        });
        Meter {
            threads: threads.collect(),
            user_ticks,
            kernel_ticks,
        }
    }

    #[test]
    fn what_was_spent_is_exact_and_its_parts_are_as_the_ticks_say() {
        let before = meter(&[(1, "main", 5_000), (2, "worker", 1_000_000)], 10, 10);
        let after = meter(
            &[
                (1, "main", 5_000),
                (2, "worker", 4_000_000),
                (3, "worker", 1_000_000),
            ],
            13,
            11,
        );

        let spent = after.since(&before);

        assert!((spent.total - 0.004).abs() < 1e-12);
        assert!((spent.user - 0.003).abs() < 1e-12);
        assert!((spent.kernel - 0.001).abs() < 1e-12);
        let names: Vec<&str> = spent.threads.iter().map(|thread| &*thread.0).collect();
        assert_eq!(names, ["main", "worker 1", "worker 2"]);
    }

    #[test]
    fn a_thread_that_has_ended_does_not_make_the_others_cheaper() {
        let before = meter(&[(1, "main", 0), (2, "gone", 9_000_000)], 0, 0);
        let after = meter(&[(1, "main", 2_000_000)], 1, 0);

        assert!((after.since(&before).total - 0.002).abs() < 1e-12);
    }

    #[test]
    fn the_bench_itself_is_measured_finer_than_in_ticks() {
        let before = Meter::of_bench();
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(30) {
            std::hint::spin_loop();
        }

        let spent = Meter::of_bench().since(&before).total;

        assert!(spent > 0.0, "{spent}");
        let ticks = spent * 100.0;
        assert!((ticks - ticks.round()).abs() > 1e-6, "{spent}");
    }
}
