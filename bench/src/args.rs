//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::growth::results::DatabaseKind;
use crate::servers::Kind;
use crate::workloads::{Wishes, Workload};

/// Loads Campanile and the servers it is measured beside, on this machine only, and says what each did.
#[derive(Debug, Parser)]
#[command(name = "campanile-bench", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run workloads and print their figures.
    Run(RunCommand),
    /// Measure the five transports of the hub's stream, one after the other.
    Transports(TransportsCommand),
    /// Measure one hub on one core and on every core, and calculate what it would do with many.
    Cores(CoresCommand),
    /// Measure several hubs on one PostgreSQL.
    Cluster(ClusterCommand),
    /// Measure everything and write `docs/internals/performance.md`, its figures and its pictures.
    Report(ReportCommand),
    /// Measure what grows with the size of the database, on SQLite and on a PostgreSQL of its own.
    Growth(GrowthCommand),
    /// Measure the CPU time of a request by the kind of its token.
    Tokens(TokensCommand),
    /// Measure the Mercure protocol: publishing, the cost of an update among many subscriptions, and a long history.
    Mercure(MercureCommand),
    /// Draw the panels of the Grafana dashboard from what a Prometheus tells of a hub under load.
    Dashboard(DashboardCommand),
    /// Measure what crowds do to others: members who come and go, a return after a kill, polls that wait.
    Crowds(CrowdsCommand),
    /// Be the bare epoll loop (started by the bench itself).
    #[command(hide = true)]
    Floor {
        /// The address to listen on.
        address: SocketAddr,
    },
    /// Be the back end behind pushpin (started by the bench itself).
    #[command(hide = true)]
    BackEnd {
        /// The address to listen on.
        address: SocketAddr,
    },
}

/// `campanile-bench run`.
#[derive(Debug, Args)]
pub(crate) struct RunCommand {
    /// The servers, in this order.
    #[arg(long, value_delimiter = ',', default_value = "campanile,nchan,floor")]
    pub(crate) servers: Vec<Kind>,
    /// The workloads; all if none is named.
    #[arg(long, value_delimiter = ',')]
    pub(crate) workloads: Vec<Workload>,
    /// The number of repetitions; the medians are reported.
    #[arg(long, visible_alias = "runs", default_value_t = 1)]
    pub(crate) repeat: usize,
    /// The duration of a workload's measurement.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// Streams, instead of each workload's own number.
    #[arg(long)]
    pub(crate) clients: Option<usize>,
    /// Publishers, instead of each workload's own number.
    #[arg(long)]
    pub(crate) publishers: Option<usize>,
    /// Alarms a second, for workloads at a fixed rate.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Alarms a publisher in closed loop may have under way to the slowest reader.
    #[arg(long)]
    pub(crate) window: Option<usize>,
    /// Write everything here as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench transports`.
#[derive(Debug, Args)]
pub(crate) struct TransportsCommand {
    /// Clients of each transport; 10,000 at most.
    #[arg(long, default_value_t = 500)]
    pub(crate) clients: usize,
    /// Alarms a second for each client; each is measured on its own.
    #[arg(long, value_delimiter = ',', default_value = "0.1,1,20")]
    pub(crate) rates: Vec<f64>,
    /// The duration of each measurement, 60 at most; a slow rate takes longer, so that every client receives an event.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// The seconds between two requests of a polling client.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) poll_every: f64,
    /// The number of repetitions; the medians are reported.
    #[arg(long, default_value_t = 1)]
    pub(crate) runs: usize,
    /// Folder of the documents: write transports.md, transports.svg and transports.json into its `internals`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) docs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench cores`.
#[derive(Debug, Args)]
pub(crate) struct CoresCommand {
    /// The number of repetitions; the medians are reported.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeat: usize,
    /// The duration of each measurement; there are six in a repetition.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// Folder of the documents: write cores.md into its `internals`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) docs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench cluster`.
#[derive(Debug, Args)]
pub(crate) struct ClusterCommand {
    /// Numbers of hubs, each measured on its own; 16 hubs at most.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16")]
    pub(crate) hubs: Vec<usize>,
    /// The duration of each measurement; there are four for each number of hubs.
    #[arg(long, default_value_t = 8.0)]
    pub(crate) seconds: f64,
    /// Alarms a second, where latency is measured.
    #[arg(long, default_value_t = 50.0)]
    pub(crate) rate: f64,
    /// Streams over all hubs.
    #[arg(long, default_value_t = 320)]
    pub(crate) streams: usize,
    /// Folder: write measured.md, its pictures and its figures into it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench report`.
#[derive(Debug, Args)]
pub(crate) struct ReportCommand {
    /// The number of repetitions of each workload that shows whether a limit is reached; the medians are reported.
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: usize,
    /// The number of repetitions of the other workloads and of `campanile-in-memory`.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeat_others: usize,
    /// The duration of fan-out and of each workload that shows whether a limit is reached.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// The duration of the other workloads.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) seconds_of_others: f64,
    /// The servers, in this order.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "floor,nchan,campanile,campanile-without-store,campanile-in-memory,node,mercure,centrifugo,spring,pushpin"
    )]
    pub(crate) servers: Vec<Kind>,
    /// No repetition is begun that would not be over after so many minutes.
    #[arg(long, default_value_t = 34.0)]
    pub(crate) minutes: f64,
    /// Folder of the documents.
    #[arg(long, value_name = "FOLDER", default_value = "docs")]
    pub(crate) docs: PathBuf,
    /// The name of the measured version, such as a commit.
    #[arg(long, default_value = "a release build")]
    pub(crate) of: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench growth`.
#[derive(Debug, Args)]
pub(crate) struct GrowthCommand {
    /// The rows of the log; each size is filled and measured on its own. A row needs some 400 bytes of the disk.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000,10000000")]
    pub(crate) rows: Vec<u64>,
    /// The databases.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    pub(crate) databases: Vec<DatabaseKind>,
    /// Requests of each kind; the median is reported.
    #[arg(long, default_value_t = 40)]
    pub(crate) asked: usize,
    /// The longest time for which publishing is measured beside pruning, in seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) pruning_seconds: u64,
    /// Folder of the documents: write growth.md and growth.svg into its `internals`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) docs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench tokens`.
#[derive(Debug, Args)]
pub(crate) struct TokensCommand {
    /// Requests with each kind of token in each repetition.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) requests: usize,
    /// The number of repetitions, of all kinds in turn; the medians are reported.
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: usize,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench mercure`.
#[derive(Debug, Args)]
pub(crate) struct MercureCommand {
    /// The databases.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    pub(crate) databases: Vec<DatabaseKind>,
    /// Subscriptions to other exact topics; 15,000 at most.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) exact: usize,
    /// Subscriptions to patterns, each another one; 5,000 at most.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) patterns: usize,
    /// Updates of other topics in the history; 1,000,000 at most.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) history: u64,
    /// The duration of each measurement.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// Folder of the documents: write mercure-cost.md into its `internals`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) docs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench dashboard`.
#[derive(Debug, Args)]
pub(crate) struct DashboardCommand {
    /// The seconds under load; 600 at most.
    #[arg(long, default_value_t = 120)]
    pub(crate) seconds: u64,
    /// The file of the dashboard.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "deploy/grafana/campanile-dashboard.json"
    )]
    pub(crate) dashboard: PathBuf,
    /// The picture to write.
    #[arg(long, value_name = "FILE", default_value = "docs/guide/dashboard.svg")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `campanile-bench crowds`.
#[derive(Debug, Args)]
pub(crate) struct CrowdsCommand {
    /// The databases.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    pub(crate) databases: Vec<DatabaseKind>,
    /// Members of the room, and clients that come back; half as many polls, half as many more silent streams. 12,000 at most.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) clients: usize,
    /// Members who join or leave a second.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) movements: f64,
    /// Clients a second that come back and read from the log.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) replays: f64,
    /// Alarms a second beside them.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) rate: f64,
    /// The duration of each measurement.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// Turns with and without a crowd.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Folder of the documents: write crowds.md into its `internals`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) docs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

impl DashboardCommand {
    /// The time under load.
    pub(crate) fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds.clamp(10, 600))
    }
}

impl CrowdsCommand {
    /// The duration of each measurement.
    pub(crate) fn lasting(&self) -> Duration {
        duration(self.seconds)
    }
}

impl GrowthCommand {
    pub(crate) fn pruning(&self) -> Duration {
        Duration::from_secs(self.pruning_seconds)
    }
}

impl MercureCommand {
    /// The duration of each measurement.
    pub(crate) fn lasting(&self) -> Duration {
        duration(self.seconds)
    }
}

impl ReportCommand {
    /// Only those measure longer that a bar is about.
    pub(crate) fn wishes(&self, kind: Kind) -> Wishes {
        let lasting = duration(self.seconds_of_others);
        let deciding = match kind {
            Kind::CampanileInMemory | Kind::Pushpin => lasting,
            _ => duration(self.seconds),
        };
        Wishes {
            lasting,
            deciding,
            clients: None,
            publishers: None,
            rate: None,
            window: None,
        }
    }
}

/// The paths of the measured binaries, and the folder for the servers' files.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The hub's binary [default: `campanile` beside the bench's own].
    #[arg(long, value_name = "FILE")]
    pub(crate) campanile: Option<PathBuf>,
    /// The binary of the server `before`, so that a gain is a ratio within one run.
    #[arg(long, value_name = "FILE")]
    pub(crate) before: Option<PathBuf>,
    /// Folder for the servers' files; a real disk [default: where the bench's binary is].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

impl CoresCommand {
    pub(crate) fn wishes(&self) -> Wishes {
        wishes(self.seconds)
    }
}

impl RunCommand {
    pub(crate) fn wishes(&self) -> Wishes {
        Wishes {
            clients: self.clients,
            publishers: self.publishers,
            rate: self.rate,
            window: self.window,
            ..wishes(self.seconds)
        }
    }
}

/// Everything as the workloads are, for that long each.
fn wishes(seconds: f64) -> Wishes {
    Wishes {
        lasting: duration(seconds),
        deciding: duration(seconds),
        clients: None,
        publishers: None,
        rate: None,
        window: None,
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.1, 60.0))
}
