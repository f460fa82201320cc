//! The updates of the Mercure protocol. Their ids come from the counter of the log, so they are in order with the alarms, but
//! their rows are in tables of their own: no query of alarms can find one.

pub(super) mod append;
mod pruning;
mod replay;
mod row;

pub(super) use pruning::prune_updates;
