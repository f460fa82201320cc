//! The command line.

use std::process::ExitCode;

use campanile::app;
use campanile::config::{Command, CommandLine, Misuse, UserCommand};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let line = match CommandLine::read(std::env::args_os()) {
        Ok(line) => line,
        Err(misuse) => return refuse(&misuse),
    };
    let done = match line.command {
        None => app::serve(line.serve),
        Some(Command::Serve(config)) => app::serve(config),
        Some(Command::Token(token)) => app::token(&token),
        Some(Command::User {
            command: UserCommand::Add(user),
        }) => app::add_user(user),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

/// Help, the version and a wrong use get what the library shows of them.
fn refuse(misuse: &Misuse) -> ExitCode {
    match misuse {
        Misuse::Value(line) => complain(line),
        Misuse::Usage(error) => error.exit(),
    }
}

/// Tells a line whatever the log's filter, and gives the exit code that scripts look at.
#[expect(
    clippy::print_stderr,
    reason = "the log may be off, and this is why nothing else follows"
)]
fn complain(line: &str) -> ExitCode {
    eprintln!("campanile: {line}");
    ExitCode::from(2)
}
