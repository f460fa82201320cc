//! The ledger: what was promised, what is stored, and what each client saw, compared.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) topic: String,
    pub(crate) marker: u64,
}

/// The outcome of one request to publish: an alarm for each topic, all with its marker.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    pub(crate) marker: u64,
    pub(crate) topics: Vec<String>,
    /// The ids of the 201, in the order of the topics; `None` when no answer came, so that it may be stored or not.
    pub(crate) ids: Option<Vec<i64>>,
}

/// All one client saw in its life, over all its connections.
#[derive(Clone)]
pub(crate) struct Witness {
    pub(crate) name: String,
    pub(crate) carries: Carries,
    /// The cursor at which its first connection began.
    pub(crate) from: i64,
    pub(crate) seen: Vec<(i64, u64)>,
}

/// The topics a stream carries.
#[derive(Clone, Default)]
pub(crate) struct Carries {
    topics: HashSet<String>,
    all_rooms: bool,
    everything: bool,
}

/// The ids that are left out when another server takes over.
const JUMP: i64 = 1 << 20;

/// Alarms carry their marker between two of these, in whatever text they have.
pub(crate) const MARK: char = '#';

/// The marker in an alarm's data.
pub(crate) fn marker_of(data: &str) -> u64 {
    let marker = data.split(MARK).nth(1);
    marker
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("an alarm nobody published: {data}"))
}

impl Carries {
    pub(crate) fn topics(topics: impl IntoIterator<Item = String>) -> Self {
        Self {
            topics: topics.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    pub(crate) fn and(mut self, topics: impl IntoIterator<Item = String>) -> Self {
        self.topics.extend(topics);
        self
    }

    pub(crate) fn and_all_rooms(mut self) -> Self {
        self.all_rooms = true;
        self
    }

    fn has(&self, topic: &str) -> bool {
        self.everything
            || self.topics.contains(topic)
            || self.all_rooms && topic.starts_with("room:")
    }
}

/// Both sides of the comparison.
pub(crate) struct Ledger {
    log: Vec<Entry>,
    promises: Vec<Promise>,
}

/// The result of the comparison.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    stored: usize,
    answered: usize,
    unanswered: usize,
    unanswered_stored: usize,
    lost: usize,
    repeated: usize,
    reordered: usize,
    invented: usize,
    /// Shown and lost with a server, though nobody was told that they are stored.
    vanished: usize,
    /// Places in the log where ids were left out for a failover.
    pub(crate) jumps: usize,
    faults: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(log: Vec<Entry>, promises: Vec<Promise>) -> Self {
        Self { log, promises }
    }

    pub(crate) fn judge(&self, witnesses: &[Witness]) -> Verdict {
        let mut verdict = Verdict {
            stored: self.log.len(),
            ..Verdict::default()
        };
        self.judge_ids(&mut verdict);
        self.judge_promises(&mut verdict);
        for witness in witnesses {
            self.judge_witness(witness, &mut verdict);
        }
        verdict
    }

    /// The same where a server took over that lacks rows: what was shown and never acknowledged may be gone.
    pub(crate) fn judge_after_a_loss(&self, witnesses: &[Witness]) -> Verdict {
        let stored: HashSet<i64> = self.log.iter().map(|entry| entry.id).collect();
        let answers = self.promises.iter().filter_map(|one| one.ids.as_ref());
        let acknowledged: HashSet<i64> = answers.flatten().copied().collect();
        let asked: HashSet<u64> = self.promises.iter().map(|one| one.marker).collect();
        let mut vanished = 0;
        let keep = |witness: &Witness| {
            let mut kept = witness.clone();
            kept.seen.retain(|(id, marker)| {
                stored.contains(id) || acknowledged.contains(id) || !asked.contains(marker)
            });
            vanished += witness.seen.len() - kept.seen.len();
            kept
        };
        let kept: Vec<Witness> = witnesses.iter().map(keep).collect();
        let mut verdict = self.judge(&kept);
        verdict.vanished = vanished;
        verdict
    }

    /// Ids are dense, but for a jump of 2^20 at each failover.
    fn judge_ids(&self, verdict: &mut Verdict) {
        let mut expected = 1;
        for entry in &self.log {
            let beyond = entry.id - expected;
            if beyond < 0 || beyond % JUMP != 0 {
                return verdict.fault(format!("id {expected} is missing, {} is there", entry.id));
            }
            if beyond > 0 {
                verdict.jumps += 1;
            }
            expected = entry.id + 1;
        }
    }

    fn judge_promises(&self, verdict: &mut Verdict) {
        let mut by_marker: HashMap<u64, Vec<&Entry>> = HashMap::new();
        for entry in &self.log {
            by_marker.entry(entry.marker).or_default().push(entry);
        }
        for promise in &self.promises {
            let stored = by_marker.remove(&promise.marker).unwrap_or_default();
            let topics: Vec<&str> = stored.iter().map(|entry| entry.topic.as_str()).collect();
            let ids: Vec<i64> = stored.iter().map(|entry| entry.id).collect();
            match &promise.ids {
                Some(answered) => {
                    verdict.answered += 1;
                    if ids != *answered || topics != promise.topics {
                        verdict.lost += answered.iter().filter(|id| !ids.contains(id)).count();
                        verdict.fault(format!("{promise:?} is stored as {stored:?}"));
                    }
                }
                None => {
                    verdict.unanswered += 1;
                    verdict.unanswered_stored += usize::from(!stored.is_empty());
                    if !stored.is_empty() && topics != promise.topics {
                        verdict.fault(format!("{promise:?} is stored by half: {stored:?}"));
                    }
                }
            }
        }
        for nobodys in by_marker.into_values() {
            verdict.fault(format!("nobody published {nobodys:?}"));
        }
    }

    /// A client must have seen exactly the log: what of it its stream carries, after where it began.
    fn judge_witness(&self, witness: &Witness, verdict: &mut Verdict) {
        let expected: Vec<(i64, u64)> = self
            .log
            .iter()
            .filter(|entry| entry.id > witness.from && witness.carries.has(&entry.topic))
            .map(|entry| (entry.id, entry.marker))
            .collect();
        if witness.seen == expected {
            return;
        }
        let seen: HashSet<(i64, u64)> = witness.seen.iter().copied().collect();
        let stored: HashSet<(i64, u64)> = expected.iter().copied().collect();
        let lost = stored.difference(&seen).count();
        let repeated = witness.seen.len() - seen.len();
        let invented = seen.difference(&stored).count();
        let reordered = witness
            .seen
            .windows(2)
            .filter(|pair| matches!(pair, [before, after] if before.0 > after.0))
            .count();
        verdict.lost += lost;
        verdict.repeated += repeated;
        verdict.reordered += reordered;
        verdict.invented += invented;
        let at = witness.seen.iter().zip(&expected).position(|(a, b)| a != b);
        verdict.fault(format!(
            "{} from {}: {lost} lost, {repeated} repeated, {reordered} reordered, {invented} not its own; \
             saw {} of {}, the first difference is at {at:?}: {:?} instead of {:?}",
            witness.name,
            witness.from,
            witness.seen.len(),
            expected.len(),
            at.map(|at| witness.seen.get(at.saturating_sub(2)..(at + 3).min(witness.seen.len()))),
            at.map(|at| expected.get(at.saturating_sub(2)..(at + 3).min(expected.len()))),
        ));
    }
}

impl Verdict {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    pub(crate) fn assert_clean(&self) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
        assert!(self.answered > 0, "a run without an answer shows nothing");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} alarms stored; {} requests answered 201, {} without an answer ({} of them stored); \
             {} lost, {} repeated, {} reordered, {} invented; {} vanished, {} jumps of ids",
            self.stored,
            self.answered,
            self.unanswered,
            self.unanswered_stored,
            self.lost,
            self.repeated,
            self.reordered,
            self.invented,
            self.vanished,
            self.jumps,
        )
    }
}

mod tests {
    use super::{Carries, Entry, Ledger, Promise, Verdict, Witness};

    fn entry(id: i64, topic: &str) -> Entry {
        Entry {
            id,
            topic: topic.to_owned(),
            marker: id.unsigned_abs() + 100,
        }
    }

    fn promise(id: i64, topic: &str) -> Promise {
        Promise {
            marker: id.unsigned_abs() + 100,
            topics: vec![topic.to_owned()],
            ids: Some(vec![id]),
        }
    }

    /// Three alarms, two of them for everyone, and a client that saw these.
    fn verdict(seen: &[(i64, u64)]) -> Verdict {
        let log = vec![
            entry(1, "everyone"),
            entry(2, "user:bob"),
            entry(3, "everyone"),
        ];
        let promises = vec![
            promise(1, "everyone"),
            promise(2, "user:bob"),
            promise(3, "everyone"),
        ];
        Ledger::new(log, promises).judge(&[Witness {
            name: "client".to_owned(),
            carries: Carries::topics(["everyone".to_owned()]),
            from: 0,
            seen: seen.to_vec(),
        }])
    }

    #[test]
    fn the_ledger_finds_what_is_lost_repeated_reordered_and_invented() {
        assert!(verdict(&[(1, 101), (3, 103)]).faults.is_empty());
        assert_eq!(verdict(&[(1, 101)]).lost, 1);
        assert_eq!(verdict(&[(1, 101), (1, 101), (3, 103)]).repeated, 1);
        assert_eq!(verdict(&[(3, 103), (1, 101)]).reordered, 1);
        assert_eq!(verdict(&[(1, 101), (2, 102), (3, 103)]).invented, 1);
        assert_eq!(verdict(&[(1, 999), (3, 103)]).invented, 1);
    }

    #[test]
    fn the_ledger_finds_what_was_answered_and_is_not_stored() {
        let log = vec![entry(1, "everyone")];
        let promises = vec![promise(1, "everyone"), promise(2, "everyone")];

        let verdict = Ledger::new(log, promises).judge(&[]);

        assert_eq!(verdict.lost, 1);
        assert_eq!(verdict.faults.len(), 1);
    }
}
