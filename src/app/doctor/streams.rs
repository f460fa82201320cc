//! The checks of one open stream, of a poll that waits, and of a WebSocket.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::doctor::exchange::{NOT_CHECKED, Who, lost_or_doubled};
use crate::app::doctor::mends;
use crate::app::doctor::report::Check;
use crate::app::doctor::wire::{ANSWERS_WITHIN, Answer, Next, Site, Upgraded};

/// An open stream and the text that came over it.
struct Watched {
    answer: Answer,
    text: String,
    ended: Option<Duration>,
    began: Instant,
}

/// Opens a stream through the real path and watches it.
pub(super) async fn stream(site: &Site, who: &Who, watch: Duration) -> Vec<Check> {
    let Who::Holder { id, role } = who else {
        let names = ["compression", "buffering", "idle"];
        return names.map(|name| Check::good(name, NOT_CHECKED)).into();
    };
    let request = site
        .request(Method::GET, "/api/stream")
        .header(ACCEPT, "text/event-stream")
        .header(ACCEPT_ENCODING, "gzip, br, deflate")
        // No id: the hub tells of a gap, if it arrives.
        .header("Last-Event-ID", "doctor");
    let began = Instant::now();
    let answer = match site.open(request, Bytes::new()).await {
        Ok(answer) => answer,
        Err(cause) => {
            let found = format!("no head of a stream: {cause}");
            return vec![Check::fault(mends::BUFFERING, found)];
        }
    };
    if answer.status != StatusCode::OK {
        let found = format!("a stream is answered {}", answer.status);
        return vec![Check::fault(mends::REACH, found).named("stream")];
    }
    let mut checks = vec![compression(&answer), head(&answer)];
    let mut watched = Watched {
        answer,
        text: String::new(),
        ended: None,
        began,
    };
    let test = (role == "admin").then_some(id.as_str());
    checks.push(watched.buffering(site, test).await);
    let (of_stream, of_poll) = futures::join!(watched.idle(watch), poll(site, watch));
    checks.extend(watched.last_event_id());
    checks.push(match (of_stream, of_poll) {
        (Err(found), _) | (_, Err(found)) => Check::fault(mends::IDLE, found),
        (Ok(found), Ok(())) => Check::good("idle", found),
    });
    checks
}

fn compression(answer: &Answer) -> Check {
    match answer.headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            let coding = String::from_utf8_lossy(coding.as_bytes());
            Check::fault(
                mends::COMPRESSION,
                format!("the stream is compressed ({coding})"),
            )
        }
        _ => Check::good("compression", "streams are not compressed"),
    }
}

/// The head of a stream says that it is one, and that nobody may change it.
fn head(answer: &Answer) -> Check {
    let kind = answer.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    if !kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
        let found = "a stream is not text/event-stream: Accept or Content-Type is lost";
        return Check::fault(mends::REQUEST_HEADERS, found).named("stream_headers");
    }
    match lost_or_doubled(&answer.headers, &["cache-control"]) {
        None => Check::good("stream_headers", "the head of a stream arrives whole"),
        Some(found) => Check::fault(mends::RESPONSE_HEADERS, found).named("stream_headers"),
    }
}

impl Watched {
    /// The first event comes at once, and a test alarm too where the caller may publish one to themselves.
    async fn buffering(&mut self, site: &Site, test: Option<&str>) -> Check {
        if !self
            .reads("event: connect\n", Instant::now() + AT_ONCE)
            .await
        {
            let found = format!(
                "nothing came within {} s of opening a stream",
                AT_ONCE.as_secs()
            );
            return Check::fault(mends::BUFFERING, found);
        }
        let first = self.began.elapsed().as_millis();
        let Some(user) = test else {
            return Check::good(
                "buffering",
                format!("the first event came after {first} ms"),
            );
        };
        let alarm = json!({
            "to": {"user": user}, "alarmType": "DOCTOR_TEST", "expiresInSeconds": 60,
            "data": {"title": "campanile doctor"},
        });
        let request = site
            .request(Method::POST, "/api/alarms")
            .header(CONTENT_TYPE, "application/json");
        let sent = Instant::now();
        match site
            .ask_with(request, alarm.to_string().into(), ANSWERS_WITHIN)
            .await
        {
            Ok(told) if told.status == StatusCode::CREATED => {}
            Ok(told) => {
                let code = told.code().unwrap_or("no code").to_owned();
                let found = format!("a test alarm is answered {}: {code}", told.status);
                return Check::fault(mends::REACH, found).named("buffering");
            }
            Err(cause) => return Check::fault(mends::REACH, cause).named("buffering"),
        }
        if self.reads("DOCTOR_TEST", Instant::now() + AT_ONCE).await {
            let took = sent.elapsed().as_millis();
            return Check::good(
                "buffering",
                format!("the first event came after {first} ms, a test alarm after {took} ms"),
            );
        }
        let found = format!("a test alarm did not come within {} s", AT_ONCE.as_secs());
        Check::fault(mends::BUFFERING, found)
    }

    /// The stream lives through its silence.
    async fn idle(&mut self, watch: Duration) -> Result<String, String> {
        let until = Instant::now() + watch;
        while self.more(until).await {}
        let heartbeat = self
            .connect()
            .get("heartbeatSeconds")
            .and_then(Value::as_u64);
        match self.ended {
            // The hub itself says goodbye, such as when it is started again.
            Some(_) if self.text.contains("event: bye\n") => {
                Ok("the hub ended the stream".to_owned())
            }
            Some(after) => Err(format!(
                "a stream was cut after {:.1} s; heartbeats come every {} s",
                after.as_secs_f64(),
                heartbeat.unwrap_or_default()
            )),
            None => Ok(format!(
                "a stream and a poll live for {} s and more",
                watch.as_secs()
            )),
        }
    }

    /// The header that resumes a stream arrives.
    fn last_event_id(&self) -> Option<Check> {
        let gap = self.connect().get("gap").and_then(Value::as_bool)?;
        (!gap).then(|| {
            let found =
                "the Last-Event-ID header does not arrive: a client that comes back misses alarms";
            Check::fault(mends::REQUEST_HEADERS, found).named("last_event_id")
        })
    }

    /// The data of the first event.
    fn connect(&self) -> Value {
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| *line != "event: connect");
        let data = lines.find_map(|line| line.strip_prefix("data: "));
        data.and_then(|data| serde_json::from_str(data).ok())
            .unwrap_or_default()
    }

    /// Reads until a text has come; `false` if it did not until a moment.
    async fn reads(&mut self, text: &str, until: Instant) -> bool {
        while !self.text.contains(text) {
            if !self.more(until).await {
                return false;
            }
        }
        true
    }

    async fn more(&mut self, until: Instant) -> bool {
        match self.answer.next(until).await {
            Next::Bytes(bytes) => {
                // A stream of many alarms is no silence; what the checks look for is short.
                if self.text.len() < MOST_TEXT_BYTES {
                    self.text.push_str(&String::from_utf8_lossy(&bytes));
                }
                true
            }
            Next::End => {
                self.ended = Some(self.began.elapsed());
                false
            }
            Next::Late => false,
        }
    }
}

/// A poll that waits is answered by the hub, and not by a proxy that lost its patience.
async fn poll(site: &Site, watch: Duration) -> Result<(), String> {
    let seconds = watch.as_secs().clamp(1, LONGEST_POLL_SECONDS);
    let request = site
        .request(Method::GET, &format!("/api/stream?wait={seconds}"))
        .header(ACCEPT, "application/json");
    let began = Instant::now();
    let within = Duration::from_secs(seconds) + ANSWERS_WITHIN;
    match site.ask_with(request, Bytes::new(), within).await {
        Ok(told) if told.status == StatusCode::OK => Ok(()),
        Ok(told) => Err(format!(
            "a poll that waits {seconds} s is answered {} after {:.1} s",
            told.status,
            began.elapsed().as_secs_f64()
        )),
        Err(cause) => Err(format!(
            "a poll that waits {seconds} s was cut after {:.1} s: {cause}",
            began.elapsed().as_secs_f64()
        )),
    }
}

/// A WebSocket opens and speaks.
pub(super) async fn websocket(site: &Site, who: &Who) -> Check {
    let Who::Holder { .. } = who else {
        return Check::good("websocket", NOT_CHECKED);
    };
    let request = site
        .request(Method::GET, "/api/stream")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(
            SEC_WEBSOCKET_KEY,
            STANDARD.encode(rand::random::<[u8; 16]>()),
        );
    match site.upgrade(request).await {
        Ok(Upgraded::Speaks) => Check::good("websocket", "it opens, and a message comes over it"),
        Ok(Upgraded::Silent) => {
            Check::fault(mends::WEBSOCKET, "it opens, and nothing comes over it")
        }
        Ok(Upgraded::Refused(status)) => Check::fault(
            mends::WEBSOCKET,
            format!("the handshake is answered {status}"),
        ),
        Err(cause) => Check::fault(mends::WEBSOCKET, cause),
    }
}

/// An event takes milliseconds; a buffer keeps it for minutes.
const AT_ONCE: Duration = Duration::from_secs(5);

/// As long as the hub lets a poll wait.
const LONGEST_POLL_SECONDS: u64 = 60;

const MOST_TEXT_BYTES: usize = 1 << 20;
