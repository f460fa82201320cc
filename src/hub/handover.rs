//! The place of one client between the log and its channel: what it reads next, and which live frames are its own. Only
//! decisions, without a store or an actor; whoever asks carries them out.

use std::sync::Arc;

use crate::alarm::AlarmId;
use crate::hub::{Attached, Frame};

/// The progress of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handover {
    /// Everything up to here was read or was before its time.
    after: AlarmId,
    /// The end of this reading.
    target: AlarmId,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The head may be far away.
    Catching,
    /// The rest is known to the Broadcaster, or is read in one page.
    Near,
    /// The topics are attached: `target` is where live frames start.
    Attached,
}

/// The next thing that a client needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// To hear where the log ends: [`Handover::head_is`].
    AskHead,
    /// To have its topics attached: [`Handover::attached`].
    Attach,
    /// A page of the log: [`Handover::read_up_to`].
    Read {
        /// It starts above this id.
        after: AlarmId,
        /// It ends here at the latest.
        up_to: AlarmId,
    },
    /// Live frames.
    Live,
}

impl Handover {
    /// Of a client that reads the log after a cursor.
    pub(crate) fn replay(after: AlarmId) -> Self {
        Self {
            after,
            target: after,
            stage: Stage::Catching,
        }
    }

    /// Of a client whose topics were attached at this position.
    pub(crate) fn live(position: AlarmId) -> Self {
        Self {
            after: position,
            target: position,
            stage: Stage::Attached,
        }
    }

    /// The next thing that is needed. Topics are attached only near the head, so a long replay cannot fill the channel; and before
    /// the rest is read or given by the Broadcaster, so nothing can fall between it and the first live frame.
    pub(crate) fn next(&self) -> Next {
        if self.after < self.target {
            return Next::Read {
                after: self.after,
                up_to: self.target,
            };
        }
        match self.stage {
            Stage::Catching => Next::AskHead,
            Stage::Near => Next::Attach,
            Stage::Attached => Next::Live,
        }
    }

    /// The log ended at `head` a moment ago.
    pub(crate) fn head_is(&mut self, head: AlarmId) {
        if head.0 - self.after.0 > NEAR {
            self.target = head;
        } else {
            self.stage = Stage::Near;
        }
    }

    /// The topics are attached. Returns the frames before the first live one, if the log need not be read for them. `None`: the
    /// client was closed meanwhile, and its channel says why.
    pub(crate) fn attached(&mut self, attached: Option<Attached>) -> Vec<Arc<Frame>> {
        self.stage = Stage::Attached;
        let (position, missed) = attached.map_or((self.after, None), |attached| {
            (attached.position, attached.missed)
        });
        self.target = position;
        let Some(missed) = missed else {
            return Vec::new();
        };
        self.after = position;
        missed
    }

    /// A page was read to its end.
    pub(crate) fn read_up_to(&mut self, id: AlarmId) {
        self.after = id;
    }

    /// Everything up to here was read or was before its time.
    pub(crate) fn after(&self) -> AlarmId {
        self.after
    }

    /// True if a frame of the channel is for this client: an alarm read from the log before it was delivered is not.
    pub(crate) fn passes(&self, frame: &Frame) -> bool {
        frame.entry().is_none_or(|entry| entry.id() > self.after)
    }
}

/// A gap this small is read in one page at most, long before the channel that fills meanwhile is full.
const NEAR: i64 = 256;
