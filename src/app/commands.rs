//! `campanile token`.

use std::io::{self, Read};

use crate::app::error::StartError;
use crate::app::{output, secrets};
use crate::auth::{self, Issuers, Tokens};
use crate::config::{TokenCheck, TokenCommand, TokenSubcommand};

/// `campanile token`: prints a token on stdout, or explains one.
pub fn token(command: &TokenCommand) -> Result<(), StartError> {
    if let Some(TokenSubcommand::Check(check)) = &command.instead {
        return check_token(check);
    }
    let (Some(subject), Some(role)) = (&command.sub, command.role) else {
        return Err(StartError::Sign("--sub and --role are required".to_owned()));
    };
    let tokens = Tokens::new(&secrets::find(&command.secret)?, Issuers::default());
    let issued = tokens.issue(subject, role, command.ttl);
    let issued = issued.map_err(|cause| StartError::Sign(cause.to_string()))?;
    output::line(&issued.token)?;
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
        output::line(&format!("header: {header}\nclaims: {claims}"))?;
    }
    let tokens = Tokens::new(&secrets::find(&check.secret)?, Issuers::default());
    let claims = tokens
        .verify(token)
        .map_err(|fault| StartError::Token(fault.to_string()))?;
    output::line(&format!(
        "good: it speaks for {} as {} until {}, unless it was revoked or its account forbids it",
        claims.subject, claims.role, claims.expires_at
    ))?;
    Ok(())
}

pub(super) fn text_from_stdin() -> io::Result<String> {
    let mut text = String::new();
    let mut bounded = io::stdin().lock().take(MOST_INPUT_BYTES);
    bounded.read_to_string(&mut text)?;
    Ok(text)
}

/// A password has at most 256 characters, a token at most 4 KiB; a longer one is refused for its length.
const MOST_INPUT_BYTES: u64 = 8 * 1024;
