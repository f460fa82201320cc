//! The database file beside its write-ahead log: what is committed gets there without a commit's doing.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use futures::future::{Either, join_all, select};
use serde_json::json;

use crate::stored::{database_file, publish};
use crate::support::{DEADLINE, TestApp, on_postgres, until};

const MARK: &str = "a text that stands nowhere else";

/// Enough for a commit to be under way at any time.
const PUBLISHERS: usize = 8;

/// The size at which a commit would have to copy the log itself.
const LONGEST_BYTES: u64 = 8_000 * 4_096;

#[tokio::test]
async fn what_was_stored_is_soon_in_the_file_itself() {
    if on_postgres() {
        return;
    }
    let app = TestApp::spawn().await;
    app.user("bob").await;

    assert_eq!(publish(&app, &json!(MARK)).await.0, 201);

    until("the alarm in the file", DEADLINE, async || {
        let file = fs::read(database_file(&app)).unwrap();
        let mut windows = file.windows(MARK.len());
        windows.any(|some| some == MARK.as_bytes()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_log_starts_anew_while_alarms_keep_coming() {
    if on_postgres() {
        return;
    }
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let log = database_file(&app).with_extension("db-wal");
    let text = json!("x".repeat(12_000));
    let first = starts(&log);

    let publishing = join_all((0..PUBLISHERS).map(async |_publisher| {
        loop {
            assert_eq!(publish(&app, &text).await.0, 201);
        }
    }));
    let again = until("a log that starts anew", DEADLINE, async || {
        (starts(&log) > first).then(|| fs::metadata(&log).unwrap().len())
    });
    let Either::Right((length, _publishing)) = select(Box::pin(publishing), Box::pin(again)).await
    else {
        panic!("publishers do not stop");
    };

    assert!(length < LONGEST_BYTES, "{length}");
}

/// The number of times that the log has started anew: the fourth number of its header
/// (<https://www.sqlite.org/fileformat.html#the_write_ahead_log>).
fn starts(log: &Path) -> u32 {
    let mut header = [0; 16];
    File::open(log).unwrap().read_exact(&mut header).unwrap();
    u32::from_be_bytes([header[12], header[13], header[14], header[15]])
}
