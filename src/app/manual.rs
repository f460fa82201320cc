//! The completions of shells and the manual page, made from the command line itself.

use clap::{Command, CommandFactory as _};

use crate::app::error::StartError;
use crate::app::output;
use crate::config::{CommandLine, CompletionsCommand};

/// `campanile completions`.
pub fn completions(command: &CompletionsCommand) -> Result<(), StartError> {
    let mut script = Vec::new();
    clap_complete::generate(
        command.shell,
        &mut CommandLine::command(),
        "campanile",
        &mut script,
    );
    output::bytes(&script)
}

/// `campanile man`: one page, with a section for each command, also for those below another.
pub fn manual() -> Result<(), StartError> {
    let mut page = Vec::new();
    let mut line = CommandLine::command();
    line.build();
    clap_mangen::Man::new(line.clone()).render(&mut page)?;
    sections(&mut page, &line, "CAMPANILE")?;
    output::bytes(&page)
}

/// The sections of the commands below one.
fn sections(page: &mut Vec<u8>, parent: &Command, path: &str) -> Result<(), StartError> {
    let commands = parent.get_subcommands();
    for command in commands.filter(|command| command.get_name() != "help") {
        let path = format!("{path} {}", command.get_name().to_uppercase());
        let man = clap_mangen::Man::new(command.clone());
        page.extend(format!(".SH \"{path}\"\n").bytes());
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        sections(page, command, &path)?;
    }
    Ok(())
}
