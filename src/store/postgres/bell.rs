//! NOTIFY and LISTEN, each on a session of its own. A notification is no part of a transaction of the log: in one, it would
//! take a lock that all commits of the server wait for.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::failure;
use crate::store::postgres::session::{Connected, connect_first};
use crate::store::postgres::tls::Stream;

/// The session that notifies.
pub(crate) struct Ringer(Client);

/// The session that listens.
pub(crate) struct Listener {
    notices: mpsc::Receiver<String>,
    /// Kept because the server closes the session of a client that is dropped.
    _client: Client,
}

/// Opens both sessions; called within a runtime, which carries them.
pub(crate) async fn hang(address: &Address) -> Result<(Ringer, Listener), StoreError> {
    let Connected {
        client: listening,
        connection,
        ..
    } = connect_first(address).await?;
    let (told, notices) = mpsc::channel(MOST_NOTICES);
    tokio::spawn(tell(connection, told));
    execute(&listening, &format!("LISTEN {CHANNEL}")).await?;
    let Connected {
        client: ringing,
        connection,
        ..
    } = connect_first(address).await?;
    // Nobody listens there.
    let (told, _notices) = mpsc::channel(1);
    tokio::spawn(tell(connection, told));
    let listener = Listener {
        notices,
        _client: listening,
    };
    Ok((Ringer(ringing), listener))
}

impl Ringer {
    /// Notifies every session that listens, with a short text of letters, digits and blanks.
    pub(crate) async fn ring(&self, text: &str) -> Result<(), StoreError> {
        execute(&self.0, &format!("NOTIFY {CHANNEL}, '{text}'")).await
    }
}

impl Listener {
    /// Waits for the next notification and gives its text; `None` if the session has ended.
    pub(crate) async fn heard(&mut self) -> Option<String> {
        self.notices.recv().await
    }
}

async fn execute(client: &Client, sql: &str) -> Result<(), StoreError> {
    match timeout(ANSWERED_WITHIN, client.batch_execute(sql)).await {
        Ok(done) => done.map_err(|cause| failure::of(&cause)),
        Err(_elapsed) => Err(StoreError::Unavailable(
            "the database did not answer in time".to_owned(),
        )),
    }
}

/// Carries a session, and passes its notifications on while somebody takes them.
async fn tell(mut connection: Connection<Socket, Stream>, told: mpsc::Sender<String>) {
    while let Some(Ok(message)) =
        std::future::poll_fn(|context| connection.poll_message(context)).await
    {
        if let AsyncMessage::Notification(notice) = message {
            // Those that wait already say as much: a notification only tells that there is something to read.
            let _full = told.try_send(notice.payload().to_owned());
        }
    }
}

/// The channel of all hubs of a database.
const CHANNEL: &str = "campanile_bell";

/// A second of 16 hubs that each notify as often as they may would be 3,200, but they are read at once.
const MOST_NOTICES: usize = 256;

/// A notification waits for neither the disk nor a standby.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
