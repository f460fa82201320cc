//! The language of a page, and the choice of another one.

use reqwest::Method;

use crate::answers::send;
use crate::browsing::{back, html, page};
use crate::support::TestApp;

#[tokio::test]
async fn a_page_speaks_the_language_the_browser_prefers() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let speaks = async |accept: &str| {
        let request = page(&app, &bob, "/rooms").header("Accept-Language", accept);
        let text = html(request, 200).await;
        let (_, rest) = text.split_once("<html lang=\"").unwrap();
        let (tag, _) = rest.split_once('"').unwrap();
        let korean = text.contains("로그아웃") && !text.contains("Sign out");
        assert_eq!(korean, tag == "ko", "{text}");
        tag.to_owned()
    };

    assert_eq!(speaks("ko-KR,ko;q=0.9,en;q=0.8").await, "ko");
    assert_eq!(speaks("ko;q=0.3,en-GB;q=0.7").await, "en");
    assert_eq!(speaks("fr").await, "en");
    assert_eq!(speaks("fr, ko;q=0.1").await, "ko");
}

#[tokio::test]
async fn the_switch_of_the_language_is_kept_and_leads_back() {
    let app = TestApp::embedded().await;
    let choose = |language: &str, back: &str| {
        app.request(Method::POST, "/language")
            .header("Accept", "text/html")
            .form(&[("language", language), ("back", back)])
    };

    let response = send(choose("ko", "/?next=%2Falarms")).await;
    assert_eq!(back(&response), "/?next=%2Falarms");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("Path=/") && cookie.contains("Max-Age="),
        "{cookie}"
    );
    let (pair, _) = cookie.split_once(';').unwrap();
    assert_eq!(pair, "campanile_lang=ko");
    let door = app
        .request(Method::GET, "/?next=%2Falarms")
        .header("Cookie", pair)
        .header("Accept-Language", "en");
    let door = html(door, 200).await;
    assert!(
        door.contains("<html lang=\"ko\"") && door.contains("로그인"),
        "{door}"
    );
    assert!(
        door.contains("value=\"/?next=%2Falarms\""),
        "the way back: {door}"
    );

    for elsewhere in ["//evil.example", "https://evil.example", ""] {
        assert_eq!(back(&send(choose("en", elsewhere)).await), "/");
    }
    html(choose("tlh", "/"), 422).await;
}

#[tokio::test]
async fn a_page_that_is_refused_is_refused_in_the_reader_s_language() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let korean = |path: &str| page(&app, &bob, path).header("Accept-Language", "ko");

    let missing = html(korean("/rooms/nowhere"), 404).await;
    assert!(missing.contains("그런 대화방은 없습니다."), "{missing}");
    let nothing = html(korean("/nowhere"), 404).await;
    assert!(nothing.contains("없는 페이지입니다"), "{nothing}");
    let forbidden = html(korean("/admin"), 403).await;
    assert!(
        forbidden.contains("관리자만 볼 수 있는 페이지입니다."),
        "{forbidden}"
    );
    let short = app
        .request(Method::POST, "/signup")
        .header("Origin", &app.base_url)
        .header("Accept-Language", "ko")
        .form(&[("userId", "zoe"), ("password", "short")]);
    let short = html(short, 422).await;
    assert!(
        short.contains("비밀번호는 8자에서 256자까지입니다."),
        "{short}"
    );
    // The page that is shown again is the first one, not the form's target.
    assert!(short.contains("name=\"back\" value=\"/\""), "{short}");
}

#[tokio::test]
async fn a_ring_is_told_in_the_reader_s_language() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let ring = app.post(&bob, "/room/publish?sender=bob&roomId=lobby");
    assert_eq!(send(ring).await.status(), 202);

    let room = page(&app, &bob, "/rooms/lobby").header("Accept-Language", "ko");
    let room = html(room, 200).await;

    assert!(room.contains("bob 님이 종을 울렸습니다"), "{room}");
}
