//! The environment beside the command line: values are trimmed, an empty one is an unset one, and a refused one is named by
//! its variable.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, FromArgMatches};

/// The reason why a command line is not understood.
#[derive(Debug)]
pub enum Misuse {
    /// A bad value, in one line that does not repeat it: it may be a secret.
    Value(String),
    /// A wrong use, or a question for help or the version.
    Usage(clap::Error),
}

/// Reads the arguments and the environment.
pub(super) fn parse<T: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<T, Misuse> {
    let names = variables(&T::command());
    let found = cleaned(T::command()).try_get_matches_from(arguments);
    let parsed = found.and_then(|mut found| T::from_arg_matches_mut(&mut found));
    parsed.map_err(|error| misuse(error, &names))
}

/// The command with the values of the environment as they are meant.
fn cleaned(command: Command) -> Command {
    command.mut_args(clean).mut_subcommands(cleaned)
}

fn clean(arg: Arg) -> Arg {
    let value = arg.get_env().and_then(std::env::var_os);
    let Some(trimmed) = value.as_deref().and_then(trimmed) else {
        return arg;
    };
    // The library reads the variable itself, so a value that has to be changed takes the place of the default.
    let arg = arg.env(None::<&'static str>);
    if trimmed.is_empty() {
        return arg;
    }
    arg.default_value(trimmed).hide_default_value(true)
}

/// The value without white space around it, if there is some or nothing is left. A value that is not text is left to the parser.
fn trimmed(value: &OsStr) -> Option<String> {
    let text = value.to_str()?;
    let trimmed = text.trim();
    (trimmed.len() != text.len() || trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The flag of each setting and its variable.
fn variables(command: &Command) -> Vec<(String, String)> {
    let own = command.get_arguments().filter_map(|arg| {
        let (flag, variable) = (arg.get_long()?, arg.get_env()?.to_str()?);
        Some((format!("--{flag}"), variable.to_owned()))
    });
    let of_commands = command.get_subcommands().flat_map(variables);
    own.chain(of_commands).collect()
}

fn misuse(error: clap::Error, names: &[(String, String)]) -> Misuse {
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some((_flag, variable)) = names.iter().find(|(_flag, name)| is_not_text(name))
    {
        return Misuse::Value(format!("invalid value for {variable}: it is not UTF-8"));
    }
    let (ErrorKind::ValueValidation | ErrorKind::InvalidValue, Some(setting)) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return Misuse::Usage(error);
    };
    let why = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(values))) => format!("expected {}", values.join(" or ")),
        (None, _) => "not understood".to_owned(),
    };
    let setting = setting.to_string();
    let flag = setting.split(' ').next().unwrap_or_default();
    let variable = names.iter().find(|(known, _variable)| known == flag);
    let variable = variable.map(|(_flag, name)| format!(" ({name})"));
    Misuse::Value(format!(
        "invalid value for {setting}{}: {why}",
        variable.unwrap_or_default()
    ))
}

fn is_not_text(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.to_str().is_none())
}
