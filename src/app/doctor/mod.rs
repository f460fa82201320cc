//! `campanile doctor`: opens streams through the real path of a browser, and tells what a proxy on it does wrong, with the line that
//! mends it.

mod exchange;
mod mends;
mod report;
mod streams;
mod wire;

use std::time::Duration;

use crate::app::doctor::report::Check;
use crate::app::doctor::wire::Site;
use crate::app::error::StartError;
use crate::config::DoctorCommand;
use crate::outgoing;

/// Examines an address and prints what was found. An error if there is a finding.
pub fn doctor(command: &DoctorCommand) -> Result<(), StartError> {
    let caller = &command.caller;
    let roots = outgoing::roots(caller.ca_file.as_deref()).map_err(StartError::Authorities)?;
    let site = Site::new(command.url.clone(), caller.token(), roots).map_err(StartError::Hub)?;
    let watch = Duration::from_secs(command.idle);
    let checks = actix_web::rt::System::new().block_on(examine(&site, watch));
    report::print(site.origin.as_str(), &checks, command.json)
}

async fn examine(site: &Site, watch: Duration) -> Vec<Check> {
    let (reached, told) = match exchange::reach(site).await {
        Ok(reached) => reached,
        Err(fault) => return vec![fault],
    };
    let clock = exchange::clock(&told);
    let (token, who) = exchange::token(site).await;
    let (version, headers, cookies, forwarded, cors, body, websocket, stream) = futures::join!(
        exchange::http_version(site),
        exchange::headers(site),
        exchange::cookies(site, &who),
        exchange::forwarded(site, &who),
        exchange::cors(site),
        exchange::body_limit(site),
        streams::websocket(site, &who),
        streams::stream(site, &who, watch),
    );
    let mut checks = vec![reached, exchange::tls(site), version, clock];
    // Headers cannot be seen without an accepted token, so the check of the token takes the place of theirs.
    checks.extend(headers.into_iter().filter(|check| check.name != token.name));
    checks.push(token);
    checks.extend([forwarded, cookies, cors]);
    checks.extend(stream);
    checks.extend([websocket, body]);
    checks
}
