//! The workloads. Those that need the same streams share one started server and run one after the other.

mod publishing;
mod running;
mod session;
mod storm;
mod workload;

pub(crate) use publishing::{WINDOW, set_books, set_cost, set_latency};
pub(crate) use session::Session;
pub(crate) use workload::{Setup, Wishes, Workload};
