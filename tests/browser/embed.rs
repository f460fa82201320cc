//! The bell and `connect()` in pages of other origins, by token and by cookie, and the hub's own example of it.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::chromium::{Chromium, PASSWORD, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::{AppBuilder, DEADLINE, TestApp};

async fn unread(app: &TestApp, token: &str) -> Value {
    let answer = app.get(token, "/api/alarms").send().await;
    let page: Value = answer.expect("an answer").json().await.expect("JSON");
    page["meta"]["unread"].clone()
}

async fn rings_and_is_read(app: &TestApp, window: &Window, carol: &str) {
    rings_and_is_read_in(app, window, carol, false).await;
}

/// `own`: the page has words of its own for an empty panel.
async fn rings_and_is_read_in(app: &TestApp, window: &Window, carol: &str, own: bool) {
    window.hears().await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;
    window.shows(".cb-badge", "1").await;
    window.shows(".cb-toast", "New follower").await;

    window.click(".cb-button").await;
    window.shows(".cb-list", "New follower").await;
    window
        .holds("document.querySelector('.cb-badge').hidden")
        .await;
    window.click(".cb-list [data-act=read]").await;

    crate::support::until("it is read at the hub", DEADLINE, async || {
        (unread(app, carol).await == 0).then_some(())
    })
    .await;
    window.click(".cb-list [data-act=delete]").await;
    if own {
        window.shows("[slot=empty]", "Nothing to see here.").await;
    } else {
        window.shows(".cb-panel", "all caught up").await;
    }
    // An alarm that arrives while the panel is open and empty counts as seen at once.
    window.click(".cb-close").await;
}

#[tokio::test]
async fn a_page_of_another_site_has_the_bell_with_one_tag_and_a_token() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    let carol = app.user("carol").await;
    let bell = format!("<campanile-bell token=\"{carol}\"></campanile-bell>");
    let site = Site::serve(listener, page_with(&app, &bell));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    window.visit(&site.elsewhere()).await;
    rings_and_is_read(&app, &window, &carol).await;

    // Its tabs share one stream as well: the token says whose they are.
    window.new_tab().await;
    window.visit(&site.elsewhere()).await;
    app.publish(json!({"user": "carol"}), "MAINTENANCE").await;
    window.shows(".cb-badge", "1").await;
    app.wait_for_connections(1, DEADLINE).await;
    window.is_clean().await;
}

#[tokio::test]
async fn a_page_of_another_origin_has_the_bell_by_the_hubs_cookie() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    let carol = app.sign_up("carol", PASSWORD).await;
    let site = Site::serve(
        listener,
        page_with(&app, "<campanile-bell></campanile-bell>"),
    );
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_in(&app, "carol", PASSWORD).await;

    window.visit(&site.next_door()).await;
    rings_and_is_read(&app, &window, &carol).await;

    // Nobody said whose they are; the hub did.
    window.new_tab().await;
    window.visit(&site.next_door()).await;
    app.publish(json!({"user": "carol"}), "MAINTENANCE").await;
    window.shows(".cb-badge", "1").await;
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn an_origin_the_hub_does_not_know_gets_nothing() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port + 1).await;
    let carol = app.user("carol").await;
    app.publish(json!({"user": "carol"}), "SECRET").await;
    let bell = format!("<campanile-bell token=\"{carol}\"></campanile-bell>");
    let site = Site::serve(listener, page_with(&app, &bell));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    window.visit(&site.elsewhere()).await;
    window
        .holds("document.querySelector('campanile-bell')?.client?.status.state === 'waiting'")
        .await;
    window.click(".cb-button").await;

    window.shows(".cb-panel", "cannot be reached").await;
    window
        .holds("document.querySelector('.cb-badge').hidden")
        .await;
}

#[tokio::test]
async fn a_client_whose_token_expires_asks_its_site_for_another_and_misses_nothing() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    app.user("carol").await;
    let script = format!(
        "<campanile-bell></campanile-bell>
        <script>
            const token = () => fetch('/token/carol/4').then((answer) => answer.text());
            const bell = document.querySelector('campanile-bell');
            bell.token = token;
            bell.describe = ({{ alarmType }}) => ({{ what: 'In our words: ' + alarmType, url: '/orders' }});
            const told = [];
            document.addEventListener('campanile-alarm', ({{ detail }}) => told.push(detail.alarmType));
        </script>
        <script type=\"module\">
            import {{ connect }} from \"{}/campanile.js\";
            window.heard = [];
            window.client = connect({{ token, onAlarm: (alarm) => heard.push(alarm.alarmType) }});
        </script>",
        app.base_url
    );
    let site = Site::serve(listener, page_with(&app, &script));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.visit(&site.elsewhere()).await;
    window.holds("window.client?.status.state === 'live'").await;
    let given = site.tokens_given.load(Ordering::SeqCst);
    app.publish(json!({"user": "carol"}), "BEFORE").await;
    window.holds("heard.length === 1").await;
    window
        .shows("a.cb-toast-body[href='/orders']", "In our words: BEFORE")
        .await;

    // The end of its token would end this stream; by then another has taken its place.
    crate::support::until("another token", DEADLINE, async || {
        (site.tokens_given.load(Ordering::SeqCst) > given + 2).then_some(())
    })
    .await;
    app.publish(json!({"user": "carol"}), "MEANWHILE").await;

    window
        .holds("client.status.state === 'live' && heard.join() === 'BEFORE,MEANWHILE'")
        .await;
    window.shows(".cb-badge", "2").await;
    window.holds("told.join() === 'BEFORE,MEANWHILE'").await;
    app.wait_for_connections(1, DEADLINE).await;
    assert!(site.tokens_given.load(Ordering::SeqCst) > given);
}

#[tokio::test]
async fn where_no_token_may_be_in_an_address_the_bell_streams_all_the_same() {
    let (listener, port) = Site::bind().await;
    let app = AppBuilder::default()
        .env(
            "CAMPANILE_CORS_ORIGINS",
            &format!("http://localhost:{port}"),
        )
        .env("CAMPANILE_QUERY_TOKEN", "off")
        .spawn()
        .await;
    let carol = app.user("carol").await;
    let bell = format!("<campanile-bell token=\"{carol}\"></campanile-bell>");
    let site = Site::serve(listener, page_with(&app, &bell));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    window.visit(&site.elsewhere()).await;
    window
        .holds("document.querySelector('campanile-bell').client?.status.way === 'stream'")
        .await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;

    window.shows(".cb-toast", "New follower").await;
    window.shows(".cb-badge", "1").await;
}

#[tokio::test]
async fn a_page_that_is_shown_again_by_going_back_has_what_came_meanwhile() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    let carol = app.user("carol").await;
    let script = format!(
        "<script type=\"module\">
            import {{ connect }} from \"{}/campanile.js\";
            window.heard = [];
            const onAlarm = (alarm) => heard.push(alarm.alarmType);
            window.client = connect({{ token: \"{carol}\", onAlarm }});
            addEventListener('pageshow', (event) => (window.persisted = event.persisted));
        </script>",
        app.base_url
    );
    let site = Site::serve(listener, page_with(&app, &script));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.visit(&site.elsewhere()).await;
    window.holds("window.client?.status.state === 'live'").await;
    app.publish(json!({"user": "carol"}), "BEFORE").await;
    window.holds("heard.length === 1").await;

    // Another tab goes on meanwhile, and holds the stream when the first one is back.
    window.visit(&app.url("/")).await;
    window.new_tab().await;
    window.visit(&site.elsewhere()).await;
    window.holds("window.client?.status.state === 'live'").await;
    app.publish(json!({"user": "carol"}), "MEANWHILE").await;
    window.holds("heard.length === 1").await;
    window.turn_to_tab(0).await;
    window.back().await;

    window.holds("heard.join() === 'BEFORE,MEANWHILE'").await;
    assert_eq!(window.value("window.persisted").await, true);
    app.publish(json!({"user": "carol"}), "AFTER").await;
    window
        .holds("heard.join() === 'BEFORE,MEANWHILE,AFTER'")
        .await;
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn the_example_page_rings_and_shows_what_connect_hears() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    carol.goto(&app, "/demo/embed").await;
    carol.shows("#heard", "onStatus").await;
    carol.hears().await;

    carol.click("#ring button").await;

    carol.shows(".cb-badge", "1").await;
    carol.shows(".cb-toast", "Your order is on its way").await;
    carol.shows("#heard", "ORDER_SHIPPED").await;
    carol.shows("pre", &app.base_url).await;
    assert_eq!(carol.path().await, "/demo/embed");
    app.wait_for_connections(1, DEADLINE).await;
    let modules = "performance.getEntriesByType('resource').filter((one) => one.name.includes('campanile')).map((one) => new URL(one.name).pathname.replace(/@[0-9a-f]{12}/, '@version'))";
    assert_eq!(carol.value(modules).await, json!(["/campanile@version.js"]));
    carol.is_clean().await;
}

/// The blocks of a language in the guide, at this hub.
fn blocks_of_the_guide(app: &TestApp, language: &str) -> Vec<String> {
    let guide = include_str!("../../docs/guide/embedding.md");
    let opening = format!("```{language}\n");
    let blocks = guide.split(&opening).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .map(|block| block.replace("https://hub.example.com", &app.base_url))
        .collect()
}

#[tokio::test]
async fn the_snippets_of_the_guide_ring_and_tell_what_they_hear() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    let carol = app.user("carol").await;
    let opening = app.post(&app.admin(), "/api/rooms");
    let opening = opening
        .json(&json!({"id": "42", "name": "42"}))
        .send()
        .await;
    assert_eq!(opening.expect("an answer").status(), 201);
    let html = blocks_of_the_guide(&app, "html");
    let js = blocks_of_the_guide(&app, "js");
    let ([tag, asking, slots, loading], [connecting]) = (html.as_slice(), js.as_slice()) else {
        panic!("four pieces of a page and a module: {html:#?}{js:#?}");
    };
    let asking = asking.replace("/hub-token", "/token/carol/60");
    let connecting = connecting.replace("/hub-token", "/token/carol/60");
    let parts = [
        tag.replace("eyJ…", &carol),
        format!("{asking}{loading}"),
        format!("{}{loading}", slots.replace("eyJ…", &carol)),
        format!(
            "<script>window.told = []; console.log = (...all) => told.push(all.join(' '))</script>\
             <script type=\"module\">{connecting}</script>"
        ),
    ];
    // One page with all of them, each shown by a hash: the site serves one page.
    let parts = serde_json::to_string(&parts).expect("a list");
    let parts = parts.replace("</", "<\\/");
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>Elsewhere</title><body><script>document.write({parts}[location.search.slice(1)])</script></body>"
    );
    let site = Site::serve(listener, page);
    let chromium = Chromium::start().await;

    for part in 0..3 {
        let window = chromium.window().await;
        window.visit(&format!("{}?{part}", site.elsewhere())).await;
        rings_and_is_read_in(&app, &window, &carol, part == 2).await;
        window.is_clean().await;
        window.visit("about:blank").await;
        app.wait_for_connections(0, DEADLINE).await;
    }
    let window = chromium.window().await;
    window.visit(&format!("{}?3", site.elsewhere())).await;
    // Its stream is open once it tells the counts: an alarm from before that is counted, but not announced.
    window.holds("told.join() === '0 0'").await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;
    window
        .holds("told.some((line) => line.includes('NEW_FOLLOWER')) && told.includes('1 1')")
        .await;
    window.is_clean().await;
}

#[tokio::test]
async fn the_line_of_the_readme_hears_alarms_on_a_page_of_the_hub() {
    let app = TestApp::spawn().await;
    let readme = include_str!("../../README.md");
    let (_, code) = readme.split_once("```js\n").expect("the block");
    let (code, _) = code.split_once("```").expect("its end");
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_up(&app, "carol", "Carol").await;
    window
        .run("window.told = []; console.log = (alarm) => told.push(alarm.alarmType);")
        .await;

    // A line of the console holds for the page.
    window
        .run(&code.replace("const stream", "window.stream"))
        .await;
    window.holds("stream.readyState === EventSource.OPEN").await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;

    window.holds("told.includes('NEW_FOLLOWER')").await;
    window.is_clean().await;
}
