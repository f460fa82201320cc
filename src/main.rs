//! The command line.

use std::process::ExitCode;

use campanile::app;
use campanile::config::{Command, CommandLine, UserCommand};
use clap::Parser;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let line = CommandLine::parse();
    let done = match line.command {
        None => app::serve(line.serve),
        Some(Command::Serve(config)) => app::serve(config),
        Some(Command::Token(token)) => app::print_token(&token),
        Some(Command::User {
            command: UserCommand::Add(user),
        }) => app::add_user(user),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The one line a person needs, and the exit code scripts look at.
            log::error!("{error}");
            ExitCode::from(2)
        }
    }
}
