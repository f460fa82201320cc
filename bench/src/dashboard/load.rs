//! A load that changes: streams that come and go, publishers that are slow and then quick, replays, and sign-ins that fail.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::Result;
use crate::http::{self, user_name};
use crate::servers::Server;
use crate::servers::campanile::{self, Campanile};

/// The parts of the load, which end together.
pub(super) struct Load<'a> {
    address: SocketAddr,
    over: &'a AtomicBool,
    begin: Instant,
    lasting: Duration,
}

impl Load<'_> {
    /// Puts the load on a hub for so long. A part that fails ends alone: the picture shows what is left.
    pub(super) fn put_on(hub: &Campanile, lasting: Duration) -> Result<()> {
        hub.introduce(STREAMS)?;
        let over = AtomicBool::new(false);
        let load = Load {
            address: hub.address(),
            over: &over,
            begin: Instant::now(),
            lasting,
        };
        thread::scope(|scope| {
            for user in 0..STREAMS {
                let load = &load;
                scope.spawn(move || tell(load.listen(user)));
            }
            for publisher in 0..PUBLISHERS {
                let load = &load;
                scope.spawn(move || tell(load.publish(publisher)));
            }
            scope.spawn(|| tell(load.come_back()));
            scope.spawn(|| tell(load.fail_to_sign_in()));
            rest(lasting);
            over.store(true, Ordering::Relaxed);
        });
        Ok(())
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// The part of the time that is over, from 0 to 1.
    fn part(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() / self.lasting.as_secs_f64()
    }

    /// A stream that opens in its turn, in the first third of the time; every fourth one is NDJSON.
    fn listen(&self, user: usize) -> Result<()> {
        while self.goes_on() && self.part() < user as f64 / STREAMS as f64 / 3.0 {
            rest(A_MOMENT);
        }
        let kind = if user.is_multiple_of(4) {
            "application/x-ndjson"
        } else {
            "text/event-stream"
        };
        let headers = format!("Accept: {kind}\r\n{}", Campanile::authorization(user)?);
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(http::get("/api/stream", &headers).as_bytes())?;
        let mut part = [0; 65_536];
        while self.goes_on() {
            match stream.read(&mut part) {
                Ok(0) => return Err(format!("the stream of {} ended", user_name(user)).into()),
                Ok(_) => {}
                // Nothing came, and the stream is open.
                Err(cause)
                    if matches!(cause.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// Publishes slowly, then as quickly as it is answered, then slowly again.
    fn publish(&self, publisher: usize) -> Result<()> {
        let headers = authorized("bench", "service")?;
        let mut caller = Caller::connect(self.address)?;
        let mut number = publisher;
        while self.goes_on() {
            number += 1;
            let to = if number.is_multiple_of(50) {
                json!({"everyone": true})
            } else {
                json!({"user": user_name(number * 7 % STREAMS)})
            };
            let body = json!({"to": to, "alarmType": "BENCH", "data": {"title": "Hello"}});
            caller.ask(&http::post("/api/alarms", &headers, &body.to_string()))?;
            if !(0.4..0.75).contains(&self.part()) {
                rest(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Once a second somebody opens a stream who was away, reads what they missed, and leaves.
    fn come_back(&self) -> Result<()> {
        let mut user = 0;
        while self.goes_on() {
            user = (user + 1) % STREAMS;
            let headers = Campanile::authorization(user)?;
            let mut caller = Caller::connect(self.address)?;
            let newest = caller.ask(&http::get("/api/alarms?limit=1", &headers))?;
            let newest: Value = serde_json::from_str(&newest.body)?;
            if let Some(id) = newest.pointer("/items/0/id") {
                let request = http::get("/api/stream?cursor=0", &headers);
                caller.follow(&request, &format!("id: {id}\n"))?;
            }
            rest(Duration::from_secs(1));
        }
        Ok(())
    }

    fn fail_to_sign_in(&self) -> Result<()> {
        let headers = "Content-Type: application/json\r\n";
        while self.goes_on() {
            let body = json!({"userId": user_name(1), "password": "not the password"}).to_string();
            http::call(self.address, &http::post("/api/auth/login", headers, &body))?;
            rest(Duration::from_secs(5));
        }
        Ok(())
    }
}

fn authorized(user: &str, role: &str) -> Result<String> {
    let token = campanile::token(user, role)?;
    Ok(format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load has a pace, and no worker is blocked"
)]
fn rest(time: Duration) {
    thread::sleep(time);
}

fn tell(done: Result<()>) {
    if let Err(cause) = done {
        eprintln!("campanile-bench: a part of the load ended: {cause}");
    }
}

const STREAMS: usize = 120;
const PUBLISHERS: usize = 8;
const A_MOMENT: Duration = Duration::from_millis(100);
