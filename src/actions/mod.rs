//! The actions of the hub, without HTTP: each returns its result or a typed refusal. The JSON routes, the pages and
//! every protocol call the same actions.

pub(crate) mod accounts;
pub(crate) mod alarm_types;
pub(crate) mod api_keys;
pub(crate) mod audience;
pub(crate) mod audit;
mod canonical;
pub(crate) mod deliveries;
pub(crate) mod expiry;
pub(crate) mod figures;
pub(crate) mod identity;
pub(crate) mod inbox;
pub(crate) mod issuers;
pub(crate) mod key_uses;
pub(crate) mod known_rooms;
pub(crate) mod leaving;
mod life;
pub(crate) mod mercure;
pub(crate) mod mercure_tokens;
pub(crate) mod networks;
pub(crate) mod openings;
pub(crate) mod pace;
pub(crate) mod providers;
pub(crate) mod publish;
pub(crate) mod rate;
mod refusal;
pub(crate) mod retelling;
pub(crate) mod retracting;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
mod state;
pub(crate) mod streams;
mod terms;
pub(crate) mod unstored;
pub(crate) mod updates;
pub(crate) mod user_tokens;

pub(crate) use refusal::{Overload, Refusal, names};
pub(crate) use state::{AppState, Policy, Readiness, Turns};
pub(crate) use terms::{Forbidden, Rule, Thing};
