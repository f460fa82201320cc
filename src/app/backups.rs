//! `campanile backup`, `restore` and `check`.

use serde_json::json;

use crate::app::error::StartError;
use crate::app::{output, secrets};
use crate::config::{BackupCommand, CheckCommand, RestoreCommand};
use crate::store::{self, Location, Settled};

/// Copies a database file.
pub fn backup(command: &BackupCommand) -> Result<(), StartError> {
    match command.database.url.location() {
        Location::Sqlite(path) => Ok(store::back_up(path, &command.file)?),
        Location::Postgres(_) => Err(StartError::Refused(BACKUP_OF_SERVER.to_owned())),
    }
}

/// Restores a database file, or makes a server ready that was restored.
pub fn restore(command: &RestoreCommand) -> Result<(), StartError> {
    let location = command.database.url.location();
    let settled = match (location, &command.file) {
        (Location::Sqlite(path), Some(file)) => {
            secrets::create_folder_of(location)?;
            store::restore(location, path, file, command.replace)?
        }
        (Location::Postgres(_), None) => store::settle_server(location)?,
        (Location::Sqlite(_), None) => {
            return Err(StartError::Refused("name the backup to restore".to_owned()));
        }
        (Location::Postgres(_), Some(_)) => {
            return Err(StartError::Refused(RESTORE_OF_SERVER.to_owned()));
        }
    };
    tell(settled)
}

fn tell(settled: Settled) -> Result<(), StartError> {
    output::line(&format!(
        "restored up to id {}; new alarms begin after {}; every session has ended",
        settled.copied_up_to, settled.new_after
    ))?;
    if settled.keys_off > 0 {
        output::line(&format!(
            "{} API keys are off until they are enabled: campanile api-key list",
            settled.keys_off
        ))?;
    }
    Ok(())
}

/// Examines the database.
pub fn check(command: &CheckCommand) -> Result<(), StartError> {
    let report = store::examine_at(command.database.url.location())?;
    let is_whole = report.findings.is_empty();
    if command.json {
        output::line(&json!({"ok": is_whole, "report": report}).to_string())?;
    } else if is_whole {
        output::line(&format!(
            "the database is whole: {} alarms up to id {}, {} accounts",
            report.alarms, report.last_id, report.accounts
        ))?;
    } else {
        for finding in &report.findings {
            output::line(finding)?;
        }
    }
    if is_whole {
        return Ok(());
    }
    Err(StartError::Refused("the database is not whole".to_owned()))
}

const BACKUP_OF_SERVER: &str = "a PostgreSQL database is copied by its own tools: \
     pg_dump --format=custom --file=FILE \"$CAMPANILE_DATABASE_URL\"";

const RESTORE_OF_SERVER: &str = "a PostgreSQL database is restored by its own tools: \
     pg_restore --clean --if-exists --dbname=\"$CAMPANILE_DATABASE_URL\" FILE, then campanile restore without a file";
