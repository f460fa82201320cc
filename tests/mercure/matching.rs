//! Matchers: exact ones and URL patterns.

use crate::hub::{Hub, next_ids, token, url_escaped};

#[tokio::test]
async fn url_patterns_match_as_the_standard_says() {
    let hub = Hub::version_1().await;
    let (all, nobody) = (token(&["*"], &[]), token(&[], &[]));
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "https://example.com/books/:id",
            &[
                "https://example.com/books/123",
                "https://EXAMPLE.com/books/1",
            ],
            &[
                "https://example.com/books/123/",
                "https://example.com/BOOKS/1",
            ],
        ),
        (
            "https://example.com/*",
            &["https://example.com/a/b/c"],
            &["https://example.org/a"],
        ),
        (
            "/books/:id",
            &["https://localhost/books/1", "/books/1"],
            &["https://other.example/books/1"],
        ),
        ("/items{/:tail}?", &["/items", "/items/a"], &["/items/a/b"]),
        (
            "*://example.com/books/:id",
            &["http://example.com/books/1"],
            &["ftp://example.com/b"],
        ),
    ];
    for (pattern, matching, others) in cases {
        let query = format!(
            "match_urlpattern={}&match=end",
            url_escaped(pattern.as_bytes())
        );
        let mut stream = hub.subscribe(&nobody, &query).await;
        for topic in *others {
            hub.publish(&all, &[("topic", topic), ("id", "must not come")])
                .await;
        }
        for topic in *matching {
            hub.publish(&all, &[("topic", topic), ("id", topic)]).await;
        }
        hub.publish(&all, &[("topic", "end"), ("id", "end")]).await;

        let ids = next_ids(&mut stream, matching.len() + 1).await;
        let wanted: Vec<&str> = matching.iter().copied().chain(["end"]).collect();
        assert_eq!(ids, wanted, "{pattern}");
    }
}

#[tokio::test]
async fn an_exact_matcher_is_compared_byte_by_byte() {
    let hub = Hub::version_1().await;
    let (all, nobody) = (token(&["*"], &[]), token(&[], &[]));
    let query = "match=https%3A%2F%2Fexample.com%2F%7Bid%7D&match=A";
    let mut stream = hub.subscribe(&nobody, query).await;

    for (id, topic) in [
        ("no", "https://example.com/1"),
        ("no", "https://EXAMPLE.com/{id}"),
        ("no", "a"),
        ("1", "https://example.com/{id}"),
        ("2", "A"),
    ] {
        hub.publish(&all, &[("topic", topic), ("id", id)]).await;
    }

    assert_eq!(next_ids(&mut stream, 2).await, ["1", "2"]);
}
