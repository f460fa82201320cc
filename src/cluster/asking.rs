//! The questions of this hub to the others, until they are answered or given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The questions that are open; all clones share them.
#[derive(Clone, Default)]
pub(super) struct Asking(Arc<Mutex<HashMap<String, Vec<oneshot::Sender<()>>>>>);

/// One question.
pub(super) struct Question {
    about: String,
    answer: oneshot::Receiver<()>,
    asking: Asking,
}

impl Asking {
    /// Opens a question, before it is sent.
    pub(super) fn wait_for(&self, about: String) -> Question {
        let (sender, answer) = oneshot::channel();
        self.open().entry(about.clone()).or_default().push(sender);
        Question {
            about,
            answer,
            asking: self.clone(),
        }
    }

    /// Answers all questions about something.
    pub(super) fn answer(&self, about: &str) {
        for sender in self.open().remove(about).unwrap_or_default() {
            // A question that was given up needs no answer.
            let _given_up = sender.send(());
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Waits for the answer; `false` if none came in time.
    pub(super) async fn answered(mut self) -> bool {
        let answer = tokio::time::timeout(ANSWER_WITHIN, &mut self.answer).await;
        matches!(answer, Ok(Ok(())))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.answer.close();
        let mut open = self.asking.open();
        if let Some(senders) = open.get_mut(&self.about) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                open.remove(&self.about);
            }
        }
    }
}

/// Two looks that no ring began (400 ms each), one there and one here, and time for a database that is busy: who gives up
/// too early says that a stream is nowhere while it is being closed.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
