//! The workloads. Those that need the same streams share one started server and run one after the other.

mod fan_out;
mod publishing;
mod running;
mod session;
mod storm;
mod workload;

pub(crate) use session::Session;
pub(crate) use workload::{Setup, Wishes, Workload};
