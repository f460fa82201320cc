//! Figures of one page load from Chromium's own trace, read with the DevTools protocol's `Tracing` over its web socket.
//! They are those that Lighthouse computes from the same events.

use std::path::Path;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::DEADLINE;

/// A browser that writes down what it does.
pub(crate) struct Tracing {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// The recorded events of a page load.
pub(crate) struct Trace {
    events: Vec<Value>,
}

/// Of one page load; times in milliseconds since the navigation began.
pub(crate) struct Figures {
    pub(crate) first_byte: f64,
    pub(crate) first_paint: f64,
    pub(crate) largest_paint: f64,
    /// The end of `DOMContentLoaded`: the page's modules have run.
    pub(crate) ready: f64,
    pub(crate) load: f64,
    /// The time that the main thread's tasks took beyond 50 ms each, from the beginning to the end of the trace.
    pub(crate) blocked: f64,
    pub(crate) longest_task: f64,
    /// The worst window of layout shifts, a number without a unit.
    pub(crate) shift: f64,
    /// With headers, as they came over the wire; without what the hub answers to the scripts.
    pub(crate) bytes: f64,
    pub(crate) requests: f64,
}

impl Tracing {
    /// Begins in the browser that keeps its profile in this folder.
    pub(crate) async fn begin(profile: &Path) -> Self {
        let told = std::fs::read_to_string(profile.join("DevToolsActivePort"));
        let told = told.expect("the browser tells where its protocol is spoken");
        let (port, path) = told.trim().split_once('\n').expect("a port and a path");
        let address = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _answer) = connect_async(address).await.expect("a web socket");
        let mut tracing = Self { socket };
        let config = json!({"includedCategories": CATEGORIES, "excludedCategories": ["*"]});
        let start = json!({"transferMode": "ReportEvents", "traceConfig": config});
        tracing
            .send(json!({"id": 1, "method": "Tracing.start", "params": start}))
            .await;
        let answer = tracing.receive(|message| message["id"] == 1).await;
        assert!(answer["error"].is_null(), "{answer}");
        tracing
    }

    /// Ends, and takes what was written down.
    pub(crate) async fn end(mut self) -> Trace {
        self.send(json!({"id": 2, "method": "Tracing.end"})).await;
        let mut events = Vec::new();
        let done = self.receive(|message| {
            if let Some(more) = message["params"]["value"].as_array() {
                events.extend_from_slice(more);
            }
            message["method"] == "Tracing.tracingComplete"
        });
        let done = done.await;
        assert_eq!(done["params"]["dataLossOccurred"], false, "{done}");
        Trace { events }
    }

    async fn send(&mut self, message: Value) {
        let message = Message::text(message.to_string());
        self.socket.send(message).await.expect("a listener");
    }

    async fn receive(&mut self, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let message = self.socket.next().await.expect("an open socket");
                let message = message.expect("a message").into_text().expect("text");
                let message = serde_json::from_str(&message).expect("JSON");
                if wanted(&message) {
                    return message;
                }
            }
        };
        tokio::time::timeout(DEADLINE, search)
            .await
            .expect("in time")
    }
}

impl Trace {
    /// The load of the page with this address, the last one if there were several.
    pub(crate) fn figures(&self, url: &str) -> Figures {
        let begin = self.events.iter().rfind(|event| {
            event["name"] == "navigationStart" && event["args"]["data"]["documentLoaderURL"] == url
        });
        let begin = begin.unwrap_or_else(|| panic!("no navigation to {url}"));
        let load = Load {
            trace: self,
            begin,
            frame: &begin["args"]["frame"],
        };
        let shifts = load.shifts();
        let tasks = load.tasks();
        let resources = load.resources();
        Figures {
            first_byte: load.first_byte(url),
            first_paint: load.moment("firstContentfulPaint"),
            largest_paint: load.moment("largestContentfulPaint::Candidate"),
            ready: load.moment("domContentLoadedEventEnd"),
            load: load.moment("loadEventEnd"),
            blocked: tasks.iter().map(|task| (task - LONG_TASK).max(0.0)).sum(),
            longest_task: tasks.iter().copied().fold(0.0, f64::max),
            shift: worst_window(&shifts),
            bytes: resources.iter().sum(),
            requests: f64::from(u32::try_from(resources.len()).expect("not so many")),
        }
    }
}

/// One navigation in a trace.
struct Load<'a> {
    trace: &'a Trace,
    begin: &'a Value,
    frame: &'a Value,
}

impl Load<'_> {
    fn since(&self, event: &Value) -> f64 {
        (number(event, "ts") - number(self.begin, "ts")) / 1_000.0
    }

    /// The events of the page's process since its navigation began.
    fn events(&self, name: &str) -> impl Iterator<Item = &Value> {
        let events = self.trace.events.iter();
        events.filter(move |event| {
            event["name"] == name
                && event["pid"] == self.begin["pid"]
                && number(event, "ts") >= number(self.begin, "ts")
        })
    }

    /// The time of the last event of this name on the page's main frame.
    fn moment(&self, name: &str) -> f64 {
        let ours = self.events(name).filter(|event| {
            let args = &event["args"];
            args["frame"] == *self.frame || args["data"]["frame"] == *self.frame
        });
        let last = ours.last().unwrap_or_else(|| panic!("no {name}"));
        self.since(last)
    }

    /// The duration of each task of the main thread.
    fn tasks(&self) -> Vec<f64> {
        let all = self
            .events("RunTask")
            .filter(|event| event["tid"] == self.begin["tid"]);
        let tasks: Vec<f64> = all.map(|event| number(event, "dur") / 1_000.0).collect();
        assert!(!tasks.is_empty(), "the main thread had something to do");
        tasks
    }

    /// The times and sizes of layout shifts, without those caused by a user's input.
    fn shifts(&self) -> Vec<(f64, f64)> {
        let all = self.events("LayoutShift").filter(|event| {
            let data = &event["args"]["data"];
            data["is_main_frame"] == true && data["had_recent_input"] != true
        });
        all.map(|event| {
            let score = event["args"]["data"]["weighted_score_delta"].as_f64();
            (self.since(event), score.expect("a score"))
        })
        .collect()
    }

    /// The bytes transferred for the page and each of its parts.
    fn resources(&self) -> Vec<f64> {
        let asked = self.events("ResourceSendRequest").map(|event| {
            let data = &event["args"]["data"];
            (&data["requestId"], data["url"].as_str().unwrap_or_default())
        });
        let parts = asked.filter(|(_, url)| url.starts_with("http") && !url.contains("/api/"));
        let bytes = parts.filter_map(|(id, _)| {
            let data = self
                .events("ResourceFinish")
                .map(|event| &event["args"]["data"])
                .find(|data| data["requestId"] == *id)?;
            data["encodedDataLength"].as_f64()
        });
        bytes.filter(|bytes| *bytes > 0.0).collect()
    }

    fn first_byte(&self, url: &str) -> f64 {
        let asked = self
            .events("ResourceSendRequest")
            .map(|event| &event["args"]["data"])
            .find(|data| data["url"] == url)
            .unwrap_or_else(|| panic!("{url} was asked for"));
        let answered = self
            .events("ResourceReceiveResponse")
            .find(|event| event["args"]["data"]["requestId"] == asked["requestId"]);
        self.since(answered.expect("an answer"))
    }
}

/// Shifts less than a second apart, within five seconds, count together (web.dev/articles/cls).
fn worst_window(shifts: &[(f64, f64)]) -> f64 {
    let mut worst = 0.0_f64;
    let mut window = (f64::MIN, f64::MIN, 0.0);
    for (at, score) in shifts {
        let (first, last, sum) = window;
        let same = at - last < 1_000.0 && at - first < 5_000.0;
        window = if same {
            (first, *at, sum + score)
        } else {
            (*at, *at, *score)
        };
        worst = worst.max(window.2);
    }
    worst
}

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().unwrap_or_default()
}

/// The duration from which a task delays typing noticeably.
const LONG_TASK: f64 = 50.0;

const CATEGORIES: [&str; 5] = [
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "loading",
    "blink.user_timing",
    "latencyInfo",
];
