//! A running program and the facts that it has told.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::language::Built;
use crate::support::DEADLINE;

/// The program; it ends with this value.
pub(crate) struct Drill {
    name: String,
    facts: watch::Receiver<Vec<Value>>,
    complaints: Arc<Mutex<String>>,
    child: Child,
}

impl Drill {
    /// Starts the program of a language in this mode.
    pub(crate) fn start(language: &Built, mode: &str, arguments: &[&str]) -> Self {
        let mut program = language.program();
        program.arg(mode).args(arguments).stdin(Stdio::piped());
        Self::of(&format!("{} {mode}", language.name), program)
    }

    /// Starts any program that prints lines of JSON.
    pub(crate) fn of(name: &str, mut program: Command) -> Self {
        let mut child = program.spawn().expect("the program");
        let (told, facts) = watch::channel(Vec::new());
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let who = name.to_owned();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // The last line of a program that is killed may be cut.
                match serde_json::from_str(&line) {
                    Ok(fact) => told.send_modify(|facts| facts.push(fact)),
                    Err(_) => eprintln!("{who}: {line}"),
                }
            }
        });
        let complaints = collect(child.stderr.take().expect("its errors"));
        Self {
            name: name.to_owned(),
            facts,
            complaints,
            child,
        }
    }

    /// Waits until that holds of the facts.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&[Value]) -> bool) {
        let waiting = self.facts.wait_for(|facts| holds(facts));
        let outcome = tokio::time::timeout(DEADLINE, waiting).await;
        let is_met = outcome.is_ok_and(|facts| facts.is_ok());
        if !is_met {
            let facts = self.facts();
            let last = facts.len().saturating_sub(10);
            let complaints = self.complaints.lock().expect("the complaints");
            panic!(
                "{}: it ended, or {DEADLINE:?} passed, without: {what}: {} facts, {:?}\n{complaints}",
                self.name,
                facts.len(),
                &facts[last..]
            );
        }
    }

    pub(crate) fn facts(&self) -> Vec<Value> {
        self.facts.borrow().clone()
    }

    /// Waits for the end of the program, which has to be a good one, and gives all facts.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        let end = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        let complaints = self.complaints.lock().expect("the complaints").clone();
        let status = end.unwrap_or_else(|_| panic!("{} does not end: {complaints}", self.name));
        let status = status.expect("its end");
        assert!(status.success(), "{}: {status}: {complaints}", self.name);
        // The channel closes when the last line is read.
        while self.facts.changed().await.is_ok() {}
        self.facts()
    }

    /// Ends the program as a power cut would, and gives all facts.
    pub(crate) async fn kill(mut self) -> Vec<Value> {
        self.child.kill().await.expect("its end");
        while self.facts.changed().await.is_ok() {}
        self.facts()
    }
}

fn collect(errors: impl AsyncRead + Unpin + Send + 'static) -> Arc<Mutex<String>> {
    let complaints = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&complaints);
    tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut kept = kept.lock().expect("the complaints");
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    complaints
}
