//! The command line.

use std::error::Error as _;
use std::process::ExitCode;

use campanile::app;
use campanile::config::{Command, CommandLine, UserCommand};
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return refuse(&error),
    };
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
        Err(error) => complain(&error.to_string()),
    }
}

/// A bad value gets one line that does not repeat it: it may be a secret. Help, the version and a wrong use get what
/// clap shows of them.
fn refuse(error: &clap::Error) -> ExitCode {
    let (ErrorKind::ValueValidation | ErrorKind::InvalidValue, Some(setting)) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        error.exit()
    };
    let why = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(values))) => format!("expected {}", values.join(" or ")),
        (None, _) => "not understood".to_owned(),
    };
    complain(&format!("invalid value for {setting}: {why}"))
}

/// The line a person needs, whatever the log's filter, and the exit code scripts look at.
#[expect(
    clippy::print_stderr,
    reason = "the log may be off, and this is why nothing else follows"
)]
fn complain(line: &str) -> ExitCode {
    eprintln!("campanile: {line}");
    ExitCode::from(2)
}
