//! NOTIFY and LISTEN, each on a session of its own. A notification is no part of a transaction of the log: in one, it would
//! take a lock that all commits of the server wait for.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection, SimpleQueryMessage, Socket};

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
    let Connected {
        client: ringing,
        connection,
        ..
    } = connect_first(address).await?;
    // Nobody listens there.
    let (told, _notices) = mpsc::channel(1);
    tokio::spawn(tell(connection, told));
    if share_sessions(&listening, &ringing).await? {
        return Err(StoreError::Unavailable(POOLED.to_owned()));
    }
    execute(&listening, &format!("LISTEN {CHANNEL}")).await?;
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

/// True if a pooler gives each transaction of the two connections another session. `LISTEN` there would be left behind in a
/// session of somebody else.
async fn share_sessions(one: &Client, other: &Client) -> Result<bool, StoreError> {
    let first = (session_of(one).await?, session_of(other).await?);
    for _round in 0..ROUNDS {
        let now = (session_of(one).await?, session_of(other).await?);
        if now.0 == now.1 || now != first {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The process of the server that serves a connection now.
async fn session_of(client: &Client) -> Result<Option<String>, StoreError> {
    let answer = in_time(client.simple_query("SELECT pg_backend_pid()")).await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

async fn execute(client: &Client, sql: &str) -> Result<(), StoreError> {
    in_time(client.batch_execute(sql)).await
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match timeout(ANSWERED_WITHIN, work).await {
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

/// The number of times that both connections are asked. A pooler with two sessions and much to do hides in one of 2^16 cases.
const ROUNDS: usize = 8;

const POOLED: &str = "a pooler of transactions passes no notification on, see CAMPANILE_NOTIFY_URL";

/// A second of 16 hubs that each notify as often as they may would be 3,200, but they are read at once.
const MOST_NOTICES: usize = 256;

/// A notification waits for neither the disk nor a standby.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
