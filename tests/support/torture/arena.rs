//! The data that all participants share: the addresses of the hubs, the known users and the stage of the run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::seq::IteratorRandom as _;
use reqwest::{Client, RequestBuilder};
use tokio::sync::watch;

use crate::support::{Claims, TestApp, sign};
use crate::torture::ledger::{Carries, Promise};

pub(crate) const USERS: usize = 12;
pub(crate) const ROOMS: usize = 4;

/// The shared state of a run.
pub(crate) struct Arena {
    /// One for each hub; none while it is down.
    addresses: watch::Sender<Vec<Option<String>>>,
    stage: watch::Sender<Stage>,
    client: Client,
    next_marker: AtomicU64,
    pub(crate) tally: Tally,
}

/// The stage of the run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    NoMorePublishing,
    /// Every reader ends when it has received this alarm.
    Over(i64),
}

/// The counts for the one line at the end.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: AtomicU64,
    pub(crate) resumes: AtomicU64,
    pub(crate) cuts: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) overflows: AtomicU64,
}

/// One client: who it is and what it asks for.
pub(crate) struct Seat {
    pub(crate) token: String,
    pub(crate) path: String,
    pub(crate) carries: Carries,
}

impl Arena {
    /// Makes the users and the rooms known to hubs on one database.
    pub(crate) async fn open(hubs: &[TestApp]) -> Arc<Self> {
        let app = &hubs[0];
        for number in 0..USERS {
            app.user(&user(number)).await;
        }
        for number in 0..ROOMS {
            app.room(&room(number)).await;
        }
        Arc::new(Self {
            addresses: watch::Sender::new(
                hubs.iter().map(|hub| Some(hub.base_url.clone())).collect(),
            ),
            stage: watch::Sender::new(Stage::Running),
            client: app.client.clone(),
            next_marker: AtomicU64::new(1),
            tally: Tally::default(),
        })
    }

    /// Every kind of stream there is, for each user, and the two a site's back end may have.
    pub(crate) fn seats(&self) -> Vec<Seat> {
        let mut seats = Vec::new();
        for number in 0..USERS {
            let name = user(number);
            let token = sign(&Claims::of(&name, "user"));
            let (one, other) = (room(number % ROOMS), room((number + 1) % ROOMS));
            let own = Carries::topics([format!("user:{name}"), "everyone".to_owned()]);
            let paths = [
                ("/api/stream".to_owned(), own.clone()),
                (
                    format!("/api/stream?room={one}&room={other}"),
                    own.clone()
                        .and([format!("room:{one}"), format!("room:{other}")]),
                ),
                ("/api/stream?rooms=all".to_owned(), own.and_all_rooms()),
            ];
            seats.extend(paths.map(|(path, carries)| Seat {
                token: token.clone(),
                path,
                carries,
            }));
        }
        let back_end = Carries::topics(["everyone".to_owned(), format!("user:{}", user(0))]);
        seats.push(Seat {
            token: service(),
            path: format!("/api/stream?topic=user:{}", user(0)),
            carries: back_end,
        });
        seats.push(Seat {
            token: service(),
            path: "/api/stream?topic=*".to_owned(),
            carries: Carries::everything(),
        });
        seats
    }

    /// A number that no other alarm of the run carries.
    pub(crate) fn marker(&self) -> u64 {
        self.next_marker.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_down(&self, hub: usize) {
        self.addresses
            .send_modify(|addresses| addresses[hub] = None);
    }

    pub(crate) fn is_up(&self, hub: usize, app: &TestApp) {
        let address = Some(app.base_url.clone());
        self.addresses
            .send_modify(|addresses| addresses[hub] = address);
    }

    /// A request to any hub, once one is up.
    pub(crate) async fn get(&self, token: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.address().await);
        self.client.get(url).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) async fn post(&self, token: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.address().await);
        self.client.post(url).bearer_auth(token)
    }

    async fn address(&self) -> String {
        let mut addresses = self.addresses.subscribe();
        let up = addresses
            .wait_for(|addresses| addresses.iter().any(Option::is_some))
            .await
            .expect("the arena");
        let any = up.iter().flatten().choose(&mut rand::rng());
        any.expect("an address").clone()
    }

    pub(crate) fn stop_publishing(&self) {
        self.stage.send_replace(Stage::NoMorePublishing);
    }

    /// Tells everybody what the last alarm was, and gives its id.
    pub(crate) fn end(&self, last: Option<&Promise>) -> i64 {
        let ids = last.and_then(|promise| promise.ids.as_deref());
        let id = *ids.and_then(<[i64]>::last).expect("the last alarm's id");
        self.stage.send_replace(Stage::Over(id));
        id
    }

    pub(crate) fn is_publishing(&self) -> bool {
        *self.stage.borrow() == Stage::Running
    }

    /// The last alarm there will be, once that is known.
    pub(crate) fn last(&self) -> Option<i64> {
        match *self.stage.borrow() {
            Stage::Over(last) => Some(last),
            Stage::Running | Stage::NoMorePublishing => None,
        }
    }

    /// Waits for the end of the publishing, so long at most.
    pub(crate) async fn pause(&self, limit: Duration) {
        let mut stage = self.stage.subscribe();
        let over = stage.wait_for(|stage| *stage != Stage::Running);
        // That the time is up is what is expected.
        tokio::time::timeout(limit, over).await.ok();
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Tally {
    pub(crate) fn note(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(
            formatter,
            "{} deliveries, {} resumes, {} cuts, {} stalls, {} overflows",
            of(&self.deliveries),
            of(&self.resumes),
            of(&self.cuts),
            of(&self.stalls),
            of(&self.overflows),
        )
    }
}

pub(crate) fn user(number: usize) -> String {
    format!("user{number}")
}

pub(crate) fn room(number: usize) -> String {
    format!("room{number}")
}

pub(crate) fn service() -> String {
    sign(&Claims::of("backend", "service"))
}
