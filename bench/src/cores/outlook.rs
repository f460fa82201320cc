//! The rates of one hub on one core and on all of this machine's, and the rate that the processor time of its threads would allow on
//! many cores.

use std::fmt::Write;

use crate::figures::Figures;
use crate::report::number;

/// The figures of one load, on one core and on every core.
pub(super) struct Measured {
    pub(super) says: &'static str,
    pub(super) one: Figures,
    pub(super) every: Figures,
}

/// The processor time of the hub for one delivery, in seconds.
struct Cost<'a> {
    /// Of all threads.
    total: f64,
    /// The single thread that used most.
    thread: &'a str,
    /// Of that thread.
    single: f64,
}

impl<'a> Cost<'a> {
    fn of(figures: &'a Figures) -> Option<Self> {
        let rate = value(figures, "deliveries_per_s");
        let threads = figures.beginning("thread_cpu_share ");
        let single = threads.filter(|(name, _share)| is_single(name));
        let (thread, share) = single.max_by(|one, other| one.1.total_cmp(&other.1))?;
        Some(Self {
            total: value(figures, "cpu_us") / 1e6,
            thread,
            single: share / rate,
        })
    }

    /// The most deliveries a second of the thread that cannot be divided.
    fn ceiling(&self) -> f64 {
        1.0 / self.single
    }

    /// The deliveries a second if the hub had so many cores for itself.
    fn with(&self, cores: f64) -> f64 {
        (cores / self.total).min(self.ceiling())
    }

    /// The cores with which the ceiling is reached.
    fn enough(&self) -> f64 {
        self.total / self.single
    }
}

pub(super) fn value(figures: &Figures, name: &str) -> f64 {
    figures.value(name).unwrap_or(f64::NAN)
}

/// Threads of which there are several have a number behind their names.
fn is_single(name: &str) -> bool {
    let last = name.rsplit(' ').next().unwrap_or_default();
    last.parse::<u32>().is_err()
}

/// A table with a row for each load, and how it is calculated.
pub(super) fn table(measured: &[Measured]) -> String {
    let workers = measured.iter().map(|pair| value(&pair.every, "workers"));
    let cores = workers.fold(f64::NAN, f64::max);
    let mut text = format!(
        "\n### One hub with 1, {cores:.0} and {MANY:.0} cores\n\n{EXPLANATION}\n\n\
         | alarms for | 1 core, measured | {cores:.0} cores, measured | ratio | at most, beside the bench | 1 core, calculated | {cores:.0} cores, calculated | {MANY:.0} cores, calculated \
         | the single thread with most to do | its CPU µs | so at most | which needs cores |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n"
    );
    for pair in measured {
        if let Some(cells) = row(pair, cores) {
            let _ = writeln!(text, "| {} | {} |", pair.says, cells.join(" | "));
        }
    }
    text
}

fn row(pair: &Measured, cores: f64) -> Option<Vec<String>> {
    let [one, every] = [&pair.one, &pair.every].map(|figures| value(figures, "deliveries_per_s"));
    let cost = Cost::of(&pair.every)?;
    let rates = [1.0, cores, MANY].map(|cores| number(cost.with(cores)));
    let own = value(&pair.every, "own_cpu_us") / 1e6;
    let beside = cores / (cost.total + own);
    let mut cells = vec![number(one), number(every)];
    cells.push(number(every / one));
    cells.push(format!("{} (× {})", number(beside), number(beside / one)));
    cells.extend(rates);
    cells.push(cost.thread.to_owned());
    cells.push(format!("{:.3}", cost.single * 1e6));
    cells.push(number(cost.ceiling()));
    cells.push(number(cost.enough()));
    Some(cells)
}

/// The cores of a machine that this one is not.
const MANY: f64 = 16.0;

const EXPLANATION: &str = "Deliveries a second. **Measured** with the bench on the same machine; **at most, beside the bench** is what the CPU time of both, for a delivery, allows if no core waits, and as a ratio to one core: where the measured rate is far below it, cores waited or other programs ran. **Calculated** for a hub that has the cores for itself and the load on another machine. The \
calculation takes the CPU time for a delivery from the row \"every\" above: the workers and the threads that read the database divide over the cores, but of the Broadcaster, the Journal, the thread that \
writes to the database (`store-write`) and the one that accepts there is one each. The rate is that of all CPU time divided by the cores, but not above the ceiling: one core's time divided by what the busiest of the single threads needs for a \
delivery. It leaves out what a measurement on such a machine would show: the disk (a commit waits for it, and takes no CPU time), memory and the network.";

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: f64, cpu_us: f64, threads: &[(&'static str, f64)]) -> Figures {
        let mut figures = Figures::default();
        figures.set("workers", 2.0);
        figures.set("deliveries_per_s", rate);
        figures.set("cpu_us", cpu_us);
        figures.set("own_cpu_us", 25.0);
        for (name, share) in threads {
            figures.set(format!("thread_cpu_share {name}"), *share);
        }
        figures
    }

    #[test]
    fn the_busiest_single_thread_is_the_ceiling() {
        let threads = [
            ("Journal", 0.1),
            ("store-write", 0.2),
            ("store-read 1", 0.9),
        ];
        let figures = figures(10_000.0, 100.0, &threads);

        let cost = Cost::of(&figures).unwrap();

        assert_eq!(cost.thread, "store-write");
        let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        assert!(near(cost.with(2.0), 20_000.0), "all CPU time is the limit");
        assert!(near(cost.with(16.0), 50_000.0), "one thread is the limit");
        assert!(near(cost.enough(), 5.0));
    }

    #[test]
    fn what_was_measured_and_what_is_calculated_is_told_apart() {
        let pair = Measured {
            says: "everyone",
            one: figures(8_000.0, 100.0, &[("Broadcaster", 0.1)]),
            every: figures(12_000.0, 100.0, &[("Broadcaster", 0.12)]),
        };

        let text = table(&[pair]);

        assert!(text.contains("2 cores, measured"), "{text}");
        assert!(text.contains("16 cores, calculated"), "{text}");
        let row = "| everyone | 8,000 | 12,000 | 1.50 | 16,000 (× 2.00) | 10,000 | 20,000 | 100,000 | Broadcaster | 10.000 | 100,000 | 10.0 |";
        assert!(text.contains(row), "{text}");
    }
}
