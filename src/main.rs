//! The command line.

use std::process::ExitCode;

use campanile::app::{self, StartError};
use campanile::config::{Command, CommandLine, Misuse, UserCommand};

fn main() -> ExitCode {
    let line = match CommandLine::read(std::env::args_os()) {
        Ok(line) => line,
        Err(misuse) => return refuse(&misuse),
    };
    app::log_as(line.log_format());
    let done = match line.command {
        None => app::serve(line.serve),
        Some(Command::Serve(config)) => app::serve(*config),
        Some(Command::Token(token)) => app::token(&token),
        Some(Command::SigningKey { command }) => app::signing_key(&command),
        Some(Command::User { command }) => change_user(command),
        Some(Command::ApiKey { command }) => app::api_key(command),
        Some(Command::Publish(publish)) => app::publish(&publish),
        Some(Command::Tail(tail)) => app::tail(&tail),
        Some(Command::Doctor(doctor)) => app::doctor(&doctor),
        Some(Command::Backup(backup)) => app::backup(&backup),
        Some(Command::Restore(restore)) => app::restore(&restore),
        Some(Command::Check(check)) => app::check(&check),
        Some(Command::Completions(completions)) => app::completions(&completions),
        Some(Command::Man) => app::manual(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), error.exit_code()),
    }
}

fn change_user(command: UserCommand) -> Result<(), StartError> {
    match command {
        UserCommand::Add(user) => app::add_user(user),
        UserCommand::List(list) => app::list_users(&list),
        UserCommand::Disable(user) => app::set_user_disabled(&user, true),
        UserCommand::Enable(user) => app::set_user_disabled(&user, false),
        UserCommand::Password(user) => app::set_user_password(&user),
        UserCommand::Role(user) => app::set_user_role(&user),
        UserCommand::SignOut(user) => app::sign_user_out(&user),
        UserCommand::Delete(user) => app::delete_user(&user),
    }
}

/// Help, the version and a wrong use get what the library shows of them.
fn refuse(misuse: &Misuse) -> ExitCode {
    match misuse {
        Misuse::Value(line) => complain(line, 2),
        Misuse::Usage(error) => error.exit(),
    }
}

/// Tells a line whatever the log's filter, and gives the exit code that scripts look at.
#[expect(
    clippy::print_stderr,
    reason = "the log may be off, and this is why nothing else follows"
)]
fn complain(line: &str, code: u8) -> ExitCode {
    eprintln!("campanile: {line}");
    ExitCode::from(code)
}
