//! The actions of the hub, without HTTP: each returns its result or a typed refusal. The JSON routes, the pages and
//! every protocol call the same actions.

pub(crate) mod accounts;
pub(crate) mod audience;
mod canonical;
pub(crate) mod expiry;
pub(crate) mod figures;
pub(crate) mod identity;
pub(crate) mod inbox;
pub(crate) mod networks;
pub(crate) mod openings;
pub(crate) mod pace;
pub(crate) mod publish;
pub(crate) mod rate;
mod refusal;
pub(crate) mod retelling;
pub(crate) mod rooms;
pub(crate) mod sessions;
mod state;
pub(crate) mod streams;
pub(crate) mod unstored;

pub(crate) use refusal::{Forbidden, Overload, Refusal, Rule, Thing, names};
pub(crate) use state::{AppState, Policy, Readiness, Turns};
