//! Scripts and stylesheets as they are served: how much they weigh, and how long a browser may keep them.

use std::io::Read;

use reqwest::{Method, Response};

use crate::answers::send;
use crate::support::TestApp;

/// The size that docs/guide/embedding.md promises.
const MOST_BYTES: usize = 14 * 1024;

async fn fetch(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = app.request(Method::GET, path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    send(request).await
}

fn header(response: &Response, name: &str) -> String {
    let value = response
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("{name} in {response:?}"));
    value.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_module_weighs_less_than_promised_and_is_the_same_compressed() {
    let app = TestApp::embedded().await;

    let plain = fetch(&app, "/campanile.js", &[]).await;
    let packed = fetch(
        &app,
        "/campanile.js",
        &[("Accept-Encoding", "br;q=0.5, gzip;q=0.8")],
    )
    .await;
    let smallest = [("Accept-Encoding", "gzip, deflate, br, zstd")];
    let smallest = fetch(&app, "/campanile.js", &smallest).await;
    let refused = fetch(
        &app,
        "/campanile.js",
        &[("Accept-Encoding", "gzip;q=0, br;q=0")],
    )
    .await;

    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(header(&smallest, "content-encoding"), "br");
    assert_ne!(header(&smallest, "etag"), header(&packed, "etag"));
    assert_eq!(header(&packed, "vary"), "Accept-Encoding");
    assert!(refused.headers().get("content-encoding").is_none());
    assert_ne!(header(&plain, "etag"), header(&packed, "etag"));
    let (plain, packed) = (plain.bytes().await.unwrap(), packed.bytes().await.unwrap());
    let smallest = smallest.bytes().await.unwrap();
    assert!(smallest.len() <= MOST_BYTES, "{} bytes", smallest.len());
    assert!(smallest.len() < packed.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_ref())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn a_browser_that_has_the_module_is_told_so() {
    let app = TestApp::embedded().await;

    for encoding in ["gzip", "identity"] {
        let first = fetch(&app, "/campanile.js", &[("Accept-Encoding", encoding)]).await;
        let tag = header(&first, "etag");
        let again = [
            ("Accept-Encoding", encoding),
            ("If-None-Match", tag.as_str()),
        ];
        let second = fetch(&app, "/campanile.js", &again).await;

        assert_eq!(header(&first, "cache-control"), "public, no-cache");
        assert_eq!(second.status(), 304, "{encoding}");
    }
}

#[tokio::test]
async fn a_version_of_the_module_may_be_kept_and_another_one_leads_to_the_one_there_is() {
    let app = TestApp::embedded().await;
    let current = fetch(&app, "/campanile.js", &[]).await;
    let version = header(&current, "etag").trim_matches('"').to_owned();

    let versioned = fetch(&app, &format!("/campanile@{version}.js"), &[]).await;
    let older = fetch(&app, "/campanile@0123456789ab.js", &[]).await;

    assert_eq!(versioned.status(), 200);
    assert!(header(&versioned, "cache-control").contains("immutable"));
    assert_eq!(older.status(), 307);
    assert_eq!(header(&older, "location"), "/campanile.js");
    for response in [&current, &versioned, &older] {
        assert_eq!(header(response, "access-control-allow-origin"), "*");
        assert_eq!(
            header(response, "cross-origin-resource-policy"),
            "cross-origin"
        );
    }
    assert_eq!(
        versioned.bytes().await.unwrap(),
        current.bytes().await.unwrap()
    );
}

#[tokio::test]
async fn the_npm_package_is_served_to_everybody_as_it_is() {
    let app = TestApp::embedded().await;
    let accepts = [("Accept-Encoding", "gzip, br")];
    let package = fetch(&app, "/campanile-client.tgz", &accepts).await;

    assert_eq!(header(&package, "content-type"), "application/gzip");
    assert!(package.headers().get("content-encoding").is_none());
    assert_eq!(header(&package, "cache-control"), "public, no-cache");
    let packed = package.bytes().await.unwrap();
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(packed.as_ref())
        .read_to_end(&mut tar)
        .unwrap();
    assert!(tar.starts_with(b"package/LICENSE"));
}

#[tokio::test]
async fn the_viewer_of_the_api_is_the_same_with_and_without_compression() {
    let app = TestApp::embedded().await;
    for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let path = format!("/assets/{name}");
        let packed = fetch(&app, &path, &[("Accept-Encoding", "gzip, br")]).await;
        let plain = fetch(&app, &path, &[]).await;

        assert_eq!(header(&packed, "content-encoding"), "gzip");
        assert!(plain.headers().get("content-encoding").is_none());
        assert_eq!(
            header(&packed, "content-type"),
            header(&plain, "content-type")
        );
        assert!(!header(&plain, "content-type").contains("gzip"));
        let (plain, packed) = (plain.bytes().await.unwrap(), packed.bytes().await.unwrap());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_ref())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert!(!plain.is_empty());
        assert!(unpacked == plain, "{name} differs");
    }
}
