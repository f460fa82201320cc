//! The time that the disk needs without the hub: a small page is appended to a file and flushed with `fdatasync`, as each commit does.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use tempfile::NamedTempFile;

use crate::clock::{Clock, nanos};
use crate::error::Result;
use crate::figures::Figures;

/// One page after the other, then pages at half of the rate that reached, each counted from when it was due.
pub(crate) fn measure(folder: &Path) -> Result<Figures> {
    let mut file = NamedTempFile::with_prefix_in("bench-disk-", folder)?;
    let mut figures = Figures::default();
    let file = file.as_file_mut();
    let (per_second, times) = append(file, LASTING, None)?;
    set(&mut figures, "", per_second, &times);
    let (per_second, times) = append(file, LASTING, Some(per_second / 2.0))?;
    set(&mut figures, "half_", per_second, &times);
    Ok(figures)
}

/// Appends for a while; answers how many a second and how long each took, in microseconds.
fn append(
    file: &mut File,
    lasting: Duration,
    per_second: Option<f64>,
) -> Result<(f64, Histogram<u64>)> {
    let page = [0x5A; PAGE];
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let clock = Clock::start();
    let (mut count, mut now) = (0_u32, 0);
    while now < nanos(lasting) {
        let due = per_second.map_or(now, |rate| (f64::from(count) * 1e9 / rate) as u64);
        while clock.nanos() < due {
            std::hint::spin_loop();
        }
        file.write_all(&page)?;
        file.sync_data()?;
        now = clock.nanos();
        count += 1;
        times.saturating_record((now - due) / 1_000);
    }
    Ok((f64::from(count) * 1e9 / now as f64, times))
}

fn set(figures: &mut Figures, load: &str, per_second: f64, times: &Histogram<u64>) {
    let of = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    figures.set(format!("{load}appends_per_s"), per_second);
    figures.set(format!("{load}p50_ms"), of(0.5));
    figures.set(format!("{load}p90_ms"), of(0.9));
    figures.set(format!("{load}p99_ms"), of(0.99));
    figures.set(format!("{load}max_ms"), of(1.0));
}

/// Of a database and of most file systems.
const PAGE: usize = 4_096;

const LASTING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_at_a_rate_are_counted_from_when_they_were_due() {
        let mut file = tempfile::tempfile().unwrap();
        let lasting = Duration::from_millis(50);

        let (_, times) = append(&mut file, lasting, None).unwrap();
        // All are due at once: the last one waits for all before it.
        let (_, late) = append(&mut file, lasting, Some(f64::INFINITY)).unwrap();

        assert!(late.max() >= 50_000, "{}", late.max());
        let length = file.metadata().unwrap().len();
        assert_eq!(length, (times.len() + late.len()) * PAGE as u64);
    }
}
