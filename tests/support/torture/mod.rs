//! All who take part in the torture: publishers, listeners, the database under the server, and the ledger that compares.

pub(crate) mod arena;
pub(crate) mod database;
pub(crate) mod ledger;
pub(crate) mod listener;
pub(crate) mod publisher;
