//! Korean pages speak Korean and English ones English: every text and label of every page, and what its scripts say later.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::scenes::{PAGES, furnish};
use crate::scenes::{in_the_database, rename_table};
use crate::support::TestApp;

#[tokio::test]
async fn no_page_speaks_the_other_language() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    let mut strays = Vec::new();

    window.goto(&app, "/").await;
    for language in ["en", "ko"] {
        strays.extend(strays_of(&app, &window, "/", language).await);
    }
    window.speak("en").await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    for (_name, path) in PAGES {
        for language in ["en", "ko"] {
            strays.extend(strays_of(&app, &window, path, language).await);
        }
    }

    assert!(strays.is_empty(), "{strays:#?}");
}

#[tokio::test]
async fn what_the_admin_s_scripts_say_is_korean() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.speak("ko").await;
    admin.goto(&app, "/admin").await;
    admin.shows("#copy-curl", "curl로 복사").await;
    let mut said = Vec::new();

    admin.click("#publish [type=submit]").await;
    admin.fill("[name=alarmType]", "TWO_WORDS").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result .bad", "한 명 이상").await;
    said.extend(texts(&admin).await);
    admin.fill("[name=users]", "bad&name").await;
    admin.shows("#audience .bad", "1자에서 255자까지").await;
    admin.click("#publish [type=submit]").await;
    admin
        .shows("#publish-result .bad", "1자에서 255자까지")
        .await;
    said.extend(texts(&admin).await);
    admin.fill("[name=users]", "dora, zoe").await;
    admin.shows("#audience .bad", "없는 사용자: zoe").await;
    admin.fill("[name=data]", "{\"n\":1").await;
    admin.shows("#data-check", "JSON이 아닙니다").await;
    said.extend(texts(&admin).await);
    admin.fill("[name=data]", "{\"n\":1}").await;
    admin.fill("[name=users]", "dora").await;
    admin.shows("#audience", "지금 열린 연결").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "번으로 보냈습니다").await;
    admin.click("#pause").await;
    admin.fill("#q", "zzz").await;
    admin.shows("#recent-list", "맞는 알림이 없습니다").await;
    admin.click("[name=target][value=everyone]").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result .bad", "모두").await;
    said.extend(texts(&admin).await);

    assert_eq!(english_in(&said), Vec::<String>::new());
}

#[tokio::test]
async fn a_room_that_is_open_and_the_bell_speak_korean() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    app.room("belfry").await;
    let erin = app.user("erin").await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.speak("ko").await;
    admin.enter(&app, "tower", "admin").await;
    let mut said = Vec::new();

    ring(&app, &erin, "tower").await;
    admin
        .shows("#messages .ring", "erin 님이 종을 울렸습니다")
        .await;
    admin.click("#ring").await;
    admin
        .shows("#messages .ring:last-child", "모두를 부릅니다")
        .await;
    admin.say("안녕하세요").await;
    admin.shows("#messages .mine .text", "안녕하세요").await;
    said.extend(texts(&admin).await);
    ring(&app, &erin, "belfry").await;
    admin.shows(".cb-toast", "belfry에서 종을 울렸습니다").await;
    app.publish(json!({"user": "admin"}), "TWO_WORDS").await;
    admin
        .holds("document.querySelector('.cb-hidden[aria-live]').textContent !== ''")
        .await;
    said.extend(texts(&admin).await);
    admin.click(".cb-button").await;
    admin.shows(".cb-panel", "Two words").await;
    said.extend(texts(&admin).await);

    assert_eq!(english_in(&said), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_hub_refuses_is_told_in_korean() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.speak("ko").await;
    admin.enter(&app, "tower", "admin").await;
    let mut said = Vec::new();

    // The hub's database is broken.
    rename_table(&app, "alarms");
    admin.say("안녕하세요").await;
    admin
        .shows("#messages .failed .trouble", "보내지 못했습니다.")
        .await;
    admin
        .shows("#messages .failed .trouble", "다시 시도하세요.")
        .await;
    admin.click("#ring").await;
    admin
        .shows("#composer .notice.bad", "다시 시도하세요.")
        .await;
    admin.click(".cb-button").await;
    admin.shows(".cb-note", "처리하지 못했습니다").await;
    admin.shows(".cb-note", "잠시 후 다시 시도하세요.").await;
    said.extend(texts(&admin).await);
    in_the_database(&app, "ALTER TABLE away RENAME TO alarms");
    admin.click(".cb-note button").await;
    admin.shows(".cb-panel .cb-row", "Maintenance").await;

    // The alarm went away, and nobody told this page.
    in_the_database(
        &app,
        "DELETE FROM alarms WHERE alarm_type = 'NEW_COMMENT_ON_POST'",
    );
    admin.click(".cb-row:last-child [data-act=delete]").await;
    admin.shows(".cb-note", "이미 없는 알림입니다.").await;
    said.extend(texts(&admin).await);
    admin.press(thirtyfour::Key::Escape).await;

    // Signed out in another tab: the bar says so, and whoever goes on is told why it does not work.
    admin.new_tab().await;
    admin.goto(&app, "/rooms").await;
    admin.click("details.menu summary").await;
    admin.click("form[action='/logout'] button").await;
    admin.shows("h2", "로그인").await;
    admin.turn_to_tab(0).await;
    admin.shows(".cb-status", "로그아웃되었습니다.").await;
    admin.shows(".cb-status a", "로그인").await;
    admin.click("#text").await;
    admin.say("안녕하세요").await;
    admin
        .shows(
            "#messages .failed:last-child .trouble",
            "다시 로그인하세요.",
        )
        .await;
    admin.click(".cb-button").await;
    admin.shows(".cb-note", "다시 로그인하세요.").await;
    said.extend(texts(&admin).await);

    assert_eq!(english_in(&said), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_hub_itself_sends_has_a_korean_name_in_the_bell_and_the_inbox() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.speak("ko").await;
    let mut said = Vec::new();

    admin.goto(&app, "/admin/users/admin").await;
    admin.hears().await;
    admin.click("[data-act=test]").await;
    admin.shows(".cb-toast", "시험 알림").await;
    let test = "fetch('/compare/alarms', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ run: '1', sequence: 1, sentAt: 0 }) })";
    admin.run(test).await;
    admin.shows(".cb-toast", "다섯 가지 방법 시험").await;
    admin.goto(&app, "/demo/embed").await;
    admin.hears().await;
    admin.click("#ring button").await;
    admin.shows(".cb-toast", "상품 발송").await;
    admin.click(".cb-button").await;
    for name in ["상품 발송", "다섯 가지 방법 시험", "시험 알림"] {
        admin.shows(".cb-row .cb-what", name).await;
    }
    said.extend(texts(&admin).await);
    admin.goto(&app, "/alarms").await;
    for name in ["상품 발송", "다섯 가지 방법 시험", "시험 알림"] {
        admin.shows("#inbox .entry", name).await;
    }
    said.extend(texts(&admin).await);

    assert_eq!(english_in(&said), Vec::<String>::new());
}

#[tokio::test]
async fn the_five_transports_are_compared_in_korean() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.speak("ko").await;
    admin.goto(&app, "/compare").await;
    admin
        .holds("document.querySelectorAll('.transport[data-state=live]').length === 5")
        .await;

    admin.click("#start").await;
    admin.shows("#verdict", "순서대로 가져왔습니다").await;
    admin.click("#cut-all").await;
    admin
        .shows(".transport[data-transport=longpoll]", "만에 복구")
        .await;

    assert_eq!(english_in(&texts(&admin).await), Vec::<String>::new());
}

#[tokio::test]
async fn times_are_the_visitor_s_own() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    // The room's first message, in three zones: its server wrote the time in UTC.
    let shown = "document.querySelector('#messages .message time').textContent";
    let mut hours = Vec::new();

    for zone in ["Asia/Seoul", "America/New_York", "Asia/Kathmandu"] {
        window
            .cdp("Emulation.setTimezoneOverride", json!({"timezoneId": zone}))
            .await;
        window.goto(&app, "/rooms/tower").await;
        let expected = format!(
            "new Intl.DateTimeFormat(navigator.language, {{ timeStyle: 'short', timeZone: '{zone}' }}).format(new Date(document.querySelector('#messages .message time').dateTime))"
        );
        window.holds(&format!("{shown} === {expected}")).await;
        hours.push(window.value(shown).await);
        window.goto(&app, "/admin/users/dora").await;
        let since = "document.querySelector('.facts time')";
        window
            .holds(&format!(
                "{since}.textContent === new Intl.DateTimeFormat(navigator.language, {{ dateStyle: 'medium', timeStyle: 'short', timeZone: '{zone}' }}).format(new Date({since}.dateTime))"
            ))
            .await;
    }

    assert!(hours[0] != hours[1] && hours[1] != hours[2], "{hours:?}");
}

async fn ring(app: &TestApp, token: &str, room: &str) {
    let path = format!("/room/publish?sender=erin&roomId={room}");
    let rung = app.post(token, &path).send().await.expect("an answer");
    assert!(rung.status().is_success(), "{}", rung.status());
}

async fn strays_of(app: &TestApp, window: &Window, path: &str, language: &str) -> Vec<String> {
    window.speak(language).await;
    window.goto(app, path).await;
    window
        .holds(&format!("document.documentElement.lang === '{language}'"))
        .await;
    let texts = texts(window).await;
    assert!(texts.len() > 4, "{path} has text");
    let strays = match language {
        "ko" => english_in(&texts),
        _ => korean_in(&texts),
    };
    let told = strays
        .iter()
        .map(|text| format!("{path} {language}: {text}"));
    told.collect()
}

async fn texts(window: &Window) -> Vec<String> {
    let found = window.value(TEXTS).await;
    let found = found.as_array().expect("texts").iter();
    found
        .map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

/// Texts with an English word that is neither a name nor what somebody wrote.
fn english_in(texts: &[String]) -> Vec<String> {
    let stray = |text: &&String| {
        let rest = DATA
            .iter()
            .fold((*text).clone(), |rest, data| rest.replace(data, " "));
        rest.split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.chars().filter(char::is_ascii_alphabetic).count() > 1)
            .any(|word| !NAMES.contains(&word))
    };
    texts.iter().filter(stray).cloned().collect()
}

fn korean_in(texts: &[String]) -> Vec<String> {
    let stray = |text: &&String| {
        let rest = DATA
            .iter()
            .fold((*text).clone(), |rest, data| rest.replace(data, " "));
        rest.chars().any(|c| ('가'..='힣').contains(&c))
    };
    texts.iter().filter(stray).cloned().collect()
}

/// Texts of people and back ends, which are the same in every language.
const DATA: [&str; 15] = [
    "Room tower",
    "Room belfry",
    "Who rings at noon?",
    "오늘 정오에는 누가 종을 울리나요?",
    "안녕하세요",
    "New comment on post",
    "New follower",
    "Maintenance",
    "MAINTENANCE",
    "Two words",
    "bad&name",
    "127.0.0.1",
    "api_key.create",
    "user.create",
    "campanile serve",
];

/// Names, and words that are the same in Korean.
const NAMES: [&str; 52] = [
    "Campanile",
    "backend",
    "admin",
    "dora",
    "zoe",
    "erin",
    "tower",
    "belfry",
    "Tower",
    "user",
    "room",
    "role",
    "everyone",
    "shop",
    "publish",
    "users",
    "tokens",
    "types",
    "metrics",
    "watch",
    "API",
    "JSON",
    "curl",
    "HTTP",
    "HTTP2",
    "SSE",
    "WebSocket",
    "JavaScript",
    "UTC",
    "UTF",
    "Last",
    "Event",
    "ID",
    "TCP",
    "TLS",
    "Resource",
    "Timing",
    "ms",
    "p50",
    "p99",
    "retry",
    "connect",
    "younghee",
    "chulsoo",
    "title",
    "NEW",
    "COMMENT",
    "ON",
    "POST",
    "posts",
    "http",
    "h2",
];

/// Every text and every label of the page, hidden ones included; not code, and not the switch to the other language.
const TEXTS: &str = r"(() => {
  const found = [document.title];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest('script, style, noscript, code, pre, #heard, button[lang], time')) continue;
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data.trim());
    else for (const name of ['aria-label', 'placeholder', 'alt']) found.push(node.getAttribute(name) ?? '');
  }
  return [...new Set(found)].filter(Boolean);
})()";
