//! The hub is killed under load: every client has published each of its alarms once, and heard each once, in order.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::drill::Drill;
use crate::language::{Built, all_here, say};
use crate::site::Site;

/// The deaths of the hub, and the alarms that each client publishes and hears between two of them.
const DEATHS: usize = 3;
const BETWEEN: usize = 20;

/// The same of the long run.
const MANY_DEATHS: usize = 40;
const MANY_BETWEEN: usize = 150;

#[tokio::test]
async fn clients_of_a_hub_that_is_killed_publish_each_alarm_once_and_hear_each_once_in_order() {
    survive(DEATHS, BETWEEN).await;
}

#[tokio::test]
#[ignore = "takes minutes; ./test.sh --long runs it"]
async fn clients_of_a_hub_that_is_killed_many_times_publish_and_hear_each_alarm_once() {
    survive(MANY_DEATHS, MANY_BETWEEN).await;
}

/// The back end of one language: a program that publishes, and one that watches.
struct BackEnd {
    language: Built,
    publisher: Drill,
    watcher: Drill,
    /// The events that the watchers before have heard.
    heard: Vec<(String, i64)>,
    cursor: String,
}

async fn survive(deaths: usize, between: usize) {
    let mut site = Site::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut back_ends = Vec::new();
    for language in all_here().await {
        site.app.user(language.name).await;
        let cursor = folder.path().join(language.name);
        let cursor = cursor.to_str().expect("a path in UTF-8").to_owned();
        // A cursor that is kept: the watcher hears everything from the beginning, however late it comes.
        std::fs::write(&cursor, "0").expect("a file");
        let publisher = drill(&site, &language, "publish", &cursor);
        let watcher = drill(&site, &language, "watch", &cursor);
        back_ends.push(BackEnd {
            language,
            publisher,
            watcher,
            heard: Vec::new(),
            cursor,
        });
    }

    for death in 0..deaths {
        make_progress(&mut back_ends, between).await;
        site.app.cut_power();
        site.app.ended().await;
        if death == 0 {
            // The programs that watch die with the hub, and go on from the cursors that they kept.
            for one in &mut back_ends {
                let next = drill(&site, &one.language, "watch", &one.cursor);
                let killed = std::mem::replace(&mut one.watcher, next).kill().await;
                one.heard.extend(numbered(&killed));
            }
        }
        site.app.restart().await;
    }
    make_progress(&mut back_ends, between).await;

    for one in back_ends {
        judge(&site, one).await;
    }
}

fn drill(site: &Site, language: &Built, mode: &str, cursor: &str) -> Drill {
    let arguments = [&*site.app.base_url, &*site.key, language.name, cursor];
    Drill::start(language, mode, &arguments)
}

/// Waits until each has published and heard so many more.
async fn make_progress(back_ends: &mut [BackEnd], count: usize) {
    let drills = back_ends
        .iter_mut()
        .flat_map(|one| [&mut one.publisher, &mut one.watcher]);
    let goals: Vec<_> = drills
        .map(|drill| (drill.facts().len() + count, drill))
        .collect();
    for (goal, drill) in goals {
        drill.until("progress", |facts| facts.len() >= goal).await;
    }
}

async fn judge(site: &Site, mut one: BackEnd) {
    let name = one.language.name;
    let published = one.publisher.end().await;
    assert_eq!(
        published.last().map(|fact| &fact["done"]),
        Some(&Value::Bool(true))
    );
    let promised = numbered(&published);

    let stored: Vec<(String, i64)> = site
        .alarms(&format!("user:{name}"))
        .await
        .iter()
        .map(|alarm| (alarm["data"]["n"].to_string(), id_of(alarm)))
        .map(|(n, id)| (plain(&n), id))
        .collect();
    let by_number: BTreeMap<_, _> = stored.iter().cloned().collect();
    assert_eq!(
        by_number.len(),
        stored.len(),
        "{name}: an alarm is stored twice"
    );
    let promises: BTreeMap<_, _> = promised.iter().cloned().collect();
    assert_eq!(
        promises, by_number,
        "{name}: what was answered is what is stored"
    );

    let last = stored.last().expect("an alarm").1;
    let all = |facts: &[Value]| facts.iter().any(|fact| fact["id"] == last);
    one.watcher.until("the last alarm", all).await;
    let mut rest = numbered(&one.watcher.kill().await);
    if one.heard.last().is_some() && one.heard.last() == rest.first() {
        // The program was killed after it had handled this one, and before it had kept the cursor.
        rest.remove(0);
    }
    one.heard.append(&mut rest);
    assert!(
        one.heard == stored,
        "{name}: {:?} is not {stored:?}",
        one.heard
    );
    say(&format!(
        "{name}: {} alarms, each stored and heard once",
        stored.len()
    ));
}

fn numbered(facts: &[Value]) -> Vec<(String, i64)> {
    for fact in facts {
        assert_eq!(fact["gap"], Value::Null, "nothing is gone");
    }
    let alarms = facts.iter().filter(|fact| fact["done"].is_null());
    alarms
        .map(|fact| (plain(&fact["n"].to_string()), id_of(fact)))
        .collect()
}

/// A number as every language writes it.
fn plain(number: &str) -> String {
    number.trim_end_matches(".0").to_owned()
}

fn id_of(alarm: &Value) -> i64 {
    alarm["id"].as_i64().expect("an id")
}
