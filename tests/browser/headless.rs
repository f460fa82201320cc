//! The headless client of the npm package: counts, lists and changes, in one tab and in two, while things change.

use reqwest::Method;
use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::{DEADLINE, TestApp};

/// A page with a client of its own, and what it watches.
fn page(app: &TestApp, before: &str) -> String {
    let script = format!(
        "<script>{before}</script><script type=\"module\">
            import {{ createCampanile }} from \"/package/index.js\";
            const token = () => fetch('/token/bob/60').then((answer) => answer.text());
            window.make = (options) => createCampanile({{ hub: \"{}\", token, ...options }});
            window.watch = (...stores) => stores.map((store) => store.subscribe(() => {{}}));
            window.ids = (inbox) => inbox.value.items.map(({{ id }}) => id).join();
            window.types = (inbox) => inbox.value.items.map(({{ alarmType }}) => alarmType).join();
            window.campanile = make();
            window.ready = true;
        </script>",
        app.base_url
    );
    page_with(app, &script)
}

struct Scene {
    app: TestApp,
    site: Site,
    _chromium: Chromium,
    window: Window,
    bob: String,
}

impl Scene {
    async fn open() -> Self {
        Self::open_with("").await
    }

    async fn open_with(before: &str) -> Self {
        let (listener, port) = Site::bind().await;
        let app = hub_for(port).await;
        let bob = app.user("bob").await;
        let site = Site::serve(listener, page(&app, before));
        let chromium = Chromium::start().await;
        let window = chromium.window().await;
        let scene = Self {
            app,
            site,
            _chromium: chromium,
            window,
            bob,
        };
        scene.visit().await;
        scene
    }

    async fn visit(&self) {
        self.window.visit(&self.site.elsewhere()).await;
        self.window.holds("window.ready === true").await;
    }

    async fn watch(&self, script: &str) {
        self.window.run(script).await;
        self.window
            .holds("campanile.status.value.state === 'live'")
            .await;
        self.window.holds("!window.inbox?.value.loading").await;
    }

    async fn publish(&self, alarm_type: &str) -> i64 {
        self.app.publish(json!({"user": "bob"}), alarm_type).await
    }

    /// Something that the user does on another device.
    async fn elsewhere(&self, method: Method, path: &str) {
        let request = self.app.request(method, path).bearer_auth(&self.bob);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// The ids of a listing at the hub.
    async fn listed(&self, query: &str) -> Vec<i64> {
        let answer = self.app.get(&self.bob, &format!("/api/alarms?{query}"));
        let page: Value = answer
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let items = page["items"].as_array().expect("items");
        items
            .iter()
            .filter_map(|item| item["id"].as_i64())
            .collect()
    }

    async fn shows(&self, list: &str, ids: &[i64]) {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        self.window
            .holds(&format!("ids({list}) === {:?}", ids.join(",")))
            .await;
    }
}

#[tokio::test]
async fn a_list_is_right_while_it_is_paged_through_and_alarms_come_and_go() {
    let scene = Scene::open().await;
    let mut known = Vec::new();
    for _ in 0..30 {
        known.push(scene.publish("OLD").await);
    }
    scene.watch("window.inbox = campanile.inbox({ limit: 7 }); window.unread = campanile.inbox({ status: 'unread', limit: 7 }); watch(inbox, unread)").await;
    scene
        .window
        .holds("inbox.value.items.length === 7 && inbox.value.hasMore")
        .await;

    // Pages are asked for while alarms arrive, are read and are deleted; nothing waits for anything.
    for round in 0..4 {
        scene
            .window
            .run("void inbox.more(); void unread.more()")
            .await;
        scene.publish("NEW").await;
        let (gone, read) = (known[29 - round * 6], known[27 - round * 6]);
        scene
            .elsewhere(Method::DELETE, &format!("/api/alarms/{gone}"))
            .await;
        scene.window.run("void inbox.more()").await;
        scene
            .elsewhere(Method::POST, &format!("/api/alarms/{read}/read"))
            .await;
        let back = known[27 - round * 6 / 2];
        scene
            .elsewhere(Method::POST, &format!("/api/alarms/{back}/unread"))
            .await;
    }
    scene.window.holds("(inbox.value.hasMore && inbox.more(), unread.value.hasMore && unread.more(), !inbox.value.hasMore && !unread.value.hasMore)").await;

    scene.shows("inbox", &scene.listed("limit=100").await).await;
    let unread = scene.listed("limit=100&status=unread").await;
    scene.shows("unread", &unread).await;
    scene
        .window
        .holds(&format!(
            "campanile.counts.value.unread === {}",
            unread.len()
        ))
        .await;
    scene.app.wait_for_connections(1, DEADLINE).await;
    scene.window.is_clean().await;
}

#[tokio::test]
async fn what_is_missed_while_the_hub_is_away_is_made_up_for() {
    let scene = Scene::open().await;
    let first = scene.publish("ONE").await;
    let second = scene.publish("ONE").await;
    scene
        .watch("window.inbox = campanile.inbox(); watch(inbox)")
        .await;
    scene.shows("inbox", &[second, first]).await;

    crate::scenes::network(&scene.window, true).await;
    scene
        .elsewhere(Method::DELETE, &format!("/api/alarms/{first}"))
        .await;
    let third = scene.publish("ONE").await;
    crate::scenes::network(&scene.window, false).await;

    scene.shows("inbox", &[third, second]).await;
}

#[tokio::test]
async fn a_change_shows_at_once_and_goes_back_if_the_hub_refuses_it() {
    let hold = "window.real = fetch; window.fetch = async (...given) => {
        if (given[1]?.method !== 'GET' && window.gate) await gate;
        if (given[1]?.method !== 'GET' && window.broken) return new Response('{\"code\":\"unavailable\"}', { status: 503 });
        return real(...given);
    };";
    let scene = Scene::open_with(hold).await;
    let first = scene.publish("ONE").await;
    let second = scene.publish("TWO").await;
    scene.watch("window.inbox = campanile.inbox(); window.unread = campanile.inbox({ status: 'unread' }); watch(inbox, unread); window.faults = []; inbox.subscribe(() => faults.push(inbox.value.error?.code))").await;
    scene.shows("unread", &[second, first]).await;
    let window = &scene.window;

    // Nothing has reached the hub yet, and both lists show it.
    window
        .run("window.gate = new Promise((open) => (window.open_gate = open))")
        .await;
    window
        .run(&format!(
            "window.done = Promise.all([inbox.remove({first}), inbox.setRead({second})])"
        ))
        .await;
    window.holds("ids(unread) === '' && inbox.value.items.length === 1 && inbox.value.items[0].readAt !== null").await;
    assert_eq!(scene.listed("status=unread").await, [second, first]);

    window.run("window.broken = true; open_gate(); window.gate = null; done.then((all) => (window.ok = all.join()))").await;
    window.holds("window.ok === 'false,false'").await;
    scene.shows("inbox", &[second, first]).await;
    scene.shows("unread", &[second, first]).await;
    window.holds("faults.includes('unavailable')").await;

    // One after the other, in the order they were made.
    window.run("window.broken = false").await;
    window.run(&format!("void inbox.setRead({second}); void inbox.setRead({second}, false); void inbox.remove({first})")).await;
    scene.shows("unread", &[second]).await;
    window.holds("inbox.value.error === null").await;
    crate::support::until("it is so at the hub", DEADLINE, async || {
        (scene.listed("status=unread").await == [second] && scene.listed("").await == [second])
            .then_some(())
    })
    .await;
    scene.shows("inbox", &[second]).await;
}

#[tokio::test]
async fn tabs_are_in_step_and_a_list_of_some_types_is_changed_alone() {
    let scene = Scene::open().await;
    for alarm_type in ["ORDER", "COMMENT", "NEWS", "ORDER"] {
        scene.publish(alarm_type).await;
    }
    let watch = "window.inbox = campanile.inbox({ alarmType: ['ORDER', 'COMMENT'], status: 'unread' });
        window.all = campanile.inbox(); window.orders = campanile.countsOf('ORDER'); window.both = campanile.countsOf('ORDER', 'NEWS');
        watch(inbox, all, orders, both)";
    scene.watch(watch).await;
    let window = &scene.window;
    window.new_tab().await;
    scene.visit().await;
    scene.watch(watch).await;
    window
        .holds(
            "types(inbox) === 'ORDER,COMMENT,ORDER' && types(all) === 'ORDER,NEWS,COMMENT,ORDER'",
        )
        .await;
    window
        .holds("orders.value.unread === 2 && both.value.unread === 3")
        .await;
    scene.app.wait_for_connections(1, DEADLINE).await;

    scene.publish("ORDER").await;
    window.holds("orders.value.unread === 3 && orders.value.unseen === 3 && types(inbox) === 'ORDER,ORDER,COMMENT,ORDER'").await;
    window.run("void inbox.readAll()").await;
    window
        .holds("types(inbox) === '' && orders.value.unread === 0 && both.value.unread === 1")
        .await;

    window.turn_to_tab(0).await;
    window
        .holds("types(inbox) === '' && orders.value.unread === 0 && both.value.unread === 1")
        .await;
    window.holds("all.value.items.filter(({ readAt }) => !readAt).map(({ alarmType }) => alarmType).join() === 'NEWS'").await;
    window.run("void all.seen()").await;
    window
        .holds("campanile.counts.value.unseen === 0 && campanile.counts.value.unread === 1")
        .await;
    window.run("void all.readAll()").await;
    window.turn_to_tab(1).await;
    window
        .holds("campanile.counts.value.unread === 0 && both.value.unread === 0")
        .await;
    window.is_clean().await;
}

#[tokio::test]
async fn it_connects_when_something_is_watched_and_nothing_of_a_user_stays() {
    let scene = Scene::open().await;
    scene.publish("ONE").await;
    let window = &scene.window;
    assert!(scene.app.connections().await.is_empty());
    window.run("window.heard = []; window.inbox = campanile.inbox(); window.ends = [...watch(inbox, campanile.counts), campanile.onAlarm(({ alarmType }) => heard.push(alarmType))]").await;
    window
        .holds("inbox.value.items.length === 1 && campanile.counts.value.unread === 1")
        .await;
    scene.app.wait_for_connections(1, DEADLINE).await;

    // All leave and some come back at once, as views do: the connection stays.
    window.run("window.user = campanile.client; ends.forEach((end) => end()); window.ends = [...watch(inbox), campanile.onAlarm(({ alarmType }) => heard.push(alarmType))]").await;
    scene.publish("TWO").await;
    window
        .holds(
            "heard.join() === 'TWO' && inbox.value.items.length === 2 && campanile.client === user",
        )
        .await;

    window.run("ends.forEach((end) => end())").await;
    scene.app.wait_for_connections(0, DEADLINE).await;
    window.holds("campanile.client === null && inbox.value.items.length === 0 && campanile.counts.value.unread === 0").await;

    window
        .run("window.ends = watch(inbox, campanile.status)")
        .await;
    window.holds("inbox.value.items.length === 2").await;
    window.run("void campanile.signOut()").await;
    window
        .holds("campanile.status.value.state === 'ended' && inbox.value.items.length === 0")
        .await;
    scene.app.wait_for_connections(0, DEADLINE).await;
    window.run("campanile.restart()").await;
    window.holds("inbox.value.items.length === 2").await;
}

#[tokio::test]
async fn it_works_with_a_hub_of_the_version_before_and_of_the_version_after() {
    // The version before knows no counts by type and looks at the first type alone; the version after says more than is known here.
    let hubs = "window.real = fetch; window.fetch = async (to, given) => {
        const url = new URL(to, location.href);
        if (window.older && url.pathname === '/api/alarms/counts') return new Response('{\"code\":\"not_found\"}', { status: 404 });
        const types = url.searchParams.getAll('alarmType');
        if (window.older && types.length > 1) url.searchParams.set('alarmType', types[0]);
        const answer = await real(url, given);
        if (given?.headers?.accept !== 'text/event-stream' || window.older) return answer;
        let first = true;
        const more = new TransformStream({ transform: (piece, out) => {
            if (first) out.enqueue(new TextEncoder().encode('event: novelty\\ndata: {\"new\":true}\\n\\n'));
            first = false;
            out.enqueue(piece);
        } });
        return new Response(answer.body.pipeThrough(more), answer);
    };";
    let scene = Scene::open_with(hubs).await;
    for alarm_type in ["ORDER", "NEWS", "COMMENT"] {
        scene.publish(alarm_type).await;
    }
    let watch = "window.inbox = campanile.inbox({ alarmType: ['ORDER', 'COMMENT'] }); window.orders = campanile.countsOf('ORDER'); watch(inbox, orders)";

    scene.watch(watch).await;
    scene
        .window
        .holds("types(inbox) === 'COMMENT,ORDER' && orders.value.unread === 1")
        .await;
    scene.publish("ORDER").await;
    scene
        .window
        .holds("types(inbox) === 'ORDER,COMMENT,ORDER' && orders.value.unread === 2")
        .await;

    scene.visit().await;
    scene.window.run("window.older = true").await;
    scene.watch(watch).await;
    scene
        .window
        .holds("types(inbox) === 'ORDER,COMMENT,ORDER'")
        .await;
    scene.publish("COMMENT").await;
    scene
        .window
        .holds("types(inbox) === 'COMMENT,ORDER,COMMENT,ORDER'")
        .await;
    scene.window.is_clean().await;
}
