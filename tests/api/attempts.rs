//! What a wrong password is answered, and how often one may be tried.

use std::time::Instant;

use futures::future::join_all;
use serde_json::Value;

use crate::answers::{answer, problem, refusal, send};
use crate::signing_in::{PASSWORD, login};
use crate::support::{AppBuilder, TestApp};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_in_the_same_words() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.user("carol").await;

    let mut answers = Vec::new();
    // Carol has an account, but no password.
    for id in ["alice", "nobody", "carol"] {
        let mut body = refusal(login(&app, id, "a wrong password"), 401, "bad_credentials").await;
        body["requestId"] = Value::Null;
        answers.push(body);
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_in_the_same_time() {
    let app = AppBuilder::default().alone().spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.user("carol").await;

    let mut medians = Vec::new();
    for id in ["alice", "nobody", "carol"] {
        let mut times = Vec::new();
        for _ in 0..7 {
            let begin = Instant::now();
            refusal(login(&app, id, "a wrong password"), 401, "bad_credentials").await;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        medians.push(times[3]);
    }

    let (fastest, slowest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*slowest < *fastest * 2, "{medians:?}");
}

#[tokio::test]
async fn after_ten_wrong_passwords_an_account_is_closed_for_a_while() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.sign_up("bob", PASSWORD).await;

    // One known and one unknown account: the limit must not tell them apart either.
    for id in ["alice", "nobody"] {
        let attempts = (0..14).map(|_| send(login(&app, id, "a wrong password")));
        let answers = join_all(attempts).await;
        let wrong = answers
            .iter()
            .filter(|answer| answer.status() == 401)
            .count();
        assert!((10..14).contains(&wrong), "{wrong} attempts for {id}");
        for answer in answers {
            if answer.status() == 429 {
                let wait = answer.headers()["retry-after"].to_str().unwrap();
                assert!((1..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
                problem(answer, 429, "too_many_attempts").await;
            }
        }
    }
    answer(login(&app, "bob", PASSWORD), 200).await;
}

#[tokio::test]
async fn after_a_hundred_wrong_passwords_an_address_is_closed_for_a_while() {
    let app = TestApp::spawn().await;

    let mut wrong = 0;
    let mut refused = Vec::new();
    for round in 0..30 {
        let attempts = (0..10).map(|i| {
            let nobody = format!("nobody{round}-{i}");
            send(login(&app, &nobody, "a wrong password"))
        });
        for answer in join_all(attempts).await {
            if answer.status() == 401 {
                wrong += 1;
            } else {
                refused.push(answer);
            }
        }
        if !refused.is_empty() {
            break;
        }
    }

    // One more a second is allowed while it lasts, so a slow machine gets past the hundred.
    assert!((100..300).contains(&wrong), "{wrong} attempts");
    let refused = refused.pop().expect("a refusal");
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "too_many_attempts").await;
}

#[tokio::test]
async fn right_passwords_use_up_no_attempt() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;

    for _ in 0..15 {
        answer(login(&app, "alice", PASSWORD), 200).await;
    }
}
