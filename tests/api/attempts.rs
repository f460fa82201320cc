//! The answer to a wrong password, and the limit on attempts.

use std::time::Instant;

use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::answers::{answer, problem, refusal, send};
use crate::browsing::submit;
use crate::signing_in::{PASSWORD, login};
use crate::support::{AppBuilder, DEADLINE, TestApp};

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

    // In turn, so that other work on the machine slows all of them; the quickest of each is the least disturbed.
    let mut quickest = [
        ("alice", DEADLINE),
        ("nobody", DEADLINE),
        ("carol", DEADLINE),
    ];
    for _ in 0..8 {
        for (id, time) in &mut quickest {
            let begin = Instant::now();
            refusal(login(&app, id, "a wrong password"), 401, "bad_credentials").await;
            *time = begin.elapsed().min(*time);
        }
    }

    // Without the work of a password, an answer would be more than ten times as quick.
    let times = quickest.map(|(_id, time)| time);
    let (fastest, slowest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*slowest < *fastest * 4, "{quickest:?}");
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
                says_when_to_try_again(&answer);
                problem(answer, 429, "too_many_attempts").await;
            }
        }
    }
    answer(login(&app, "bob", PASSWORD), 200).await;
}

#[tokio::test]
async fn the_sign_in_page_says_as_a_program_is_told_when_to_try_again() {
    let app = TestApp::spawn().await;
    let fields = [("userId", "alice"), ("password", "a wrong password")];
    let attempts = (0..14).map(|_| send(submit(&app, "", "/login", &fields)));

    let answers = join_all(attempts).await;
    let refused = answers.iter().find(|answer| answer.status() == 429);

    let refused = refused.expect("an attempt too many");
    let kind = refused.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/html"), "{kind}");
    says_when_to_try_again(refused);
}

fn says_when_to_try_again(refused: &Response) {
    let wait = refused.headers()["retry-after"].to_str().unwrap();
    assert!((1..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
}

#[tokio::test]
async fn after_forty_wrong_passwords_a_network_is_closed_for_a_while() {
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

    // One more every two seconds is allowed while it lasts, so a slow machine gets past the forty.
    assert!((40..120).contains(&wrong), "{wrong} attempts");
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

#[tokio::test]
async fn thirty_right_sign_ins_at_once_all_succeed() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;

    let answers = join_all((0..30).map(|_| send(login(&app, "alice", PASSWORD)))).await;

    for answer in answers {
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn a_crowd_of_sign_ups_costs_no_sign_in() {
    // Its port is reached through a proxy, so that the client is not this machine.
    let app = AppBuilder::default().spawn().await;
    app.sign_up("alice", PASSWORD).await;
    let from = |request: RequestBuilder| request.header("X-Forwarded-For", "192.0.2.7");
    let short = serde_json::json!({"userId": "alice", "password": PASSWORD});
    let sign_ups = (0..130).map(|_| {
        let sign_up = app.request(Method::POST, "/api/auth/signup");
        send(from(sign_up.json(&short)))
    });
    join_all(sign_ups).await;

    for _ in 0..5 {
        answer(from(login(&app, "alice", PASSWORD)), 200).await;
    }
}

#[tokio::test]
async fn wrong_guesses_of_a_network_hold_up_no_other() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    let from = |address: &str, password: &str| {
        login(&app, "alice", password).header("X-Forwarded-For", address)
    };
    let closed = async |address: &str| {
        let attempts = (0..14).map(|_| send(from(address, "a wrong password")));
        let answers = join_all(attempts).await;
        answers.iter().any(|answer| answer.status() == 429)
    };

    assert!(closed("192.0.2.1").await);
    answer(from("192.0.2.2", PASSWORD), 200).await;
    // All spellings of an address, and all addresses of a /64, are one network.
    for same in ["192.0.2.1:4711", "::ffff:192.0.2.1", "\"192.0.2.1\""] {
        refusal(from(same, PASSWORD), 429, "too_many_attempts").await;
    }
    assert!(closed("2001:db8::1").await);
    for same in ["2001:db8::2", "[2001:db8::ffff:1]:80"] {
        refusal(from(same, PASSWORD), 429, "too_many_attempts").await;
    }
    answer(from("2001:db8:0:1::1", PASSWORD), 200).await;
}
