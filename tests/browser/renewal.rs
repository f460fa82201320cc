//! Tokens of seconds: the next stream is open before the last one's token ends, and nobody notices.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::DEADLINE;

const ALARMS: usize = 80;

/// The toasts a tab has shown, each once: what is in a toast stays the same.
const RECORD: &str = "
    window.shown = [];
    window.states = [];
    window.replays = [];
    const toasts = new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) {
            if (node.matches?.('.cb-toast')) shown.push(node.querySelector('strong').textContent);
        }
    });
    customElements.whenDefined('campanile-bell').then(() => toasts.observe(document.querySelector('campanile-bell').shadowRoot, { childList: true, subtree: true }));";

const BELL: &str = "<campanile-bell></campanile-bell><script>
    document.querySelector('campanile-bell').token = () => fetch('/token/bob/10').then((answer) => answer.text());</script>";

#[tokio::test]
async fn eighty_alarms_over_tokens_of_ten_seconds_are_eighty_toasts_in_whichever_tab_is_looked_at()
{
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    app.user("bob").await;
    let script = format!(
        "<script>{RECORD}</script>{BELL}<script type=\"module\">
            import {{ connect }} from \"{}/campanile.js\";
            connect({{
                token: () => fetch('/token/bob/10').then((answer) => answer.text()),
                onStatus: ({{ state }}) => states.push(state),
                onAlarm: ({{ alarmType }}, {{ replayed }}) => replayed && replays.push(alarmType),
            }});
        </script>",
        app.base_url
    );
    let site = Site::serve(listener, page_with(&app, &script));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.visit(&site.elsewhere()).await;
    window.hears().await;
    window.new_tab().await;
    window.visit(&site.elsewhere()).await;
    window.hears().await;

    let mut pace = tokio::time::interval(Duration::from_millis(500));
    for number in 0..ALARMS {
        if number % 20 == 0 {
            settled(&window, number).await;
            window.turn_to_tab(number / 20 % 2).await;
            window
                .holds("document.hasFocus() && !document.hidden")
                .await;
        }
        pace.tick().await;
        app.publish(json!({"user": "bob"}), &format!("ALARM_{number}"))
            .await;
    }
    settled(&window, ALARMS).await;

    let mut shown = Vec::new();
    for tab in [0, 1] {
        window.turn_to_tab(tab).await;
        window
            .holds("!states.includes('waiting') && replays.length === 0")
            .await;
        let texts = window.value("shown").await;
        shown.extend(texts.as_array().expect("a list").clone());
    }
    let mut expected: Vec<Value> = (0..ALARMS)
        .map(|number| json!(format!("Alarm {number}")))
        .collect();
    let order = |value: &Value| value.as_str().map(str::to_owned);
    expected.sort_by_key(order);
    shown.sort_by_key(order);
    assert_eq!(shown, expected);
    app.wait_for_connections(1, DEADLINE).await;
}

/// Waits until the tab that is looked at has counted what was published so far.
async fn settled(window: &Window, count: usize) {
    let counted = format!("document.querySelector('.cb-badge').textContent === '{count}'");
    window.holds(&counted).await;
}
