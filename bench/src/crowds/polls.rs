//! The memory of a long poll that waits.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::http;
use crate::proc;
use crate::servers::Server;
use crate::servers::campanile::Campanile;

/// The memory that the hub takes for each poll, in bytes, and the number of polls. Those before them fill its pools.
pub(super) fn measure(hub: &Campanile, count: usize) -> Result<(f64, usize)> {
    let first = count / 10;
    hub.introduce(count)?;
    let mut polls = Vec::new();
    hold(hub, &mut polls, first)?;
    let before = proc::pss_of_tree(hub.pid())?;
    hold(hub, &mut polls, count)?;
    let grown = proc::pss_of_tree(hub.pid())?.saturating_sub(before);
    let counted = count - first;
    Ok((grown as f64 / counted as f64, counted))
}

/// Opens polls until so many wait, a few at a time: many at once would take memory that is kept for the next crowd.
fn hold(hub: &Campanile, polls: &mut Vec<TcpStream>, count: usize) -> Result<()> {
    while polls.len() < count {
        for user in polls.len()..count.min(polls.len() + AT_ONCE) {
            let headers = format!(
                "Accept: application/json\r\n{}",
                Campanile::authorization(user)?
            );
            let mut poll = TcpStream::connect(hub.address())?;
            poll.write_all(http::get("/api/stream?cursor=0&wait=60", &headers).as_bytes())?;
            polls.push(poll);
        }
        let deadline = Instant::now() + OPENING;
        while hub.metric("campanile_streams ")? != Some(polls.len() as f64) {
            if Instant::now() > deadline {
                return Err("the polls did not open".into());
            }
        }
    }
    Ok(())
}

const AT_ONCE: usize = 50;

const OPENING: Duration = Duration::from_secs(30);
