//! The notification server that this one replaces: its routes, which its pages still call, and its faults, none of which
//! may come back.

mod alarms;
mod delivery;
mod identity;
mod routes;
