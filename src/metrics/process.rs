//! The figures of the system about this process, by the names that Prometheus clients have agreed on. A system without `/proc` tells nothing.

use std::fmt::Write as _;
use std::fs;

/// The metrics in OpenMetrics text.
pub(super) fn text() -> String {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        let Some(value) = value else {
            return;
        };
        let suffix = if kind == "counter" { "_total" } else { "" };
        // Writing to a string does not fail.
        let _written = write!(
            text,
            "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name}{suffix} {value}\n"
        );
    };
    let stat = Stat::read();
    let cpu = stat.as_ref().map(|stat| stat.cpu_seconds);
    tell("process_cpu_seconds", "counter", "Processor time used", cpu);
    let began = stat.as_ref().map(|stat| stat.began);
    let help = "Start of the process, in seconds since the Unix epoch";
    tell("process_start_time_seconds", "gauge", help, began);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name| kilobytes(&status, name).map(|kilobytes| kilobytes * 1_024.0);
    let resident = bytes("VmRSS:");
    tell(
        "process_resident_memory_bytes",
        "gauge",
        "Memory held",
        resident,
    );
    let reserved = bytes("VmSize:");
    tell(
        "process_virtual_memory_bytes",
        "gauge",
        "Memory reserved",
        reserved,
    );
    let threads = kilobytes(&status, "Threads:");
    tell("process_threads", "gauge", "Threads", threads);
    let open = fs::read_dir("/proc/self/fd").ok();
    let open = open.map(|files| number(files.count()));
    tell("process_open_fds", "gauge", "Open files and sockets", open);
    tell(
        "process_max_fds",
        "gauge",
        "Files that may be open",
        most_open_files().map(number),
    );
    text
}

/// A part of `/proc/self/stat` (proc(5)).
struct Stat {
    cpu_seconds: f64,
    began: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program comes before, in parentheses, and may hold anything.
        let (_name, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
        let system = fs::read_to_string("/proc/stat").ok()?;
        let booted = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?;
        Some(Self {
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_A_SECOND,
            began: booted.trim().parse::<f64>().ok()? + ticks(19)? / TICKS_A_SECOND,
        })
    }
}

/// The number in a line of `/proc/self/status`.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The number of files this process may have open, if the system tells it.
pub(crate) fn most_open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The unit of times in `/proc`, the same on every Linux that Rust runs on.
const TICKS_A_SECOND: f64 = 100.0;
