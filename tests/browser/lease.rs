//! The tab that holds the stream stops living without being closed: frozen, in a dialog, or busy. Another takes over within
//! two and a half heartbeats, with Web Locks and without.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::site::{Site, page_with};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};

const HEARTBEAT: Duration = Duration::from_secs(2);

const SCRIPT: &str = "
    Object.assign(window, { heard: [], replayed: 0, streams: 0 });
    const ask = window.fetch;
    window.fetch = (address, options) => {
        streams += options?.headers?.accept === 'text/event-stream';
        return ask(address, options);
    };
    window.begin = (token) => {
        window.client = connect({ token, onAlarm: ({ alarmType }, how) => { heard.push(alarmType); replayed += how.replayed; } });
    };
    const channel = new BroadcastChannel('stop');
    window.stopWhenAsked = (stop) => {
        channel.onmessage = () => { channel.postMessage('stops'); stop(); };
    };
    window.askToStop = () => {
        channel.onmessage = () => { window.stopped = true; };
        channel.postMessage('stop');
    };
    window.ready = true;";

/// Longer than the other tabs wait for the one with the stream.
const BUSY: &str = "stopWhenAsked(() => { const end = Date.now() + 12_000; while (Date.now() < end); window.over = true; })";

const LIVE: &str = "client.status.state === 'live'";

/// The ways in which a tab stops for longer than the other tabs wait.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    Frozen,
    Dialog,
    Busy,
}

struct Tower {
    app: TestApp,
    site: Site,
    window: Window,
    without: &'static str,
    _chromium: Chromium,
}

impl Tower {
    /// Two tabs of one person; `without` is run before anything else in each.
    async fn with_two_tabs(without: &'static str) -> Self {
        let (listener, port) = Site::bind().await;
        let app = AppBuilder::default()
            .env(
                "CAMPANILE_CORS_ORIGINS",
                &format!("http://127.0.0.1:{port}"),
            )
            .env(
                "CAMPANILE_HEARTBEAT_SECONDS",
                &HEARTBEAT.as_secs().to_string(),
            )
            .spawn()
            .await;
        app.user("bob").await;
        let script = format!(
            "<script type=\"module\">import {{ connect }} from \"{}/campanile.js\"; {SCRIPT}</script>",
            app.base_url
        );
        let site = Site::serve(listener, page_with(&app, &script));
        let chromium = Chromium::alone().await;
        let window = chromium.window().await;
        let tower = Self {
            app,
            site,
            window,
            without,
            _chromium: chromium,
        };
        tower.open().await;
        tower.window.new_tab().await;
        tower.open().await;
        tower.app.wait_for_connections(1, DEADLINE).await;
        tower
    }

    async fn open(&self) {
        let before = json!({"source": self.without});
        self.window
            .cdp("Page.addScriptToEvaluateOnNewDocument", before)
            .await;
        self.window.visit(&self.site.next_door()).await;
        self.window.holds("window.ready").await;
        let token = sign(&Claims::of("bob", "user"));
        self.window.run(&format!("begin('{token}')")).await;
        self.window.holds(LIVE).await;
    }

    async fn tell(&self, alarm_type: &str) {
        self.app.publish(json!({"user": "bob"}), alarm_type).await;
    }

    /// Brings the first tab, which leads, to a stop and turns to the second.
    async fn stop_the_first(&self, stop: Stop) {
        self.window.turn_to_tab(0).await;
        match stop {
            Stop::Dialog => {
                self.window.run("stopWhenAsked(() => alert('well?'))").await;
            }
            Stop::Busy => self.window.run(BUSY).await,
            Stop::Frozen => {
                let frozen = json!({"state": "frozen"});
                self.window.cdp("Page.setWebLifecycleState", frozen).await;
            }
        }
        self.window.turn_to_tab(1).await;
        if stop != Stop::Frozen {
            self.ask_to_stop().await;
        }
    }

    /// Stops the tab that waits for it, from another one: WebDriver could not leave a tab that stands still.
    async fn ask_to_stop(&self) {
        self.window.run("askToStop()").await;
        self.window.holds("window.stopped").await;
    }

    /// Brings it to life again and turns to it.
    async fn wake_the_first(&self, stop: Stop) {
        if stop == Stop::Dialog {
            return self.window.answer_the_dialog(0).await;
        }
        self.window.turn_to_tab(0).await;
        match stop {
            Stop::Dialog => {}
            Stop::Busy => self.window.holds("window.over").await,
            Stop::Frozen => {
                let active = json!({"state": "active"});
                self.window.cdp("Page.setWebLifecycleState", active).await;
            }
        }
    }

    /// Checks the other tab while the first one stands still, and both tabs once the first one runs again.
    async fn survives(&self, stop: Stop) {
        self.tell("BEFORE").await;
        self.window.holds("heard.join() === 'BEFORE'").await;
        self.stop_the_first(stop).await;
        let stopped = Instant::now();
        self.tell("MEANWHILE").await;

        self.window
            .holds("heard.join() === 'BEFORE,MEANWHILE'")
            .await;
        let took = stopped.elapsed();
        eprintln!("{stop:?}: {took:?}");
        assert!(took < HEARTBEAT * 5 / 2, "{stop:?}: {took:?}");
        assert_eq!(self.window.value("replayed").await, 0, "nobody was away");
        self.tell("LATER").await;
        self.window
            .holds("heard.join() === 'BEFORE,MEANWHILE,LATER'")
            .await;

        self.wake_the_first(stop).await;
        self.window.turn_to_tab(0).await;
        self.window
            .holds("heard.join() === 'BEFORE,MEANWHILE,LATER'")
            .await;
        self.tell("AFTER").await;
        for tab in [0, 1] {
            self.window.turn_to_tab(tab).await;
            self.window
                .holds("heard.join() === 'BEFORE,MEANWHILE,LATER,AFTER'")
                .await;
        }
        self.app.wait_for_connections(1, DEADLINE).await;
    }
}

const WITHOUT_LOCKS: &str = "Object.defineProperty(navigator, 'locks', { value: undefined })";

#[tokio::test]
async fn a_frozen_tab_that_holds_the_stream_is_replaced() {
    Tower::with_two_tabs("").await.survives(Stop::Frozen).await;
}

#[tokio::test]
async fn a_tab_in_a_dialog_that_holds_the_stream_is_replaced() {
    Tower::with_two_tabs("").await.survives(Stop::Dialog).await;
}

#[tokio::test]
async fn a_busy_tab_that_holds_the_stream_is_replaced() {
    Tower::with_two_tabs("").await.survives(Stop::Busy).await;
}

#[tokio::test]
async fn without_web_locks_a_busy_tab_that_holds_the_stream_is_replaced_just_so() {
    let tower = Tower::with_two_tabs(WITHOUT_LOCKS).await;
    assert_eq!(
        tower.window.value("navigator.locks === undefined").await,
        true
    );
    tower.survives(Stop::Busy).await;
}

#[tokio::test]
async fn a_tab_that_is_opened_while_the_one_with_the_stream_stands_still_does_not_wait_for_it() {
    let tower = Tower::with_two_tabs("").await;
    tower.window.close_this_tab().await;
    tower.window.turn_to_tab(0).await;
    tower.window.run(BUSY).await;
    tower.window.new_tab().await;
    tower.window.visit(&tower.site.next_door()).await;
    tower.window.holds("window.ready").await;
    tower.ask_to_stop().await;

    let opened = Instant::now();
    tower.open().await;

    let took = opened.elapsed();
    assert!(took < HEARTBEAT * 5 / 2, "{took:?}");
}

#[tokio::test]
async fn of_two_tabs_the_one_that_is_looked_at_takes_over() {
    let tower = Tower::with_two_tabs("").await;
    let window = &tower.window;
    window.new_tab().await;
    tower.open().await;
    window.turn_to_tab(0).await;
    window.run(BUSY).await;
    window.turn_to_tab(2).await;
    tower.ask_to_stop().await;
    assert_eq!(window.value("streams").await, 0);

    window.holds("streams === 1").await;

    tower.tell("MEANWHILE").await;
    window.holds("heard.join() === 'MEANWHILE'").await;
    window.turn_to_tab(1).await;
    window
        .holds("heard.join() === 'MEANWHILE' && streams === 0")
        .await;
}
