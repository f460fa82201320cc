//! The load generator of Campanile, and the servers it is measured beside. Everything happens on this machine's loopback network, for a
//! bounded time, with one core for the server and one for the load.

mod args;
mod bars;
mod caller;
mod chart;
mod clock;
mod cluster;
mod commands;
mod cores;
mod cpu;
mod crowds;
mod dashboard;
mod disk;
mod document;
mod error;
mod figures;
mod ground;
mod growth;
mod http;
mod internals;
mod ledger;
mod mercure;
mod postgres;
mod proc;
mod report;
mod run;
mod servers;
mod stamp;
mod svg;
mod swarm;
mod tokens;
mod transports;
mod turns;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Command, CommandLine};

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Run(command) => run::run(&command),
        Command::Transports(command) => transports::run(&command),
        Command::Cluster(command) => cluster::run(&command),
        Command::Cores(command) => run::cores(&command),
        Command::Dashboard(command) => dashboard::run(&command),
        Command::Tokens(command) => tokens::run(&command),
        Command::Growth(command) => growth::run(&command),
        Command::Crowds(command) => crowds::run(&command),
        Command::Mercure(command) => mercure::run(&command),
        Command::Report(command) => document::write(&command),
        Command::Floor { address } => servers::floor::serve(address),
        Command::BackEnd { address } => servers::pushpin::serve_back_end(address),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("campanile-bench: {cause}");
            ExitCode::from(2)
        }
    }
}
