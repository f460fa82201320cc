//! The data folder, the signing secret in it, and the first password.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::alarm::{Role, UserId};
use crate::app::error::StartError;
use crate::auth::{Passwords, Seal, Secret, random_password};
use crate::config::{KeySecretSetting, SecretSetting};
use crate::store::{Actor, Location, NewAccount, Store, StoreError};

/// The secret of the hub: that of the settings, or the one in the data folder, which is made at the first start.
pub(super) fn read(setting: &SecretSetting) -> Result<Secret, StartError> {
    if let Some(secret) = given(setting)? {
        return Ok(secret);
    }
    let path = secret_path();
    create_folder(Path::new(DATA_FOLDER))?;
    let text = Secret::random();
    write_private(&path, &text).map_err(|cause| unusable(&path, cause))?;
    Ok(Secret::parse(&text)?)
}

/// The secret for a command beside the hub. A new one would sign tokens that no hub takes, so none is made.
pub(super) fn find(setting: &SecretSetting) -> Result<Secret, StartError> {
    given(setting)?.ok_or_else(|| {
        let path = secret_path();
        let path = std::path::absolute(&path).unwrap_or(path);
        StartError::NoSecret(path.display().to_string())
    })
}

/// The secret of the settings, or the one in the data folder.
fn given(setting: &SecretSetting) -> Result<Option<Secret>, StartError> {
    if let Some(secret) = &setting.jwt_secret {
        return Ok(Some(secret.clone()));
    }
    let path = secret_path();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Secret::parse(&text)?)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unusable(&path, cause)),
    }
}

/// The secret that seals the hub's own signing keys: that of the settings, or the one that signs tokens.
pub(super) fn seal(setting: &KeySecretSetting, secret: &Secret) -> Result<Seal, StartError> {
    let seal = Seal::of(setting.key_secret.as_ref().unwrap_or(secret));
    seal.map_err(|cause| StartError::SigningKeys(cause.to_string()))
}

fn secret_path() -> PathBuf {
    Path::new(DATA_FOLDER).join("jwt-secret")
}

fn unusable(path: &Path, cause: io::Error) -> StartError {
    StartError::Data {
        path: path.display().to_string(),
        cause,
    }
}

/// Writes a file that only its owner may read, from its first byte on.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A folder for secrets and password hashes is its owner's alone; one that is there stays as it is.
fn create_folder(folder: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(|cause| StartError::Data {
        path: folder.display().to_string(),
        cause,
    })
}

/// Makes the first account on an empty database: an administrator, who can make others.
pub(super) async fn create_first_admin(
    store: &Store,
    passwords: &Passwords,
) -> Result<(), StartError> {
    if store.account_count().await? > 0 {
        return Ok(());
    }
    let password = random_password();
    let account = NewAccount {
        role: Some(Role::Admin),
        password_hash: Some(passwords.hash(password.clone()).await?),
        ..NewAccount::named(UserId::parse("admin")?)
    };
    let by = Actor::command("campanile serve");
    match store.create_account(account, by).await {
        Ok(_created) => tell_once(&format!(
            "created the account admin with the password {password}"
        )),
        // Another hub on the same database was first, and told its password.
        Err(StoreError::Conflict) => {}
        Err(cause) => return Err(cause.into()),
    }
    Ok(())
}

/// Tells a line that is never told again: on standard error if the log's filter would drop it.
#[expect(
    clippy::print_stderr,
    reason = "nobody could sign in to a hub whose first password was filtered out"
)]
fn tell_once(line: &str) {
    if log::log_enabled!(log::Level::Info) {
        log::info!("{line}");
    } else {
        eprintln!("campanile: {line}");
    }
}

/// Makes the folder of a database file.
pub(super) fn create_folder_of(location: &Location) -> Result<(), StartError> {
    if let Location::Sqlite(path) = location
        && let Some(folder) = Path::new(path)
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
    {
        create_folder(folder)?;
    }
    Ok(())
}

/// Checks that a database file is there, for a command beside a hub: a new one would be that of no hub, so none is made.
pub(super) fn require(location: &Location) -> Result<(), StartError> {
    match location {
        Location::Sqlite(path) if !Path::new(path).exists() => {
            let path = Path::new(path);
            let path = std::path::absolute(path).unwrap_or_else(|_cause| path.to_owned());
            Err(StartError::NoDatabase(path.display().to_string()))
        }
        Location::Sqlite(_) | Location::Postgres(_) => Ok(()),
    }
}

/// The folder of the secret, and by default of the database.
const DATA_FOLDER: &str = "campanile-data";
