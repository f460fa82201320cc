//! The bell in pages of any style: none of theirs reaches it, none of its own leaks, and a page changes what it wants to.

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::TestApp;

/// The styles of pages that reach into what is in them: a reset, and rules of a CSS framework that are meant for its own buttons and lists.
const HOSTILE: &str = "<style>
    * { all: unset }
    * { box-sizing: content-box; line-height: 3; letter-spacing: 4px; text-transform: uppercase; cursor: crosshair }
    button, a, li, div, span, svg { padding: 20px !important; border: 5px dotted red !important; font: 40px serif !important; display: block !important; color: lime !important }
    [hidden] { display: block !important } ul { list-style: square inside !important } svg { width: 300px !important; fill: red !important }
    campanile-bell { float: right }
</style>";

/// The places and the looks of the bell's parts.
const LOOKS: &str = "(() => {
    const of = (css) => {
        const piece = document.querySelector(css);
        const { width, height } = piece.getBoundingClientRect();
        const { color, backgroundColor, font, letterSpacing, textTransform, padding, border, display } = getComputedStyle(piece);
        return { css, width, height, color, backgroundColor, font, letterSpacing, textTransform, padding, border, display };
    };
    return ['.cb-button', '.cb-icon', '.cb-panel', '.cb-title', '.cb-tab', '.cb-row', '.cb-main', '.cb-what', '.cb-row-button', '.cb-foot'].map(of);
})()";

/// True if a place is in the window.
const INSIDE: &str = "(({ left, right, top, bottom }) => left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight)";

const BADGE: &str = "(({ offsetWidth, offsetHeight, textContent }) => [offsetWidth, offsetHeight, textContent])(document.querySelector('.cb-badge'))";

struct Scene {
    app: TestApp,
    site: Site,
    window: Window,
    _chromium: Chromium,
}

/// A page with this head and this bell; bob has two alarms.
async fn page_of(head: &str, bell: &str) -> Scene {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    let bob = app.user("bob").await;
    let name = json!({"displayName": "Alice Adams"});
    let put = app.request(reqwest::Method::PUT, "/api/users/u-4711");
    let put = put.bearer_auth(app.service()).json(&name).send().await;
    assert_eq!(put.expect("an answer").status(), 201);
    let body = bell.replace("TOKEN", &bob);
    let site = Site::serve(listener, page_with(&app, &format!("{head}{body}")));
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    let scene = Scene {
        app,
        site,
        window,
        _chromium: chromium,
    };
    scene.publish_two().await;
    scene.window.look_like(900, "light").await;
    scene.visit().await;
    scene
}

const BELL: &str = "<campanile-bell token=\"TOKEN\" inbox=\"/inbox\"></campanile-bell><button id=\"own\">A button of the page</button>";

impl Scene {
    async fn visit(&self) {
        self.window.visit(&self.site.elsewhere()).await;
        self.window.hears().await;
    }

    async fn publish_two(&self) {
        self.publish("ORDER_SHIPPED", "Your order is on its way")
            .await;
        self.publish("NEW_COMMENT", "What a fine day, is it not?")
            .await;
    }

    async fn publish(&self, alarm_type: &str, title: &str) {
        let alarm = json!({"to": {"user": "bob"}, "alarmType": alarm_type, "fromUserId": "u-4711", "targetId": "t-0815", "data": {"title": title}});
        crate::scenes::publish(&self.app, &alarm).await;
    }

    async fn open(&self) {
        self.window.click(".cb-button").await;
        self.window.shows(".cb-list", "Your order").await;
    }

    async fn looks(&self) -> Value {
        let badge = self.window.value(BADGE).await;
        assert_eq!(badge, json!([18, 18, "2"]));
        self.open().await;
        // The pointer is over nothing that looks different then.
        self.window.point_at(".cb-title").await;
        self.window.value(LOOKS).await
    }

    async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("CAMPANILE_PICTURES") {
            let file = std::path::Path::new(&folder).join(name);
            std::fs::write(file, self.window.picture().await).expect("a picture");
        }
    }
}

#[tokio::test]
async fn no_style_of_a_page_reaches_the_bell_and_none_of_its_own_leaks() {
    let plain = page_of("", BELL).await;
    let own =
        "JSON.stringify([...Object.values(getComputedStyle(document.querySelector('#own')))])";
    let button = plain.window.value(own).await;
    let expected = plain.looks().await;
    plain.picture("plain.png").await;
    assert_eq!(
        plain
            .window
            .value("document.adoptedStyleSheets.length + document.styleSheets.length")
            .await,
        0
    );
    assert_eq!(
        plain
            .window
            .value("document.querySelectorAll('body *').length")
            .await,
        3
    );
    plain.window.is_clean().await;
    drop(plain);

    let bare = page_of("", "<button id=\"own\">A button of the page</button><campanile-bell token=\"TOKEN\"></campanile-bell>").await;
    assert_eq!(bare.window.value(own).await, button);
    drop(bare);

    let hostile = page_of(HOSTILE, BELL).await;
    let looks = hostile.looks().await;
    hostile.picture("hostile.png").await;
    assert_eq!(looks, expected);
}

/// Styles that let no other style of a page through, but for the colours that it is drawn in.
const RUTHLESS: &str = "<style>
    * { all: unset !important; transform: translateX(0) !important }
    html { color-scheme: light dark !important }
</style>";

/// True if the question mark of an English sentence is at its right end, whatever the direction of the page.
const IN_ORDER: &str = "(() => {
    const text = document.querySelector('.cb-summary').firstChild;
    const place = (from) => {
        const range = document.createRange();
        range.setStart(text, from);
        range.setEnd(text, from + 1);
        return range.getBoundingClientRect();
    };
    return place(text.length - 1).left > place(0).left;
})()";

#[tokio::test]
async fn no_style_of_a_page_reaches_the_bell_in_the_dark_from_right_to_left_or_on_a_phone() {
    let mut expected = Vec::new();
    for (name, head) in [("plain", ""), ("hostile", HOSTILE), ("ruthless", RUTHLESS)] {
        let head = format!("<meta name=\"viewport\" content=\"width=device-width\">{head}");
        let scene = page_of(&head, BELL).await;
        let mut looks = Vec::new();
        for (width, scheme, dir) in [
            (900, "dark", "ltr"),
            (900, "light", "rtl"),
            (390, "dark", "rtl"),
        ] {
            scene.window.look_like(width, scheme).await;
            scene.visit().await;
            scene.window.run(&format!("document.documentElement.dir = '{dir}'; document.documentElement.style.colorScheme = 'light dark'")).await;
            looks.push(scene.looks().await);
            let right =
                format!("{INSIDE}(document.querySelector('.cb-panel').getBoundingClientRect())");
            scene.window.holds(&right).await;
            scene.window.holds(IN_ORDER).await;
            scene
                .picture(&format!("{name}-{width}-{scheme}-{dir}.png"))
                .await;
            scene
                .window
                .holds("document.querySelector('.cb-badge').hidden")
                .await;
            scene.publish_two().await;
        }
        if expected.is_empty() {
            expected = looks;
        } else {
            assert_eq!(looks, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_page_changes_colours_parts_the_icon_and_the_words_for_an_empty_list() {
    let head = "<style>
        campanile-bell { --campanile-accent: rgb(1, 2, 3); --campanile-font: monospace; --campanile-surface: rgb(4, 5, 6) }
        campanile-bell::part(badge) { background: rgb(7, 8, 9) }
        campanile-bell::part(toast) { border-radius: 3px }
        campanile-bell::part(who) { color: rgb(10, 11, 12) }
    </style>";
    let bell = "<campanile-bell token=\"TOKEN\"><b slot=\"icon\">!</b><i slot=\"empty\">Nothing at all</i></campanile-bell><button id=\"own\"></button>";
    let scene = page_of(head, bell).await;
    let window = &scene.window;
    let style =
        |css: &str, what: &str| format!("getComputedStyle(document.querySelector('{css}')).{what}");

    scene.publish("ONE", "One more").await;
    window.shows(".cb-toast", "One more").await;
    window
        .holds(&format!(
            "{} === '3px'",
            style(".cb-toast", "borderTopLeftRadius")
        ))
        .await;
    window
        .holds(&format!(
            "{} === 'rgb(7, 8, 9)'",
            style(".cb-badge", "backgroundColor")
        ))
        .await;
    window.holds("document.querySelector('campanile-bell b').checkVisibility() && !document.querySelector('.cb-button .cb-icon').checkVisibility()").await;
    scene.open().await;
    window
        .holds(&format!(
            "{} === 'rgb(10, 11, 12)'",
            style(".cb-who", "color")
        ))
        .await;
    window
        .holds(&format!(
            "{} === 'rgb(4, 5, 6)'",
            style(".cb-panel", "backgroundColor")
        ))
        .await;
    window
        .holds(&format!(
            "{} === 'monospace'",
            style(".cb-title", "fontFamily")
        ))
        .await;
    window
        .holds(&format!(
            "{} === 'rgb(1, 2, 3)'",
            style(".cb-tab[aria-selected=true]", "borderBottomColor")
        ))
        .await;
    window
        .holds("!document.querySelector('campanile-bell i').checkVisibility()")
        .await;

    for _ in 0..3 {
        window.click(".cb-list [data-act=delete]").await;
    }
    window.holds("document.querySelector('.cb-list').children.length === 0 && document.querySelector('campanile-bell i').checkVisibility()").await;
}

#[tokio::test]
async fn rows_and_toasts_show_names_and_never_ids() {
    let scene = page_of("", BELL).await;
    let window = &scene.window;
    scene.publish("ONE", "Look").await;
    window.shows(".cb-toast", "Alice Adams: Look").await;
    scene.open().await;
    window.shows(".cb-row .cb-who", "Alice Adams").await;
    let nobody = json!({"to": {"user": "bob"}, "alarmType": "TWO", "fromUserId": "u-0000"});
    crate::scenes::publish(&scene.app, &nobody).await;
    window.click(".cb-pill").await;
    window.shows(".cb-list", "Two").await;
    window
        .holds("!/u-4711|u-0000|t-0815/.test(document.querySelector('.cb-panel').textContent)")
        .await;
}

#[tokio::test]
async fn a_page_gives_an_alarm_its_words_its_people_and_a_picture() {
    let script = "<script>
        const bell = document.querySelector('campanile-bell');
        bell.types = { en: { ORDER_SHIPPED: 'Shipped' }, ko: { ORDER_SHIPPED: '배송 시작' } };
        const picture = new Image();
        picture.src = 'data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>';
        bell.describe = ({ alarmType, targetId }) => alarmType === 'NEW_COMMENT' && { who: 'Dr. Who', target: `Post ${targetId}`, icon: picture };
    </script>";
    let scene = page_of("", &format!("{BELL}{script}")).await;
    let window = &scene.window;

    scene.open().await;

    window
        .shows(".cb-row:nth-child(1) .cb-what", "Dr. Who · New comment")
        .await;
    window
        .shows(".cb-row:nth-child(1) .cb-when", "Post t-0815")
        .await;
    window
        .holds("document.querySelector('.cb-row:nth-child(1) .cb-picture img') !== null")
        .await;
    window
        .shows(".cb-row:nth-child(2) .cb-what", "Shipped")
        .await;
    window
        .run("document.querySelector('campanile-bell').lang = 'ko'")
        .await;
    window.hears().await;
    scene.open().await;
    window
        .shows(".cb-row:nth-child(2) .cb-what", "배송 시작")
        .await;
}

/// A page as a CSS framework has it, in a bar that is a containing block for what is fixed in it.
const FRAMEWORK: &str = "<meta name=\"viewport\" content=\"width=device-width\"><style>
    *, ::before, ::after { box-sizing: border-box; border: 0 solid } body { margin: 0; font: 16px/1.5 Georgia, serif; color: #333 }
    .navbar { display: flex; justify-content: space-between; padding: 8px 16px; background: #4338ca; color: #fff; transform: translateZ(0); overflow: visible }
    button { background: #eee; padding: 8px 16px; border-radius: 4px; text-transform: uppercase } ul { padding: 0 } a { color: #4338ca; text-decoration: underline }
</style>";

#[tokio::test]
async fn it_fits_wherever_it_is() {
    let bar = "<div class=\"navbar\"><span id=\"own\">My site</span><campanile-bell token=\"TOKEN\" inbox=\"/inbox\"></campanile-bell></div>";
    let scene = page_of(FRAMEWORK, bar).await;
    let window = &scene.window;
    for (name, width, scheme, dir) in [
        ("framework.png", 900, "light", "ltr"),
        ("rtl.png", 900, "light", "rtl"),
        ("dark.png", 900, "dark", "ltr"),
        ("narrow.png", 390, "light", "ltr"),
        ("narrow-rtl.png", 390, "dark", "rtl"),
    ] {
        window.look_like(width, scheme).await;
        scene.visit().await;
        window.run(&format!("document.documentElement.dir = '{dir}'; document.documentElement.style.colorScheme = 'light dark'")).await;
        scene.publish("NEW_COMMENT", "A toast").await;
        window.shows(".cb-toast", "A toast").await;
        window
            .holds(&format!(
                "{INSIDE}(document.querySelector('.cb-toast').getBoundingClientRect())"
            ))
            .await;
        // In the bar's own coordinates it would hang from the bar.
        window.holds("document.querySelector('.cb-toast').getBoundingClientRect().bottom > innerHeight - 60").await;
        scene.picture(&format!("toast-{name}")).await;
        scene.open().await;
        window
            .holds(&format!(
                "{INSIDE}(document.querySelector('.cb-panel').getBoundingClientRect())"
            ))
            .await;
        scene.picture(name).await;
        let violations = window.violations().await;
        let of_bell = violations.to_string();
        assert!(!of_bell.contains("cb-"), "{name}: {violations:#}");
    }
}
