//! The commands beside `serve`.

use std::io::{self, Read};

use crate::app::error::StartError;
use crate::app::secrets;
use crate::auth::{Passwords, Tokens};
use crate::config::{TokenCommand, UserAdd};
use crate::metrics::Metrics;
use crate::store::{NewAccount, Store, StoreError};

/// `campanile token`: prints a token on stdout.
#[expect(
    clippy::print_stdout,
    reason = "printing the token is the command's purpose"
)]
pub fn print_token(command: &TokenCommand) -> Result<(), StartError> {
    let tokens = Tokens::new(&secrets::read(&command.secret)?);
    let issued = tokens.issue(&command.sub, command.role, command.ttl);
    println!(
        "{}",
        issued
            .map_err(|cause| StartError::Sign(cause.to_string()))?
            .token
    );
    Ok(())
}

/// `campanile user add`: adds an account with the password on stdin.
pub fn add_user(command: UserAdd) -> Result<(), StartError> {
    let mut password = String::new();
    io::stdin()
        .lock()
        .take(MOST_PASSWORD_BYTES)
        .read_to_string(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    actix_web::rt::System::new().block_on(async {
        let hash = Passwords::new()?.hash(password).await?;
        let location = command.database.url.location();
        secrets::create_folder_of(location)?;
        let store = Store::open(location, Metrics::default())?;
        let account = NewAccount {
            display_name: command.display_name,
            role: Some(command.role),
            password_hash: Some(hash),
            ..NewAccount::named(command.id.clone())
        };
        let made = store.create_account(account).await;
        store.close().await;
        match made {
            Ok(_created) => Ok(()),
            Err(StoreError::Conflict) => Err(StartError::UserExists(command.id.to_string())),
            Err(cause) => Err(cause.into()),
        }
    })
}

/// A password has at most 256 characters.
const MOST_PASSWORD_BYTES: u64 = 4_096;
