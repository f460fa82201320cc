//! The threads of the hub: the streams that each worker holds, and the processor time that each thread spends.

use crate::cpu::Cpu;
use crate::error::Result;
use crate::figures::Figures;

/// Enters the share of a core of each thread. The connections of each epoll are those of the workers.
pub(super) fn tell_apart(
    figures: &mut Figures,
    spent: &Cpu,
    streams: &[usize],
    seconds: f64,
) -> Result<()> {
    // The epolls of threads that are no workers watch none.
    let streams: Vec<f64> = streams
        .iter()
        .filter(|count| **count > 0)
        .map(|count| *count as f64)
        .collect();
    let (arbiters, others): (Vec<_>, Vec<_>) = spent
        .threads
        .iter()
        .partition(|thread| thread.0.starts_with(ARBITER));
    if arbiters.len() != PARTS.len() + streams.len() {
        return Err("the hub's threads are not those the bench knows".into());
    }
    let (parts, workers) = arbiters.split_at(PARTS.len());
    figures.set("workers", workers.len() as f64);
    let shares = workers.iter().map(|thread| thread.1 / seconds);
    set_each(figures, "worker_cpu_share", shares.collect());
    set_each(figures, "worker_streams", streams);
    let parts = PARTS
        .into_iter()
        .zip(parts)
        .map(|(name, part)| (name, part.1));
    let others = others.iter().map(|thread| (&*thread.0, thread.1));
    for (name, spent) in parts.chain(others) {
        figures.set(format!("thread_cpu_share {name}"), spent / seconds);
    }
    Ok(())
}

/// Enters one figure for each worker, the most first, and how many times the most the least is.
fn set_each(figures: &mut Figures, name: &str, mut values: Vec<f64>) {
    values.sort_by(|one, other| other.total_cmp(one));
    if let (Some(most), Some(least)) = (values.first(), values.last()) {
        figures.set(format!("{name}_evenness"), least / most);
    }
    for (place, value) in values.into_iter().enumerate() {
        figures.set(format!("{name} {}", place + 1), value);
    }
}

/// The names of all threads with an actor or a worker on them, as the kernel cuts them short.
const ARBITER: &str = "actix-rt|system";

/// The hub's actors with a thread each, in the order they start in; the workers start after them.
const PARTS: [&str; 2] = ["Broadcaster", "Journal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_the_most_first_and_compared() {
        let mut figures = Figures::default();

        set_each(&mut figures, "share", vec![0.4, 0.8]);

        assert_eq!(figures.value("share 1"), Some(0.8));
        assert_eq!(figures.value("share 2"), Some(0.4));
        assert_eq!(figures.value("share_evenness"), Some(0.5));
    }
}
