//! A Prometheus of the bench's own, from its package.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::commands;
use crate::error::Result;
use crate::servers::peer::free_address;

/// The labels of a series, and its points: seconds, and the figure.
pub(super) type Series = (Value, Vec<(f64, f64)>);

pub(super) struct Prometheus {
    process: Child,
    address: SocketAddr,
}

/// The seconds between two scrapes, and between two points of a line.
const STEP: u64 = 2;

impl Prometheus {
    pub(super) fn scraping(hub: SocketAddr, folder: &Path) -> Result<Self> {
        let address = free_address()?;
        let settings = folder.join("prometheus.yml");
        std::fs::write(
            &settings,
            format!(
                "global: {{ scrape_interval: {STEP}s }}\n\
                 scrape_configs: [{{ job_name: campanile, static_configs: [{{ targets: ['{hub}'] }}] }}]\n"
            ),
        )?;
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("figures").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| format!("prometheus: {cause}; it is in the package `prometheus`"))?;
        Ok(Self { process, address })
    }

    /// The series of a query over the last while: the labels of each, and its points as seconds from the begin of that while.
    pub(super) fn series(&self, query: &str, over: Duration) -> Result<Vec<Series>> {
        let end = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let start = end - over.as_secs_f64();
        let told = commands::run(
            Command::new("curl")
                .args([
                    "-sS",
                    "--get",
                    "--data-urlencode",
                    &format!("query={query}"),
                ])
                .arg(format!("-dstart={start}"))
                .arg(format!("-dend={end}"))
                .arg(format!("-dstep={STEP}"))
                .arg(format!("http://{}/api/v1/query_range", self.address)),
            "",
        )?;
        let told: Value = serde_json::from_str(&told)?;
        let series = told.pointer("/data/result").and_then(Value::as_array);
        let series = series.ok_or_else(|| format!("{query}: {told}"))?;
        let series = series.iter().map(|one| {
            let labels = one.get("metric").cloned().unwrap_or_default();
            let values = one.get("values").and_then(Value::as_array);
            let points = values.into_iter().flatten().filter_map(|point| {
                let at = point.get(0)?.as_f64()? - start;
                let value: f64 = point.get(1)?.as_str()?.parse().ok()?;
                value.is_finite().then_some((at, value))
            });
            (labels, points.collect())
        });
        Ok(series.collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}
