//! The tests' own reader of event streams must be right before anything it says counts.

use crate::support::{Event, Item, Parser};

fn items(chunks: &[&str]) -> Vec<Item> {
    let mut parser = Parser::default();
    for chunk in chunks {
        parser.feed(chunk.as_bytes());
    }
    std::iter::from_fn(|| parser.next()).collect()
}

fn event(id: Option<&str>, name: Option<&str>, data: &str) -> Item {
    Item::Event(Event {
        id: id.map(str::to_owned),
        event: name.map(str::to_owned),
        data: data.to_owned(),
    })
}

#[test]
fn the_reader_knows_all_three_line_ends_wherever_the_bytes_are_cut() {
    let whole = items(&["id: 1\r\nevent: a\rdata: x\ndata: y\r\n\r\n"]);
    let cut = items(&[
        "id",
        ": 1\r",
        "\nevent: a\r",
        "data: x\ndata: y\r\n\r",
        "\n",
    ]);

    assert_eq!(whole, vec![event(Some("1"), Some("a"), "x\ny")]);
    assert_eq!(cut, whole);
}

#[test]
fn the_reader_tells_comments_retry_and_events_without_a_name_apart() {
    let read = items(&[
        "\u{feff}retry: 3000\n\n:\n\n: hello\n\ndata:  two spaces\n\ndata\n\nid:\ndata: z\n\n",
    ]);

    let expected = vec![
        Item::Retry(3000),
        Item::Comment(String::new()),
        Item::Comment(" hello".to_owned()),
        event(None, None, " two spaces"),
        event(None, None, ""),
        event(Some(""), None, "z"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn the_reader_keeps_an_unfinished_event_to_itself() {
    assert_eq!(items(&["id: 7\ndata: half\n"]), Vec::new());
}
