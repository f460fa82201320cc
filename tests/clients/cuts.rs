//! Each kind of client receives, is cut in every way, resumes, outlives its token and is refused; and crowds of each are cut at random.

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;

use crate::crowd::Crowd;
use crate::languages::{ALL, CURL, GO, JAVA, Language, NODE, PYTHON};
use crate::page::HOSTS;
use crate::stage::Stage;
use crate::support::{Claims, sign, sign_with};

/// The life of the token that expires while its client is connected.
const SHORT: Duration = Duration::from_secs(15);

/// The number of clients of each kind, and the seconds of random cuts, unless the environment asks for more.
const CLIENTS: usize = 3;
const SECONDS: u64 = 6;

/// A connection is cut about so often in the long run.
const LIFE: Duration = Duration::from_secs(6);

const TICK: Duration = Duration::from_millis(50);

#[tokio::test]
async fn clients_of_node_lose_nothing_when_they_are_cut_and_outlive_their_token() {
    programs_keep_their_place(&NODE).await;
}

#[tokio::test]
async fn clients_of_python_lose_nothing_when_they_are_cut_and_outlive_their_token() {
    programs_keep_their_place(&PYTHON).await;
}

#[tokio::test]
async fn clients_of_java_lose_nothing_when_they_are_cut_and_outlive_their_token() {
    programs_keep_their_place(&JAVA).await;
}

#[tokio::test]
async fn clients_of_go_lose_nothing_when_they_are_cut_and_outlive_their_token() {
    programs_keep_their_place(&GO).await;
}

#[tokio::test]
async fn clients_of_curl_lose_nothing_when_they_are_cut_and_outlive_their_token() {
    programs_keep_their_place(&CURL).await;
}

#[tokio::test]
async fn the_event_source_of_chromium_loses_nothing_when_it_is_cut_and_outlives_its_token() {
    let stage = Stage::start(HOSTS).await;
    let three = three_clients(&stage, "chromium").await;
    let urls = urls(&stage, three.len());
    let crowd = Crowd::in_page(&three, &urls).await;

    keep_their_place(stage, &[crowd]).await;
}

#[tokio::test]
async fn clients_of_every_kind_that_are_cut_at_random_lose_nothing_and_get_nothing_twice() {
    let count = setting("CAMPANILE_CLIENTS").unwrap_or(CLIENTS);
    let seconds = setting("CAMPANILE_CLIENTS_SECONDS").unwrap_or(SECONDS);
    let languages = ALL.iter().filter(|language| language.is_here());
    let programs = languages.flat_map(|language| {
        let kinds = language.kinds.iter();
        kinds.map(|kind| Kind::Program(language, kind))
    });
    let only = std::env::var("CAMPANILE_CLIENTS_KINDS").ok();
    let is_wanted = |kind: &Kind| only.as_ref().is_none_or(|only| only.contains(kind.name()));
    let kinds: Vec<Kind> = programs.chain([Kind::Chromium]).filter(is_wanted).collect();
    // Many clients have the machine to themselves, one kind after the other.
    let at_once = if count > CLIENTS { 1 } else { kinds.len() };

    for some in kinds.chunks(at_once) {
        let stage = Stage::start(HOSTS).await;
        let mut crowds = Vec::new();
        for (index, kind) in some.iter().enumerate() {
            let tokens = stage.tokens(&format!("k{index}"), count).await;
            crowds.push(kind.start(&stage, &tokens).await);
        }
        are_cut_at_random(stage, &crowds, Duration::from_secs(seconds)).await;
    }
}

enum Kind {
    Program(&'static Language, &'static str),
    Chromium,
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Program(_, kind) => kind,
            Self::Chromium => "Chromium",
        }
    }

    async fn start(&self, stage: &Stage, tokens: &[String]) -> Crowd {
        match self {
            Self::Program(language, kind) => {
                Crowd::start(language, kind, &stage.cutter.base_url, tokens)
            }
            Self::Chromium => Crowd::in_page(tokens, &urls(stage, tokens.len())).await,
        }
    }
}

async fn programs_keep_their_place(language: &Language) {
    if !language.is_here() {
        return;
    }
    let stage = Stage::start(1).await;
    let mut crowds = Vec::new();
    for (index, kind) in language.kinds.iter().enumerate() {
        let three = three_clients(&stage, &format!("k{index}")).await;
        let base_url = &stage.cutter.base_url;
        crowds.push(Crowd::start(language, kind, base_url, &three));
    }
    keep_their_place(stage, &crowds).await;
}

/// The tokens of three clients: one of a usual token, one whose first token expires soon, and one whose token is signed by somebody else.
async fn three_clients(stage: &Stage, prefix: &str) -> Vec<String> {
    let mut three = stage.tokens(prefix, 2).await;
    let short = sign(&Claims::of(&format!("{prefix}-1"), "user").lasting(SHORT));
    three[1] = format!("{short},{}", three[1]);
    let stranger = Claims::of(&format!("{prefix}-0"), "user");
    let other = "another secret that the hub does not know, 0123456789";
    three.push(sign_with(&stranger, Algorithm::HS256, other));
    three
}

fn urls(stage: &Stage, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let host = 1 + number % usize::from(HOSTS);
            format!("{}/api/stream", stage.cutter.url_of_host(host))
        })
        .collect()
}

async fn keep_their_place(mut stage: Stage, crowds: &[Crowd]) {
    for crowd in crowds {
        let refused = |heard: &[crate::crowd::Heard]| heard[2].refused == Some(401);
        crowd
            .until("a token of another secret is refused", refused)
            .await;
        crowd.all("connected", |one| one.connects > 0).await;
    }
    stage.publish(3).await;
    all_have_heard(&stage, crowds).await;

    stage.cutter.cut_all();
    stage.publish(3).await;
    all_have_heard(&stage, crowds).await;

    stage.disconnect_all().await;
    stage.publish(3).await;
    all_have_heard(&stage, crowds).await;

    stage.crash().await;
    stage.publish(3).await;
    all_have_heard(&stage, crowds).await;

    for crowd in crowds {
        crowd
            .until("a new token is taken", |heard| heard[1].renewed)
            .await;
    }
    stage.publish(3).await;
    all_have_heard(&stage, crowds).await;
}

async fn all_have_heard(stage: &Stage, crowds: &[Crowd]) {
    for crowd in crowds {
        let enough = |one: &crate::crowd::Heard| one.ids.len() >= stage.published.len();
        crowd.all("all that was published", enough).await;
        crowd.has_lost_nothing(&stage.published);
    }
}

async fn are_cut_at_random(mut stage: Stage, crowds: &[Crowd], length: Duration) {
    for crowd in crowds {
        crowd.all("connected", |one| one.connects > 0).await;
    }
    let probability = TICK.as_secs_f64() / LIFE.as_secs_f64();
    for _half in 0..2 {
        let begin = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        while begin.elapsed() < length / 2 {
            tick.tick().await;
            stage.publish(1).await;
            stage.cutter.cut_some(probability);
        }
        // A short run may have spared some.
        stage.cutter.cut_all();
    }
    stage.publish(1).await;
    all_have_heard(&stage, crowds).await;

    let clients: usize = crowds.iter().map(|crowd| crowd.heard().len()).sum();
    assert!(stage.cutter.broken() >= clients, "each was cut");
    for crowd in crowds {
        let heard = crowd.heard();
        let connects: usize = heard.iter().map(|one| one.connects).sum();
        crate::say(&format!(
            "{}: {} clients, {} alarms each, {connects} streams: none lost, none twice",
            crowd.kind,
            heard.len(),
            stage.published.len()
        ));
    }
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().ok().expect("a number"))
}
