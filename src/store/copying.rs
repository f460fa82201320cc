//! Copies of a database file: one is taken while a hub uses the file, and put in its place again when none does.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::store::connection::DbConnection;
use crate::store::opening::lock;
use crate::store::settling::{self, Remains, Settled};
use crate::store::{Location, OpenError, StoreError, examination, version};

/// The reason why nothing was copied or restored.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database, or a file.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something stands in the way, or the copy is not good.
    #[error("{0}")]
    Refused(String),
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        Self::Open(error.into())
    }
}

/// Writes a copy of a database file as it is at one moment. The file appears when it is whole, and only its owner may read it.
pub(crate) fn back_up(database: &str, target: &Path) -> Result<(), CopyError> {
    require(Path::new(database))?;
    if target.exists() {
        return Err(refused(format!("{} is there already", target.display())));
    }
    let partial = with_suffix(target, ".partial");
    let copied = vacuum_into(database, &partial).and_then(|()| {
        // Unlike a renaming, a link replaces nothing that has come there meanwhile.
        fs::hard_link(&partial, target).map_err(|cause| file_error(target, cause))
    });
    // Also after a success: the name of the whole copy is another one.
    let _removed = fs::remove_file(&partial);
    copied
}

fn vacuum_into(database: &str, partial: &Path) -> Result<(), CopyError> {
    let file = private(partial).map_err(|cause| file_error(partial, cause))?;
    let name = partial
        .to_str()
        .ok_or_else(|| refused(format!("{} is a name that is not UTF-8", partial.display())))?;
    let mut connection = open(database)?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(name)
        .execute(&mut connection)
        .map_err(StoreError::from)?;
    file.sync_all().map_err(|cause| file_error(partial, cause))
}

/// Puts a copy in the place of a database file, brings its schema up to date, and settles it. What was there is kept beside it.
pub(crate) fn restore(
    location: &Location,
    database: &str,
    copy: &Path,
    replace: bool,
) -> Result<Settled, CopyError> {
    require(copy)?;
    if fs::metadata(with_suffix(copy, "-wal")).is_ok_and(|file| file.len() > 0) {
        return Err(refused(format!(
            "{} is a database in use and no backup: there is a -wal file beside it",
            copy.display()
        )));
    }
    let _lock = lock(location)?;
    let there = Path::new(database);
    let replaced = what_remains(database, there.exists(), replace)?;
    let new = with_suffix(there, ".restoring");
    let settled = prepare(copy, &new, replaced);
    let settled = settled.inspect_err(|_failed| {
        // A part of it is of no use.
        let _removed = fs::remove_file(&new);
    })?;
    put_in_place(&new, there).map_err(|cause| file_error(there, cause))?;
    Ok(settled)
}

/// Reads what the copy lacks from the database that it replaces; refuses to replace one that has alarms.
fn what_remains(
    database: &str,
    is_there: bool,
    replace: bool,
) -> Result<Option<Remains>, CopyError> {
    if !is_there {
        return Ok(None);
    }
    let read = open(database).and_then(|mut connection| Ok(settling::remains(&mut connection)?));
    let why = match read {
        Ok(remains) if remains.last_id == 0 || replace => return Ok(Some(remains)),
        Ok(_alarms) => "has alarms".to_owned(),
        // A damaged file is what a backup is for.
        Err(_cause) if replace => return Ok(None),
        Err(cause) => format!("cannot be read ({cause})"),
    };
    Err(refused(format!(
        "{database} {why}: --replace puts the backup in its place, and keeps it beside"
    )))
}

/// Makes a file that can serve: checked, of the schema of today, and settled.
fn prepare(copy: &Path, new: &Path, replaced: Option<Remains>) -> Result<Settled, CopyError> {
    remove_if_there(new).map_err(|cause| file_error(new, cause))?;
    let mut target = private(new).map_err(|cause| file_error(new, cause))?;
    let mut source = File::open(copy).map_err(|cause| file_error(copy, cause))?;
    io::copy(&mut source, &mut target).map_err(|cause| file_error(new, cause))?;
    let no_backup = |cause: String| refused(format!("{} is no backup: {cause}", copy.display()));
    let name = new.to_str().unwrap_or_default();
    let mut connection = DbConnection::Sqlite(open(name)?);
    version::check(&mut connection)?;
    settling::remains_of(&mut connection).map_err(|cause| no_backup(cause.text()))?;
    connection.migrate()?;
    let report = examination::examine(&mut connection)?;
    if let Some(finding) = report.findings.first() {
        return Err(no_backup(finding.clone()));
    }
    let settled = settling::settle(&mut connection, replaced)?;
    // Without a write-ahead log the file alone is the whole database.
    connection
        .batch_execute("PRAGMA journal_mode=DELETE")
        .map_err(StoreError::from)?;
    drop(connection);
    target.sync_all().map_err(|cause| file_error(new, cause))?;
    Ok(settled)
}

/// The files of the former database get other names first: its write-ahead log must not meet the new file.
fn put_in_place(new: &Path, there: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let former = with_suffix(there, suffix);
        let kept = with_suffix(there, &format!(".replaced{suffix}"));
        remove_if_there(&kept)?;
        match fs::rename(&former, &kept) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    fs::rename(new, there)?;
    match there
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn open(database: &str) -> Result<SqliteConnection, CopyError> {
    let opened = SqliteConnection::establish(database);
    let mut connection = opened.map_err(|cause| OpenError::Connect(cause.to_string()))?;
    connection
        .batch_execute("PRAGMA busy_timeout=5000")
        .map_err(StoreError::from)?;
    Ok(connection)
}

/// SQLite would make a file that is not there.
fn require(file: &Path) -> Result<(), CopyError> {
    match fs::metadata(file) {
        Ok(_there) => Ok(()),
        Err(cause) => Err(file_error(file, cause)),
    }
}

/// A new file that only its owner may read.
fn private(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}

fn file_error(path: &Path, cause: io::Error) -> CopyError {
    let path = path.display().to_string();
    CopyError::Open(OpenError::File { path, cause })
}

fn refused(why: String) -> CopyError {
    CopyError::Refused(why)
}
