//! Clients of one kind in one program, and what each has heard.

use std::fmt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio::sync::watch;

use crate::languages::Language;
use crate::page::Page;
use crate::support::DEADLINE;

/// The longest wait for the clients, however much they hear meanwhile.
const MOST_WAITING: Duration = Duration::from_secs(600);

/// As much of a program's standard error as is worth reading.
const ENOUGH_BYTES: usize = 8 * 1024;

/// The events that one client has heard.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    pub(crate) connects: usize,
    /// The ids of its alarms, in their order.
    pub(crate) ids: Vec<i64>,
    /// The reasons of its `bye` events.
    pub(crate) byes: Vec<String>,
    pub(crate) renewed: bool,
    /// The status with which it was refused for good.
    pub(crate) refused: Option<i64>,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connects,
            ids,
            byes,
            renewed,
            refused,
        } = self;
        let breaks: Vec<_> = ids.windows(2).filter(|two| two[0] + 1 != two[1]).collect();
        write!(
            f,
            "{connects} connections, {} ids up to {:?}, out of order at {breaks:?}, {byes:?}, renewed {renewed}, refused {refused:?}",
            ids.len(),
            ids.last()
        )
    }
}

/// The clients; their program ends with this value.
pub(crate) struct Crowd {
    pub(crate) kind: String,
    heard: watch::Sender<Vec<Heard>>,
    /// The program's standard error.
    complaints: Arc<Mutex<String>>,
    _source: Source,
}

#[expect(dead_code, reason = "held for what its end ends")]
enum Source {
    /// A process of its own group, so that what it starts ends with it.
    Program(Child, Group),
    Page(Page),
}

/// The processes of a program.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0);
        let mut kill = std::process::Command::new("kill");
        // They may have ended by themselves.
        kill.args(["-KILL", "--", &group]).stderr(Stdio::null());
        kill.status().ok();
    }
}

impl Crowd {
    /// Starts a program that opens a stream for each of `clients`, which are its tokens.
    pub(crate) fn start(
        language: &Language,
        kind: &str,
        base_url: &str,
        clients: &[String],
    ) -> Self {
        let mut child = language
            .program()
            .arg(kind)
            .arg(format!("{base_url}/api/stream"))
            .args(clients)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the program of the clients");
        let group = Group(child.id().expect("a process"));
        let heard = watch::Sender::new(vec![Heard::default(); clients.len()]);
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let complaints = collect(child.stderr.take().expect("its errors"));
        let told = heard.clone();
        let name = kind.to_owned();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line: Value =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{name}: {line}"));
                told.send_modify(|heard| take(heard, &line));
            }
        });
        Self {
            kind: kind.to_owned(),
            heard,
            complaints,
            _source: Source::Program(child, group),
        }
    }

    /// The same in a page of Chromium, with its own `EventSource`.
    pub(crate) async fn in_page(clients: &[String], urls: &[String]) -> Self {
        let heard = watch::Sender::new(vec![Heard::default(); clients.len()]);
        let told = heard.clone();
        let page = Page::open(clients, urls, move |line| {
            told.send_modify(|heard| take(heard, line));
        });
        Self {
            kind: "Chromium".to_owned(),
            heard,
            complaints: Arc::default(),
            _source: Source::Page(page.await),
        }
    }

    /// Waits until each client that is not refused has heard that.
    pub(crate) async fn all(&self, what: &str, holds: impl Fn(&Heard) -> bool) {
        self.until(what, |heard| {
            heard.iter().filter(|one| one.refused.is_none()).all(&holds)
        })
        .await;
    }

    /// Waits until that holds of the list. Hundreds of clients in one process may need long for what they are sent: the deadline
    /// is for the next thing that one of them hears.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Heard]) -> bool) {
        let mut changes = self.heard.subscribe();
        let waiting = async {
            while !holds(&changes.borrow_and_update()) {
                let next = tokio::time::timeout(DEADLINE, changes.changed());
                next.await.map_err(|_late| DEADLINE)?.expect("the clients");
            }
            Ok(())
        };
        let whole = tokio::time::timeout(MOST_WAITING, waiting).await;
        if let Err(late) = whole.unwrap_or(Err(MOST_WAITING)) {
            panic!(
                "{}: not within {late:?}: {what}: {:#?}\n{}",
                self.kind,
                self.heard(),
                self.complaints.lock().expect("the complaints")
            );
        }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// Each client has heard exactly these, in this order.
    pub(crate) fn has_lost_nothing(&self, published: &[i64]) {
        for (number, one) in self.heard().iter().enumerate() {
            if one.refused.is_none() {
                assert!(
                    one.ids == published,
                    "{}, client {number}: {one:?}",
                    self.kind
                );
            }
        }
    }
}

fn collect(errors: ChildStderr) -> Arc<Mutex<String>> {
    let complaints = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&complaints);
    tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut kept = kept.lock().expect("the complaints");
            if kept.len() < ENOUGH_BYTES {
                kept.push_str(&line);
                kept.push('\n');
            }
        }
    });
    complaints
}

fn take(heard: &mut [Heard], line: &Value) {
    let number = usize::try_from(line["client"].as_u64().expect("a client")).expect("a number");
    let one = &mut heard[number];
    match line["event"].as_str().expect("an event") {
        "connect" => one.connects += 1,
        "alarm" => one.ids.push(line["id"].as_i64().expect("an id")),
        "bye" => one
            .byes
            .push(line["reason"].as_str().expect("a reason").to_owned()),
        "renewed" => one.renewed = true,
        "refused" => one.refused = Some(line["status"].as_i64().expect("a status")),
        other => panic!("{other}"),
    }
}
