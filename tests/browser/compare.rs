//! `/compare`: the five transports in a real browser, and the comparison of the page's results with the hub's log.

use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::support::tls::Identity;
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

const TRANSPORTS: [&str; 5] = ["sse", "websocket", "streaming", "longpoll", "polling"];

async fn all_live(window: &Window) {
    window
        .holds("document.querySelectorAll('.transport[data-state=live]').length === 5")
        .await;
}

/// The page as Alice sees it, in a window of her own, when all transports are live.
async fn at_the_page(app: &TestApp, chromium: &Chromium) -> Window {
    let alice = chromium.window().await;
    alice.sign_up(app, "alice", "Alice").await;
    alice.goto(app, "/compare").await;
    all_live(&alice).await;
    alice
}

async fn choose(window: &Window, name: &str, value: &str) {
    let choice = format!("document.querySelector('[name={name}]').value = '{value}'");
    assert_eq!(window.value(&format!("({choice})")).await, value);
}

/// Starts a run of so many alarms, so many a second.
async fn start(window: &Window, count: &str, rate: &str) {
    choose(window, "count", count).await;
    choose(window, "rate", rate).await;
    window.click("#start").await;
}

/// The ids of the test alarms in the log.
async fn logged(app: &TestApp) -> Vec<i64> {
    let tests = logged_events(app).await;
    tests
        .iter()
        .map(|event| event["id"].as_i64().expect("an id"))
        .collect()
}

/// The test alarms in the log, as a back end that may read all of it sees them.
async fn logged_events(app: &TestApp) -> Vec<Value> {
    let answer = app
        .get(&app.service(), "/api/stream?cursor=0&topic=*")
        .header(ACCEPT, "application/json")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["more"], false);
    let events = body["events"].as_array().expect("events");
    let tests = events
        .iter()
        .filter(|event| event["data"]["alarmType"] == "COMPARE_TEST");
    tests.cloned().collect()
}

/// The ids that one transport brought, in the order of their arrival.
async fn brought(window: &Window, transport: &str) -> Vec<i64> {
    let ids =
        format!("document.querySelector('.transport[data-transport={transport}]').dataset.ids");
    let ids = window.value(&ids).await;
    let ids = ids
        .as_str()
        .unwrap_or_else(|| panic!("no ids of {transport}"));
    ids.split(' ')
        .map(|id| id.parse().expect("an id"))
        .collect()
}

async fn text(window: &Window, css: &str) -> String {
    let text = format!("document.querySelector({css:?}).textContent");
    let text = window.value(&text).await;
    text.as_str().unwrap_or_else(|| panic!("{css}")).to_owned()
}

#[tokio::test]
async fn all_five_transports_bring_what_the_log_holds_and_the_page_says_so() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    app.publish(json!({"user": "alice"}), "SOMETHING_ELSE")
        .await;
    alice.goto(&app, "/compare").await;
    all_live(&alice).await;

    start(&alice, "30", "10").await;
    alice.shows("#verdict", "exactly these").await;

    let log = logged(&app).await;
    assert_eq!(log.len(), 30);
    let claimed = text(&alice, "#verdict").await;
    let range = format!("ids {} to {}", log[0], log[29]);
    assert!(claimed.contains(&range), "{claimed}, not {range}");
    for transport in TRANSPORTS {
        assert_eq!(brought(&alice, transport).await, log, "{transport}");
        let received = format!(".transport[data-transport={transport}] [data-figure=received]");
        assert_eq!(text(&alice, &received).await, "30 of 30", "{transport}");
    }
    // Test alarms are gone from the inbox; the others are not.
    until("an inbox without tests", DEADLINE, async || {
        let token = app.user("alice").await;
        let answer = app.get(&token, "/api/alarms").send().await.ok()?;
        let inbox: Value = answer.json().await.ok()?;
        let items = inbox["items"].as_array()?;
        (items.len() == 1 && items[0]["alarmType"] == "SOMETHING_ELSE").then_some(())
    })
    .await;
    alice.is_clean().await;
}

#[tokio::test]
async fn a_transport_costs_what_it_is_known_for() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;

    start(&alice, "10", "5").await;
    alice.shows("#verdict", "exactly these").await;

    let figure = async |transport: &str, name: &str| -> f64 {
        let figure = format!(".transport[data-transport={transport}] [data-figure={name}]");
        text(&alice, &figure).await.parse().expect("a number")
    };
    for transport in ["sse", "websocket", "streaming"] {
        // One request brought ten alarms, and it was open all the time.
        assert!(
            (figure(transport, "requests").await - 0.1).abs() < 0.001,
            "{transport}"
        );
        assert!(figure(transport, "held").await > 0.9, "{transport}");
    }
    assert!(figure("longpoll", "requests").await > 0.9);
    assert!(figure("polling", "held").await < 0.5);
    assert!(figure("longpoll", "bytes").await > figure("sse", "bytes").await);
    // Each line of a stream is what the log holds; beside them came a `connect` and the header of one answer.
    let events = logged_events(&app).await;
    let lines: usize = events.iter().map(|one| one.to_string().len() + 1).sum();
    let beside = figure("streaming", "bytes").await - lines as f64 / 10.0;
    assert!((45.0..60.0).contains(&beside), "{beside} bytes");
    for property in ["direction", "data", "protocol", "proxies"] {
        let cells = format!("[data-property={property}] .measured");
        let cells = format!("document.querySelectorAll({cells:?}).length >= 4");
        assert_eq!(alice.value(&cells).await, true, "{property}");
    }
    alice
        .shows(
            "[data-property=protocol] [data-transport=polling]",
            "http/1.1",
        )
        .await;
    alice.is_clean().await;
}

#[tokio::test]
async fn every_transport_comes_back_from_a_cut_with_nothing_lost_and_nothing_repeated() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;

    start(&alice, "100", "10").await;
    alice
        .holds("document.querySelector('#progress').value > 0.05")
        .await;
    for transport in TRANSPORTS {
        alice
            .click(&format!(".transport[data-transport={transport}] button"))
            .await;
    }

    for transport in TRANSPORTS {
        let result = format!(".transport[data-transport={transport}] .cut-result");
        alice.shows(&result, "0 lost, 0 repeated").await;
        let told = text(&alice, &result).await;
        assert!(told.starts_with("Back after "), "{transport}: {told}");
        assert!(!told.contains("\n0 published"), "{transport}: {told}");
    }
    alice.shows("#verdict", "exactly these").await;
    let log = logged(&app).await;
    assert_eq!(log.len(), 100);
    for transport in TRANSPORTS {
        assert_eq!(brought(&alice, transport).await, log, "{transport}");
    }
    alice
        .shows(
            "[data-property=reconnection] [data-transport=sse]",
            "by the browser after",
        )
        .await;
    alice.is_clean().await;
}

/// Clicks the button of the long poll when the page has taken a response with events, before it sends the next request.
const CUT_BETWEEN_TWO_REQUESTS: &str = r#"(() => {
  const ask = window.fetch;
  window.fetch = async (url, options) => {
    const answer = await ask(url, options);
    if (!new URL(url, location.href).searchParams.has("wait")) return answer;
    const read = answer.text.bind(answer);
    answer.text = async () => {
      const text = await read();
      if (JSON.parse(text).events.length > 0) {
        window.fetch = ask;
        // A timer of 0 ms begins the next request; microtasks come before every timer.
        (async () => {
          for (let hop = 0; hop < 20; hop += 1) await null;
          document.querySelector("[data-transport=longpoll] button").click();
        })();
      }
      return text;
    };
    return answer;
  };
  return true;
})()"#;

#[tokio::test]
async fn a_long_poll_that_is_cut_between_two_requests_loses_the_next_response_and_nothing_else() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;
    assert_eq!(alice.value(CUT_BETWEEN_TWO_REQUESTS).await, true);

    start(&alice, "30", "10").await;

    let result = ".transport[data-transport=longpoll] .cut-result";
    alice.shows(result, "0 lost, 0 repeated").await;
    alice.shows("#verdict", "exactly these").await;
    assert_eq!(brought(&alice, "longpoll").await, logged(&app).await);
    alice.is_clean().await;
}

#[tokio::test]
async fn on_http_1_the_seventh_stream_waits_and_a_websocket_does_not() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;
    alice.shows("#protocol-note", "over HTTP/1.1").await;

    alice.click("#measure-limit").await;

    alice
        .shows("#limit-result", "SSE: 6 live; number 7 was still waiting")
        .await;
    alice
        .shows("#limit-result", "WebSocket: 30 of 30 live")
        .await;
    alice
        .shows("[data-property=connections] [data-transport=sse]", "6 live")
        .await;
    all_live(&alice).await;
    alice.is_clean().await;
}

#[tokio::test]
async fn over_http_2_thirty_streams_are_live_and_the_five_transports_agree() {
    let app = AppBuilder::default().tls(&Identity::new()).spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;
    alice.shows("#protocol-note", "over HTTP/2 (h2)").await;

    start(&alice, "10", "5").await;
    alice.shows("#verdict", "exactly these").await;
    alice
        .shows("[data-property=protocol] [data-transport=polling]", "h2")
        .await;

    alice.click("#measure-limit").await;
    alice.shows("#limit-result", "SSE: 30 of 30 live").await;
    alice
        .shows("#limit-result", "WebSocket: 30 of 30 live")
        .await;
    all_live(&alice).await;
    // Here a second page takes nothing from the first.
    alice.new_tab().await;
    alice.goto(&app, "/compare").await;
    all_live(&alice).await;
    alice.is_clean().await;
}

#[tokio::test]
async fn a_second_page_in_the_same_browser_says_why_it_does_nothing() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = at_the_page(&app, &chromium).await;

    alice.new_tab().await;
    alice.goto(&app, "/compare").await;

    alice.shows(".notice", "open in another tab").await;
    assert_eq!(
        alice
            .value("document.querySelector('#transports').hidden")
            .await,
        true
    );
}

#[tokio::test]
async fn the_page_and_its_scripts_speak_korean() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    let choice = "(document.cookie = 'campanile_lang=ko; path=/')";
    assert_ne!(alice.value(choice).await, Value::Null);
    alice.goto(&app, "/compare").await;
    all_live(&alice).await;
    alice.shows("h1", "알림을 받는 다섯 가지 방법").await;

    start(&alice, "10", "10").await;

    alice.shows("#verdict", "시험 알림은 10개").await;
    alice
        .shows(
            "[data-property=direction] [data-transport=websocket]",
            "양방향",
        )
        .await;
    alice
        .shows(
            ".transport[data-transport=sse] [data-figure=received]",
            "10개 중 10",
        )
        .await;
}

#[tokio::test]
async fn without_scripts_the_table_is_there_and_the_page_says_what_is_missing() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = chromium.window_without_scripts().await;
    alice.sign_up(&app, "alice", "Alice").await;

    alice.goto(&app, "/compare").await;

    alice.shows(".notice", "needs JavaScript").await;
    alice.shows("#properties", "by the browser").await;
}
