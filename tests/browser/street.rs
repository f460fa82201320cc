//! A hub with two people and a site beside it, whose pages get the hub's cookie.

use serde_json::json;

use crate::chromium::{Chromium, PASSWORD, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::{Claims, TestApp, sign};

/// A page whose test says when to begin, and with what.
const SCRIPT: &str = "
    Object.assign(window, { heard: [], counted: [], told: [], calls: 0 });
    window.begin = (options) => {
        heard.length = counted.length = told.length = 0;
        window.client = connect({
            ...options,
            onAlarm: (alarm) => heard.push(alarm.alarmType),
            onCounts: ({ unseen }) => counted.push(unseen),
            onStatus: (status) => told.push(status),
        });
    };
    window.ready = true;";

pub(crate) const LIVE: &str = "client.status.state === 'live'";
pub(crate) const BELL: &str = "document.querySelector('campanile-bell')";

/// True if the page shows nothing of an inbox with one alarm in it.
pub(crate) const NOTHING: &str = "document.querySelector('.cb-badge').hidden && !document.querySelector('.cb-toast, .cb-list li')
    && !document.title.startsWith('(') && document.querySelector('.cb-hidden[role=status]').textContent === ''";

/// A hub with two people, and a site next door to it, whose pages get the hub's cookie.
pub(crate) struct Street {
    pub(crate) app: TestApp,
    pub(crate) site: Site,
    pub(crate) chromium: Chromium,
    pub(crate) bob: String,
    pub(crate) eve: String,
}

impl Street {
    pub(crate) async fn with(body: &str) -> Self {
        let (listener, port) = Site::bind().await;
        let app = hub_for(port).await;
        let script = format!(
            "<script type=\"module\">import {{ connect }} from \"{}/campanile.js\"; {SCRIPT}</script>",
            app.base_url
        );
        let site = Site::serve(listener, page_with(&app, &format!("{body}{script}")));
        app.sign_up("bob", PASSWORD).await;
        app.sign_up("eve", PASSWORD).await;
        Self {
            bob: token_of("bob"),
            eve: token_of("eve"),
            chromium: Chromium::start().await,
            app,
            site,
        }
    }

    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// The site's page in a window that has been signed in at the hub before.
    pub(crate) async fn window_of(&self, user: &str) -> Window {
        let window = self.chromium.window().await;
        window.sign_in(&self.app, user, PASSWORD).await;
        self.visit(&window).await;
        window
    }

    pub(crate) async fn window(&self) -> Window {
        let window = self.chromium.window().await;
        self.visit(&window).await;
        window
    }

    pub(crate) async fn new_tab(&self, window: &Window) {
        window.new_tab().await;
        self.visit(window).await;
    }

    pub(crate) async fn visit(&self, window: &Window) {
        window.visit(&self.site.next_door()).await;
        window.holds("window.ready").await;
    }

    pub(crate) async fn tell(&self, user: &str, alarm_type: &str) {
        self.app.publish(json!({"user": user}), alarm_type).await;
    }
}

pub(crate) fn token_of(user: &str) -> String {
    sign(&Claims::of(user, "user"))
}

pub(crate) async fn begin(window: &Window, token: &str) {
    window.run(&format!("begin({{ token: {token} }})")).await;
}
