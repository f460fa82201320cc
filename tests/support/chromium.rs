//! Chromium windows driven through chromedriver. Both end with the test, by process id.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::{DEADLINE, TestApp, until};

/// Two tests at a time, which mostly wait: more windows would compete for the cores of a small machine.
static SCREENS: Semaphore = Semaphore::const_new(ALL_SCREENS as usize);
const ALL_SCREENS: u32 = 2;

/// A running chromedriver.
pub(crate) struct Chromium {
    driver: Child,
    profiles: std::sync::Mutex<Vec<TempDir>>,
    address: String,
    _screens: SemaphorePermit<'static>,
}

/// One window with a fresh profile: cookies are its own.
pub(crate) struct Window {
    driver: WebDriver,
    profile: PathBuf,
}

impl Chromium {
    /// Starts chromedriver on a free port.
    pub(crate) async fn start() -> Self {
        Self::on(1).await
    }

    /// Starts it for a test that measures: no other one has a window meanwhile.
    pub(crate) async fn alone() -> Self {
        Self::on(ALL_SCREENS).await
    }

    async fn on(screens: u32) -> Self {
        let screens = SCREENS.acquire_many(screens).await.expect("open for ever");
        // A chromedriver takes the same port on IPv4 and IPv6, and ends when one of them is in use.
        let (driver, port) = until("chromedriver listens", DEADLINE, async || chromedriver()).await;
        Self {
            driver,
            profiles: std::sync::Mutex::default(),
            address: format!("http://127.0.0.1:{port}"),
            _screens: screens,
        }
    }

    /// Opens a window.
    pub(crate) async fn window(&self) -> Window {
        self.open(&json!({})).await
    }

    /// Opens a window of somebody who has switched scripts off.
    pub(crate) async fn window_without_scripts(&self) -> Window {
        self.open(&json!({"profile.managed_default_content_settings.javascript": 2}))
            .await
    }

    async fn open(&self, preferences: &Value) -> Window {
        let profile = tempfile::tempdir().expect("a profile");
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            capabilities.add_arg(argument).expect("an argument");
        }
        // A test's certificate is made for the test, and no authority knows it.
        capabilities
            .accept_insecure_certs(true)
            .expect("a capability");
        let folder = format!("--user-data-dir={}", profile.path().display());
        capabilities.add_arg(&folder).expect("an argument");
        capabilities
            .add_experimental_option("prefs", preferences)
            .expect("preferences");
        capabilities
            .set_browser_log_level(LoggingPrefsLogLevel::All)
            .expect("a console that is kept");
        let driver = WebDriver::new(&self.address, capabilities)
            .await
            .expect("a window");
        let window = Window {
            driver,
            profile: profile.path().to_owned(),
        };
        self.profiles.lock().expect("the profiles").push(profile);
        window
    }
}

/// Starts a chromedriver. Returns it with its port, or nothing if it ended.
fn chromedriver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own, so that its browsers end with it even when a test fails.
        .process_group(0)
        .spawn()
        .expect("chromedriver, from the package chromium-driver");
    let mut lines = BufReader::new(driver.stdout.take().expect("stdout"))
        .lines()
        .map_while(Result::ok);
    let port = lines.find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    let Some(port) = port else {
        driver.wait().expect("the end of chromedriver");
        return None;
    };
    // It goes on to speak; a closed pipe would end it.
    std::thread::spawn(move || lines.for_each(drop));
    Some((driver, port))
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The whole group: a browser that outlived its session would stay for ever.
        let group = format!("-{}", self.driver.id());
        let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        assert!(ended.is_ok_and(|status| status.success()), "kill {group}");
        self.driver.wait().expect("the end of chromedriver");
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Its own clean-up would block the test's only thread; the end of its chromedriver closes it anyway.
        self.driver.clone().leak().expect("an open window");
    }
}

impl Window {
    pub(crate) async fn goto(&self, app: &TestApp, path: &str) {
        self.driver.goto(app.url(path)).await.expect("a page");
    }

    /// Goes to an address that is not the hub's own.
    pub(crate) async fn visit(&self, url: &str) {
        self.driver.goto(url).await.expect("a page");
    }

    /// Goes back to the page before.
    pub(crate) async fn back(&self) {
        self.driver.back().await.expect("the page before");
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.expect("the page again");
    }

    /// The folder of its browser's profile.
    pub(crate) fn profile(&self) -> &Path {
        &self.profile
    }

    /// Opens a second tab of the same profile and turns to it.
    pub(crate) async fn new_tab(&self) {
        let tab = self.driver.new_tab().await.expect("a tab");
        self.driver
            .switch_to_window(tab)
            .await
            .expect("the other tab");
    }

    /// Turns to another tab, counted in the order they were opened.
    pub(crate) async fn turn_to_tab(&self, index: usize) {
        let tabs = self.driver.windows().await.expect("the tabs");
        let tab = tabs.get(index).expect("so many tabs").clone();
        self.driver.switch_to_window(tab).await.expect("a tab");
        let front = self.cdp("Page.bringToFront", json!({})).await;
        assert_eq!(front, json!({}), "the tab in front");
    }

    /// Tells the browser something in its own protocol (the Chrome DevTools Protocol).
    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let answer = self.driver.cdp().send_raw(command, parameters).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Types into what has the focus.
    pub(crate) async fn press(&self, keys: impl Into<TypingData>) {
        let typed = self.driver.action_chain().send_keys(keys).perform().await;
        typed.expect("typing");
    }

    /// Shift and Enter, in what has the focus.
    pub(crate) async fn break_line(&self) {
        let keys = self.driver.action_chain().key_down(Key::Shift);
        let keys = keys.send_keys(Key::Enter).key_up(Key::Shift);
        keys.perform().await.expect("typing");
    }

    /// Moves the pointer over an element.
    pub(crate) async fn point_at(&self, css: &str) {
        let element = self.find(css).await;
        element.scroll_into_view().await.expect("in view");
        let moved = self.driver.action_chain().move_to_element_center(&element);
        moved.perform().await.expect("the pointer there");
    }

    /// Runs a script of several statements in the page.
    pub(crate) async fn run(&self, script: &str) {
        self.driver
            .execute(piercing(script), Vec::new())
            .await
            .expect("a script that does not break");
    }

    /// Presses the one button of a dialog that a script has opened in a tab.
    pub(crate) async fn answer_the_dialog(&self, index: usize) {
        let tabs = self.driver.windows().await.expect("the tabs");
        let tab = tabs.get(index).expect("so many tabs").clone();
        self.driver.switch_to_window(tab).await.expect("a tab");
        self.driver.accept_alert().await.expect("a dialog");
    }

    /// Closes the tab that is looked at; another is to be turned to.
    pub(crate) async fn close_this_tab(&self) {
        self.driver.close_window().await.expect("its end");
    }

    /// Closes the first tab while another one is looked at.
    pub(crate) async fn close_first_tab(&self) {
        let here = self.driver.window().await.expect("this tab");
        let tabs = self.driver.windows().await.expect("the tabs");
        let first = tabs
            .iter()
            .find(|tab| **tab != here)
            .expect("another tab")
            .clone();
        self.driver
            .switch_to_window(first)
            .await
            .expect("the first tab");
        self.driver.close_window().await.expect("its end");
        self.driver
            .switch_to_window(here)
            .await
            .expect("the other tab");
    }

    /// The path and query of what is shown.
    pub(crate) async fn path(&self) -> String {
        let url = self.driver.current_url().await.expect("an address");
        let query = url
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        format!("{}{query}", url.path())
    }

    pub(crate) async fn click(&self, css: &str) {
        // A page that is changing may replace what was found before it is clicked.
        self.wait(css, async || match self.find(css).await.click().await {
            Ok(()) => Some(()),
            Err(error) if format!("{error:?}").contains("StaleElementReference") => None,
            Err(error) => panic!("a click on {css}: {error:?}"),
        })
        .await;
    }

    pub(crate) async fn double_click(&self, css: &str) {
        let element = self.find(css).await;
        let twice = self.driver.action_chain().double_click_element(&element);
        twice.perform().await.expect("a double click");
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        element.clear().await.expect("an empty field");
        element.send_keys(text).await.expect("typing");
    }

    pub(crate) async fn press_enter(&self, css: &str) {
        let element = self.find(css).await;
        element.send_keys(Key::Enter).await.expect("typing");
    }

    /// Types on whatever has the focus.
    pub(crate) async fn type_keys(&self, keys: &str) {
        let typing = self.driver.action_chain().send_keys(keys);
        typing.perform().await.expect("typing");
    }

    /// Waits until an element that matches `css` shows `text` somewhere in it.
    pub(crate) async fn shows(&self, css: &str, text: &str) {
        let what = format!("{css} shows {text:?}");
        self.wait(&what, async || {
            for element in self.all(css).await? {
                if element.text().await.is_ok_and(|shown| shown.contains(text)) {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    /// Makes the window so wide and shows it in a colour scheme.
    pub(crate) async fn look_like(&self, width: u32, scheme: &str) {
        self.be_sized(width, 900).await;
        let cdp = self.driver.cdp();
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        cdp.send_raw("Emulation.setEmulatedMedia", features)
            .await
            .expect("a colour scheme");
    }

    /// Makes the window so wide and high.
    pub(crate) async fn be_sized(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Speaks a language from the next page on, as the switch does.
    pub(crate) async fn speak(&self, language: &str) {
        let cookie = Cookie::new("campanile_lang", language);
        self.driver.add_cookie(cookie).await.expect("a cookie");
    }

    /// A picture of the window, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.expect("a picture")
    }

    /// A picture of the window, as a `data:` address.
    pub(crate) async fn picture_address(&self) -> String {
        let picture = self.driver.screenshot_as_png_base64().await;
        format!("data:image/png;base64,{}", picture.expect("a picture"))
    }

    /// The faults that axe-core finds in the page by the rules of WCAG 2.2, levels A and AA, and its best practices.
    pub(crate) async fn violations(&self) -> Value {
        let axe = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/web/node_modules/axe-core/axe.min.js"
        );
        let axe = std::fs::read_to_string(axe).expect("axe-core: npm --prefix web ci");
        // The driver puts it in: the page's own policy would refuse a script tag.
        self.driver.execute(axe, Vec::new()).await.expect("axe");
        let found = self.driver.execute_async(RUN_AXE, Vec::new()).await;
        found.expect("what axe found").json().clone()
    }

    /// The text an element shows.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("its text")
    }

    /// Waits until a JavaScript expression is true.
    pub(crate) async fn holds(&self, expression: &str) {
        self.wait(expression, async || {
            let answer = self.value(expression).await;
            (answer == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// The current value of a JavaScript expression; null while the page is changing.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let script = piercing(&format!("return {expression};"));
        let answer = self.driver.execute(script, Vec::new()).await;
        answer.map_or(Value::Null, |value| value.json().clone())
    }

    /// Fails if the page refused something by its own policy or a script broke.
    pub(crate) async fn is_clean(&self) {
        let log = self.driver.browser_log().await.expect("the console");
        let faults: Vec<String> = log
            .iter()
            .map(|entry| format!("{entry:?}"))
            .filter(|line| line.contains("Content Security Policy") || line.contains("Uncaught"))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Lets go of what the console holds so far.
    pub(crate) async fn forget_the_console(&self) {
        self.driver.browser_log().await.expect("the console");
    }

    /// Makes an account on the first page and waits for the rooms.
    pub(crate) async fn sign_up(&self, app: &TestApp, id: &str, display_name: &str) {
        self.goto(app, "/").await;
        self.fill("form[action='/signup'] [name=userId]", id).await;
        self.fill("form[action='/signup'] [name=displayName]", display_name)
            .await;
        self.fill("form[action='/signup'] [name=password]", PASSWORD)
            .await;
        self.click("form[action='/signup'] button").await;
        self.shows("h1", "Rooms").await;
    }

    /// Signs in with an account there is.
    pub(crate) async fn sign_in(&self, app: &TestApp, id: &str, password: &str) {
        self.goto(app, "/").await;
        self.fill("form[action='/login'] [name=userId]", id).await;
        self.fill("form[action='/login'] [name=password]", password)
            .await;
        self.click("form[action='/login'] button").await;
        self.shows("h1", "Rooms").await;
    }

    /// Waits until the bell's stream is open: an alarm from before that is counted, but not announced.
    pub(crate) async fn hears(&self) {
        self.holds("document.querySelector('campanile-bell').client?.status.state === 'live'")
            .await;
    }

    /// Goes to a room and waits until its stream is open.
    pub(crate) async fn enter(&self, app: &TestApp, room: &str, user: &str) {
        self.goto(app, &format!("/rooms/{room}")).await;
        let present = format!("#presence [data-user='{user}']");
        self.holds(&format!("document.querySelector({present:?}) !== null"))
            .await;
    }

    /// Says something in the room it is in.
    pub(crate) async fn say(&self, text: &str) {
        self.fill("#text", text).await;
        self.press_enter("#text").await;
    }

    async fn find(&self, css: &str) -> WebElement {
        self.wait(css, async || self.all(css).await?.into_iter().next())
            .await
    }

    /// The elements that match, also those in the shadow roots of the bell.
    async fn all(&self, css: &str) -> Option<Vec<WebElement>> {
        if !css.contains("cb-") {
            return self.driver.find_all(By::Css(css)).await.ok();
        }
        let script = piercing(&format!("return document.querySelectorAll({css:?});"));
        let found = self.driver.execute(script, Vec::new()).await.ok()?;
        found.elements().ok()
    }

    async fn wait<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        until(what, DEADLINE, probe).await
    }
}

/// The password of every account made in a window.
pub(crate) const PASSWORD: &str = "a long password";

const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    // A transition shows sizes and colours that nobody comes to rest on; what turns for ever is not waited for.
    const transitions = document.getAnimations().filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime));
    Promise.allSettled(transitions.map((one) => one.finished)).then(() => axe.run({ runOnly })).then(({ violations }) => done(violations.map((one) =>
        `${one.id}: ${one.nodes.map((node) => node.target.join(' ') + ' ' + node.html.slice(0, 160)).join(' | ')}`)), (error) => done([String(error)]));
";

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// A script that finds what is in the shadow roots of the bell as if it were in the page.
fn piercing(script: &str) -> String {
    if !script.contains("cb-") {
        return script.to_owned();
    }
    let script = script
        .replace("document.querySelectorAll(", "all(")
        .replace("document.querySelector(", "one(")
        .replace("document.activeElement", "focused()");
    format!("{PIERCING}{script}")
}

const PIERCING: &str = "
    const roots = () => [document, ...[...document.querySelectorAll('campanile-bell, [data-campanile-status]')].map((one) => one.shadowRoot).filter(Boolean)];
    const all = (css) => roots().flatMap((root) => [...root.querySelectorAll(css)]);
    const one = (css) => all(css)[0] ?? null;
    const focused = () => document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
    ";
