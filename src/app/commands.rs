//! The commands beside `serve`.

use std::io::{self, Read};

use crate::app::error::StartError;
use crate::app::secrets;
use crate::auth::{self, Passwords, Tokens};
use crate::config::{TokenCheck, TokenCommand, TokenSubcommand, UserAdd};
use crate::metrics::Metrics;
use crate::store::{NewAccount, Store, StoreError};

/// `campanile token`: prints a token on stdout, or explains one.
pub fn token(command: &TokenCommand) -> Result<(), StartError> {
    if let Some(TokenSubcommand::Check(check)) = &command.instead {
        return check_token(check);
    }
    let (Some(subject), Some(role)) = (&command.sub, command.role) else {
        return Err(StartError::Sign("--sub and --role are required".to_owned()));
    };
    let tokens = Tokens::new(&secrets::find(&command.secret)?);
    let issued = tokens.issue(subject, role, command.ttl);
    print(
        &issued
            .map_err(|cause| StartError::Sign(cause.to_string()))?
            .token,
    );
    Ok(())
}

/// `campanile token check`: shows what is in a token, and the reason if it is refused. Revocations and accounts are in the
/// database of a hub, and are not looked at.
fn check_token(check: &TokenCheck) -> Result<(), StartError> {
    let token = if check.token == "-" {
        text_from_stdin()?
    } else {
        check.token.clone()
    };
    let token = token.trim();
    if let Ok([header, claims]) = auth::contents(token) {
        print(&format!("header: {header}\nclaims: {claims}"));
    }
    let tokens = Tokens::new(&secrets::find(&check.secret)?);
    let claims = tokens
        .verify(token)
        .map_err(|fault| StartError::Token(fault.to_string()))?;
    print(&format!(
        "good: it speaks for {} as {} until {}, unless it was revoked or its account forbids it",
        claims.subject, claims.role, claims.expires_at
    ));
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "printing is the purpose of these commands"
)]
fn print(line: &str) {
    println!("{line}");
}

fn text_from_stdin() -> io::Result<String> {
    let mut text = String::new();
    let mut bounded = io::stdin().lock().take(MOST_INPUT_BYTES);
    bounded.read_to_string(&mut text)?;
    Ok(text)
}

/// `campanile user add`: adds an account with the password on stdin.
pub fn add_user(command: UserAdd) -> Result<(), StartError> {
    let password = text_from_stdin()?;
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
        let made = create(&store, account).await;
        store.close().await;
        match made {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict) => Err(StartError::UserExists(command.id.to_string())),
            Err(cause) => Err(cause.into()),
        }
    })
}

/// Creates an account, unless its id leads to one that was made under an earlier rule: then there is a conflict, as over HTTP.
async fn create(store: &Store, account: NewAccount) -> Result<(), StoreError> {
    let former = store.former_ids().await?;
    if former.contains_key(account.id.as_str()) {
        return Err(StoreError::Conflict);
    }
    store.create_account(account).await.map(drop)
}

/// A password has at most 256 characters, a token at most 4 KiB; a longer one is refused for its length.
const MOST_INPUT_BYTES: u64 = 8 * 1024;
