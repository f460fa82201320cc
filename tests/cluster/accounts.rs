//! The cache of accounts at one hub while accounts are changed at another: what was changed is read anew, and nothing else is.

use serde_json::{Value, json};

use crate::hubs::{WITHIN, change, database, hub};
use crate::support::postgres::Postgres;
use crate::support::{TestApp, until};

/// Users of whom none is changed.
const OTHERS: usize = 20;

/// Under load a look may be late, and what it would confirm is read again meanwhile.
const ROUNDS: usize = 20;

const ACCOUNT_READS: &str = "campanile_store_reads_total{kind=\"account\"}";

/// The name under which a hub knows the bearer of a token.
async fn name(hub: &TestApp, token: &str) -> String {
    let answer = hub.get(token, "/api/auth/me").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let me: Value = answer.json().await.unwrap();
    me["displayName"].as_str().unwrap().to_owned()
}

async fn is_named(hub: &TestApp, token: &str, wanted: &str) {
    until(&format!("named {wanted}"), WITHIN, async || {
        (name(hub, token).await == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_change_of_one_account_at_a_hub_has_the_other_read_no_other_account() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let changed = one.user("changed").await;
    let mut others = Vec::new();
    for number in 0..OTHERS {
        others.push(one.user(&format!("user{number}")).await);
    }
    let ask_all = async || {
        for token in &others {
            name(&other, token).await;
        }
    };
    ask_all().await;
    name(&other, &changed).await;
    let mut reads_a_round = Vec::new();

    for round in 0..ROUNDS {
        let before = other.figure(ACCOUNT_READS).await;
        let wanted = format!("Name {round}");
        one.user(&format!("new{round}")).await;
        change(&one, "changed", json!({"displayName": wanted})).await;
        is_named(&other, &changed, &wanted).await;
        ask_all().await;
        reads_a_round.push(other.figure(ACCOUNT_READS).await - before);
    }

    let least = reads_a_round.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        least <= 1.0,
        "account reads of each round: {reads_a_round:?}"
    );
}

#[tokio::test]
async fn a_change_that_no_signal_tells_is_read_at_every_hub_once_it_is_counted() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    for hub in [&one, &other] {
        is_named(hub, &bob, "bob").await;
    }

    let by_hand = "BEGIN; UPDATE users SET display_name = 'Robert' WHERE id = 'bob'; \
        UPDATE log_head SET account_changes = account_changes + 1; COMMIT";
    Postgres::shared().sql(&url, by_hand);

    for hub in [&one, &other] {
        is_named(hub, &bob, "Robert").await;
    }
}

#[tokio::test]
async fn of_two_changes_in_one_transaction_the_one_that_is_not_named_is_read_at_every_hub() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    for hub in [&one, &other] {
        is_named(hub, &bob, "bob").await;
    }

    let count = "UPDATE log_head SET account_changes = account_changes + 1";
    let name_the_last = "SELECT set_config('campanile.accounts', account_changes || ' [\"eve\"]', true) FROM log_head";
    let rename = "UPDATE users SET display_name = 'Robert' WHERE id = 'bob'";
    let both = format!("BEGIN; {rename}; {count}; {count}; {name_the_last}; COMMIT");
    Postgres::shared().sql(&url, &both);

    for hub in [&one, &other] {
        is_named(hub, &bob, "Robert").await;
    }
}

#[tokio::test]
async fn a_change_of_more_accounts_than_a_signal_tells_is_read_at_the_other_hub() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    is_named(&other, &bob, "bob").await;

    let others = (0..150).map(|number| json!({"id": format!("user{number}")}));
    let bob_last = std::iter::once(json!({"id": "bob", "displayName": "Robert"}));
    let many: Vec<Value> = others.chain(bob_last).collect();
    let answer = one.post(&one.service(), "/api/users").json(&many).send();
    assert_eq!(answer.await.unwrap().status(), 200);

    is_named(&other, &bob, "Robert").await;
}

#[tokio::test]
async fn a_change_whose_signal_is_lost_is_read_at_the_other_hub() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    is_named(&other, &bob, "bob").await;

    // Deleted in the transaction of the change, after the signal: no look finds it.
    let postgres = Postgres::shared();
    let lose = "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            DELETE FROM signals WHERE id = NEW.id; RETURN NULL; END $$; \
        CREATE TRIGGER lose AFTER INSERT ON signals FOR EACH ROW WHEN (NEW.kind = 'accounts') EXECUTE FUNCTION lose()";
    postgres.sql(&url, lose);
    change(&one, "bob", json!({"displayName": "Robert"})).await;

    is_named(&other, &bob, "Robert").await;
}
