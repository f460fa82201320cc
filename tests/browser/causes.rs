//! Why there is no connection: each cause has a code for a script and for a developer, and nothing of it is shown to a
//! visitor. What is away comes back without a reload, and what is closed leaves nothing behind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::site::{Site, page_with};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};

const SCRIPT: &str = "
    window.begin = (options) => {
        window.told = [];
        window.rung = [];
        window.client = connect({ onAlarm: ({ alarmType }) => rung.push(alarmType), onMessage: ({ data }) => rung.push(data.text), ...options, onStatus: (status) => told.push(status) });
    };
    window.ready = true;";

/// A hub at an address it keeps, with one setting more, and a page of another site at a client's disposal.
struct Scene {
    app: TestApp,
    window: Window,
    _site: Site,
    _chromium: Chromium,
}

impl Scene {
    async fn with(settings: &[(&str, &str)], body: &str) -> Self {
        let (listener, port) = Site::bind().await;
        let origin = format!("http://localhost:{port}");
        let app = settings.iter().fold(
            AppBuilder::default()
                .env("CAMPANILE_LISTEN", &free_address())
                .env("CAMPANILE_CORS_ORIGINS", &origin),
            |app, (name, value)| app.env(name, value),
        );
        let app = app.spawn().await;
        app.user("bob").await;
        let script = format!(
            "<script type=\"module\">import {{ connect }} from \"{}/campanile.js\"; {SCRIPT}</script>",
            app.base_url
        );
        let site = Site::serve(listener, page_with(&app, &format!("{body}{script}")));
        let chromium = Chromium::start().await;
        let window = chromium.window().await;
        window.visit(&site.elsewhere()).await;
        window.holds("window.ready").await;
        Self {
            app,
            window,
            _site: site,
            _chromium: chromium,
        }
    }

    async fn new() -> Self {
        Self::with(&[], "").await
    }

    /// Waits for a status with this code, and gives the status.
    async fn told(&self, state: &str, code: &str) -> Value {
        let is = format!("({{ state, code }}) => state === '{state}' && code === '{code}'");
        self.window.holds(&format!("told.some({is})")).await;
        self.window.value(&format!("told.find({is})")).await
    }

    async fn begin(&self, token: &str) {
        self.window
            .run(&format!(
                "window.client?.close(); begin({{ token: {token} }})"
            ))
            .await;
    }
}

fn free_address() -> String {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").to_string()
}

fn token_of(user: &str) -> String {
    sign(&Claims::of(user, "user"))
}

#[tokio::test]
async fn a_status_says_what_the_hub_refused_and_why() {
    let scene = Scene::with(&[("CAMPANILE_MAX_STREAMS_PER_USER", "1")], "").await;
    let (bob, nobody) = (token_of("bob"), token_of("nobody"));

    for token in [format!("'{nobody}'"), format!("() => '{nobody}'")] {
        scene.begin(&token).await;
        let status = scene.told("waiting", "unknown_user").await;
        assert!(
            status["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("account")),
            "{status}"
        );
    }
    // Made known meanwhile, the user comes in.
    scene.app.user("nobody").await;
    scene.window.holds("client.status.state === 'live'").await;

    let expired = sign(&Claims::of("bob", "user").expired());
    scene.begin(&format!("'{expired}'")).await;
    let status = scene.told("ended", "invalid_token").await;
    assert!(
        status["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("token")),
        "{status}"
    );
    scene.begin(&format!("() => '{expired}'")).await;
    scene.told("waiting", "invalid_token").await;

    let other = scene.app.connected(&bob, "/api/stream").await;
    scene.begin(&format!("'{bob}'")).await;
    let status = scene.told("waiting", "too_many_streams").await;
    assert!(
        status["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("streams")),
        "{status}"
    );
    drop(other);
    scene.window.holds("client.status.state === 'live'").await;

    let disable = scene
        .app
        .post(&scene.app.admin(), "/api/admin/users/bob/disable")
        .send()
        .await;
    assert_eq!(disable.expect("an answer").status(), 200);
    scene.told("ended", "kicked").await;
    scene.begin(&format!("() => '{bob}'")).await;
    scene.told("ended", "account_disabled").await;
    // By the cookie, and there is none.
    scene.window.run("client.close(); begin({})").await;
    scene.told("ended", "unauthorized").await;
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_named_is_told_so() {
    let scene = Scene::new().await;
    let elsewhere = AppBuilder::default().env("CAMPANILE_CORS_ORIGINS", "https://other.example");
    let elsewhere = elsewhere.spawn().await;
    let bob = elsewhere.user("bob").await;

    let options = format!("{{ hub: '{}', token: '{bob}' }}", elsewhere.base_url);
    scene.window.run(&format!("begin({options})")).await;

    let status = scene.told("waiting", "origin").await;
    assert_eq!(status["detail"], "CAMPANILE_CORS_ORIGINS");
}

#[tokio::test]
async fn a_hub_that_is_away_when_a_page_begins_is_found_later_without_a_reload() {
    let mut scene = Scene::new().await;
    scene.app.kill().await;

    scene.begin(&format!("'{}'", token_of("bob"))).await;
    scene.told("waiting", "unreachable").await;
    scene.app.restart().await;

    scene.window.holds("client.status.state === 'live'").await;
    scene.app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn a_page_that_loads_while_its_hub_is_away_gets_the_module_and_the_bell_later() {
    let (listener, port) = Site::bind().await;
    let origin = format!("http://localhost:{port}");
    let app = AppBuilder::default()
        .env("CAMPANILE_LISTEN", &free_address())
        .env("CAMPANILE_CORS_ORIGINS", &origin);
    let mut app = app.spawn().await;
    let bob = app.user("bob").await;
    // As docs/guide/embedding.md says.
    let page = format!(
        "<!doctype html><campanile-bell token=\"{bob}\"></campanile-bell><script type=\"module\">
            let tries = 0;
            const load = () => import(`{}/campanile.js?${{tries++}}`).catch(() => setTimeout(load, 1_000));
            load();
        </script>",
        app.base_url
    );
    let site = Site::serve(listener, page);
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    app.kill().await;
    window.visit(&site.elsewhere()).await;
    window
        .holds("document.querySelector('campanile-bell:not(:defined)') !== null")
        .await;

    app.restart().await;

    window.hears().await;
    app.publish(json!({"user": "bob"}), "NEW_FOLLOWER").await;
    window.shows(".cb-badge", "1").await;
}

#[tokio::test]
async fn the_bell_tells_the_cause_to_a_developer_and_not_to_a_visitor() {
    let bell = "<script>window.warned = []; console.warn = (text) => warned.push(text);</script>
        <campanile-bell token=\"\"></campanile-bell>";
    let scene = Scene::with(&[], bell).await;
    let nobody = token_of("nobody");

    let bell = "document.querySelector('campanile-bell')";
    scene
        .window
        .run(&format!("{bell}.setAttribute('token', '{nobody}')"))
        .await;
    scene
        .window
        .holds("warned.filter((text) => text.includes('unknown_user') && text.includes('account')).length === 1")
        .await;

    scene.window.shows(".cb-status", "No live updates.").await;
    let seen = scene.window.text("body").await;
    assert!(
        !seen.contains("unknown_user") && !seen.contains("account"),
        "{seen}"
    );
    let warned = scene
        .window
        .value("warned.filter((text) => text.includes('unknown_user')).length")
        .await;
    assert_eq!(warned, 1, "however often it is tried");
}

/// Counts what a page has under way: timers, listeners of the window and the document, channels, locks.
const COUNT: &str = "<script>
    window.timers = new Set();
    window.listeners = [];
    window.channels = new Set();
    for (const [start, stop] of [['setTimeout', 'clearTimeout'], ['setInterval', 'clearInterval']]) {
        const [begin, end] = [window[start], window[stop]];
        window[start] = (then, ...rest) => {
            const id = begin((...args) => { if (start === 'setTimeout') timers.delete(id); then(...args); }, ...rest);
            timers.add(id);
            return id;
        };
        window[stop] = (id) => { timers.delete(id); end(id); };
    }
    for (const target of [window, document]) {
        const [add, remove] = [target.addEventListener.bind(target), target.removeEventListener.bind(target)];
        target.addEventListener = (name, then, options) => {
            const one = { name, then };
            listeners.push(one);
            options?.signal?.addEventListener('abort', () => (listeners = listeners.filter((other) => other !== one)));
            add(name, then, options);
        };
        target.removeEventListener = (name, then) => {
            listeners = listeners.filter((one) => one.then !== then);
            remove(name, then);
        };
    }
    const Channel = BroadcastChannel;
    window.BroadcastChannel = class extends Channel {
        constructor(name) { super(name); channels.add(this); }
        close() { channels.delete(this); super.close(); }
    };
    window.left = async () => {
        const { held, pending } = await navigator.locks.query();
        return { timers: timers.size, listeners: listeners.map(({ name }) => name), channels: channels.size, locks: held.length + pending.length };
    };
</script>";

#[tokio::test]
async fn what_is_closed_leaves_no_timer_no_listener_no_channel_and_no_lock() {
    let scene = Scene::with(&[], COUNT).await;
    let (app, window) = (&scene.app, &scene.window);
    let nothing = json!({"timers": 0, "listeners": [], "channels": 0, "locks": 0});
    assert_eq!(left(window).await, nothing);

    window
        .run(&format!(
            "window.bell = document.createElement('campanile-bell'); bell.token = '{}'; document.body.append(bell)",
            token_of("bob")
        ))
        .await;
    window.hears().await;
    scene.begin(&format!("'{}'", token_of("bob"))).await;
    window.holds("client.status.state === 'live'").await;
    app.publish(json!({"user": "bob"}), "NEW_FOLLOWER").await;
    window.shows(".cb-toast", "New follower").await;
    assert_ne!(left(window).await, nothing);
    window.run("bell.remove(); client.close()").await;
    quiet(window, &nothing).await;
    app.wait_for_connections(0, DEADLINE).await;

    // In the midst of beginning, and of waiting.
    window
        .run(&format!(
            "for (let n = 0; n < 3; n++) {{ begin({{ token: '{}' }}); client.close(); }}",
            token_of("bob")
        ))
        .await;
    quiet(window, &nothing).await;
    scene.begin("() => Promise.reject(new Error('away'))").await;
    scene.told("waiting", "invalid_token").await;
    window.run("client.close()").await;
    quiet(window, &nothing).await;
    // A client that has ended by itself leaves nothing behind either.
    scene.begin("null").await;
    scene.told("ended", "logout").await;
    quiet(window, &nothing).await;
}

async fn left(window: &Window) -> Value {
    window
        .run("delete window.counted; left().then((counted) => (window.counted = counted))")
        .await;
    window.holds("window.counted !== undefined").await;
    window.value("counted").await
}

/// Waits until nothing is left: requests end at once, and a lock is released in another process.
async fn quiet(window: &Window, nothing: &Value) {
    crate::support::until("nothing is left", Duration::from_secs(2), async || {
        let left = left(window).await;
        eprintln!("{left}");
        (left == *nothing).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_room_that_does_not_exist_is_told_and_left_out() {
    let scene = Scene::new().await;
    let bob = token_of("bob");
    scene.app.room("42").await;
    scene
        .window
        .run(&format!(
            "begin({{ token: '{bob}', rooms: 'nowhere 42 43' }})"
        ))
        .await;

    let status = scene.told("waiting", "unknown_room").await;
    assert_eq!(status["detail"], "there is no room 43, nowhere");
    scene.window.holds("client.status.state === 'live'").await;
    scene.app.publish(json!({"user": "bob"}), "FIRST").await;
    say(&scene.app, &bob, "42").await;
    scene.window.holds("rung.join() === 'FIRST,hello'").await;

    // Once it exists, the rooms that are set anew have it.
    scene.app.room("43").await;
    scene.window.run("client.setRooms(['42', '43'])").await;
    say(&scene.app, &bob, "43").await;
    scene
        .window
        .holds("rung.join() === 'FIRST,hello,hello'")
        .await;
}

async fn say(app: &TestApp, token: &str, room: &str) {
    let path = format!("/api/rooms/{room}/messages");
    let said = app.post(token, &path).json(&json!({"text": "hello"}));
    assert_eq!(said.send().await.expect("an answer").status(), 201);
}
