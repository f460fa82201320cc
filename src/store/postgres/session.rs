//! A session with a server, driven by the thread that waits for its answer. Every wait has a bound.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Connection, Error, SimpleQueryMessage, Socket, Statement};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::failure;
use crate::store::postgres::host::Host;
use crate::store::postgres::round_trip::{Failure, Part, round_trip};
use crate::store::postgres::statements::Statements;
use crate::store::postgres::timeline::{Newest, Timeline, timeline_of};
use crate::store::postgres::tls::{Connector, Stream};
use crate::store::postgres::transactions::Place;

pub(super) struct Session {
    client: Client,
    /// Runs the connection while somebody waits; taken when the session ends.
    runtime: Option<Runtime>,
    connector: Connector,
    /// True if a server that takes no writes is refused.
    must_write: bool,
    /// The server's timeline, if it told.
    server: Option<Timeline>,
    newest: Newest,
    host: Host,
    /// None where a pooler may give each transaction another session.
    statements: Option<Statements>,
    /// The time of its last answer.
    answered: Instant,
    limit: Option<Duration>,
    spoilt: bool,
}

impl Session {
    /// Connects to the first host that accepts it.
    pub(super) fn open(address: &Address) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| StoreError::Unavailable(format!("no runtime: {cause}")))?;
        match runtime.block_on(connect_first(address)) {
            Ok(connected) => {
                runtime.spawn(drive(connected.connection));
                Ok(Self {
                    client: connected.client,
                    server: connected.server,
                    newest: address.newest().clone(),
                    host: connected.host,
                    runtime: Some(runtime),
                    connector: address.connector().clone(),
                    must_write: address.must_write(),
                    statements: connected.is_direct.then(Statements::default),
                    answered: Instant::now(),
                    limit: Some(STATEMENT_WITHIN),
                    spoilt: false,
                })
            }
            Err(cause) => {
                runtime.shutdown_background();
                Err(cause)
            }
        }
    }

    pub(super) fn wait_without_limit(&mut self) {
        self.limit = None;
    }

    /// The statement of a text, if it is prepared. Within a transaction nothing is prepared: others wait for its end.
    pub(super) fn prepared(
        &mut self,
        is_alone: bool,
        sql: &str,
        types: &[Type],
    ) -> QueryResult<Option<Statement>> {
        let is_due = |statements: &Statements| statements.is_due(sql);
        if is_alone && self.statements.as_ref().is_some_and(is_due) {
            self.prepare_beside(async |_client| Ok(()))?;
        }
        let statements = self.statements.as_ref();
        Ok(statements.and_then(|statements| statements.of(sql, types)))
    }

    /// Notes that the server has answered a text that was not prepared.
    pub(super) fn answered(&mut self, sql: &str, types: &[Type]) {
        if let Some(statements) = &mut self.statements {
            statements.answered(sql, types);
        }
    }

    /// Asks the server, and prepares what is due in the same round trip.
    fn prepare_beside<T>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> QueryResult<T> {
        let mut statements = self.statements.take();
        let done = self.run(Place::Alone, async |client| {
            let prepare = async {
                if let Some(statements) = &mut statements {
                    statements.prepare_due(client).await;
                }
            };
            let (done, ()) = tokio::join!(work(client), prepare);
            done
        });
        self.statements = statements;
        done
    }

    /// Does work that asks the server. A statement that is alone is cancelled when it takes too long; one of a transaction
    /// is left to the server's own limit, as a commit that was cancelled may still have been one.
    pub(super) fn run<T>(
        &mut self,
        place: Place,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> QueryResult<T> {
        let Some(runtime) = self.runtime.as_ref().filter(|_runtime| !self.spoilt) else {
            return Err(gone("the connection is broken").into());
        };
        let client = &self.client;
        let work = round_trip(client, place, work);
        let done = runtime.block_on(async {
            match self.limit {
                Some(limit) => timeout(place.within(limit), work).await,
                None => Ok(work.await),
            }
        });
        match done {
            Ok(Ok(value)) => {
                self.answered = Instant::now();
                Ok(value)
            }
            Ok(Err(Failure { cause, of, spoils })) => {
                self.spoilt = spoils || failure::spoils(&cause) || self.client.is_closed();
                if cause.code().is_some_and(failure::is_of_another_session) {
                    self.host.note_pooler();
                }
                Err(match of {
                    Part::Statement => failure::of_statement(&cause),
                    Part::Commit => failure::of(&cause).into(),
                })
            }
            Err(_elapsed) => {
                if place == Place::Alone {
                    let token = client.cancel_token();
                    let cancelling = token.cancel_query(self.connector.clone());
                    let _cancelled =
                        runtime.block_on(async { timeout(CANCEL_WITHIN, cancelling).await });
                }
                self.spoilt = true;
                Err(gone("the database did not answer in time").into())
            }
        }
    }

    /// True if the server answers and takes writes, where writes are needed, and no other one has taken over from it.
    pub(super) fn check(&mut self) -> QueryResult<()> {
        let server = self.server.as_ref();
        if server.is_some_and(|server| self.newest.outdates(server)) {
            self.spoilt = true;
            return Err(gone(TAKEN_OVER).into());
        }
        self.notice_the_end();
        let has_due = self.statements.as_ref().is_some_and(Statements::have_due);
        if self.answered.elapsed() < WELL_FOR && !has_due && !self.is_broken() {
            return Ok(());
        }
        let question = if self.must_write {
            "SHOW transaction_read_only"
        } else {
            ""
        };
        let usual = self.limit.replace(CHECK_WITHIN);
        let answered = self.prepare_beside(async |client| client.simple_query(question).await);
        self.limit = usual;
        let takes_no_writes = |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on"));
        if answered?.iter().any(takes_no_writes) {
            self.spoilt = true;
            return Err(gone("the server takes no writes").into());
        }
        Ok(())
    }

    /// Reads what has come while nobody waited: the server's last words, and the end of the connection.
    fn notice_the_end(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                for _turn in 0..2 {
                    tokio::task::yield_now().await;
                }
            });
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.spoilt || self.client.is_closed()
    }
}

impl Drop for Session {
    /// A runtime that is dropped waits for its threads, which is not allowed on a thread of another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A new session, which is driven by its connection.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) connection: Connection<Socket, Stream>,
    server: Option<Timeline>,
    host: Host,
    /// True if the session is this connection's alone.
    is_direct: bool,
}

/// Connects to the first host that accepts it.
pub(super) async fn connect_first(address: &Address) -> Result<Connected, StoreError> {
    let mut failures = Vec::new();
    for host in address.hosts() {
        match connect(host, address).await {
            Ok(connected) => return Ok(connected),
            Err(cause) => failures.push((host, cause)),
        }
    }
    Err(all_of(failures))
}

async fn connect(host: &Host, address: &Address) -> Result<Connected, StoreError> {
    match timeout(host.within(), introduced(host, address)).await {
        Ok(connected) => connected,
        Err(_elapsed) => Err(gone("no answer in time")),
    }
}

/// Connects to a server. One that another server has taken over from is refused: it may go on, and what it is told is lost.
async fn introduced(host: &Host, address: &Address) -> Result<Connected, StoreError> {
    let (client, mut connection, mark) = entered(host, address)
        .await
        .map_err(|cause| failure::of(&cause))?;
    let is_direct = match mark {
        Some(mark) => is_marked(&client, &mut connection, &mark).await,
        None => false,
    };
    let server = timeline_of(&client, &mut connection).await;
    let admitted = server
        .as_ref()
        .is_none_or(|server| address.newest().admits(server));
    if !admitted {
        return Err(gone(TAKEN_OVER));
    }
    Ok(Connected {
        client,
        connection,
        server,
        host: host.clone(),
        is_direct,
    })
}

/// Connects with a mark of the session, which only a server takes: a pooler refuses the option, or leaves it out.
async fn entered(
    host: &Host,
    address: &Address,
) -> Result<(Client, Connection<Socket, Stream>, Option<String>), Error> {
    if !host.is_pooler() {
        let mark = Uuid::new_v4().simple().to_string();
        let marked = with_mark(host.config(), &mark);
        match marked.connect(address.connector().clone()).await {
            Ok((client, connection)) => return Ok((client, connection, Some(mark))),
            Err(cause) if cause.code().is_some_and(failure::is_for_options) => host.note_pooler(),
            Err(cause) if cause.code().is_some_and(failure::may_be_for_options) => {}
            Err(cause) => return Err(cause),
        }
    }
    let connecting = host.config().connect(address.connector().clone());
    let (client, connection) = connecting.await?;
    host.note_pooler();
    Ok((client, connection, None))
}

fn with_mark(config: &Config, mark: &str) -> Config {
    let mut marked = config.clone();
    let given = config.get_options().unwrap_or_default();
    marked.options(format!("{PLANNER} {given} -c {MARK}={mark}"));
    marked
}

/// True if the server's session has this mark.
async fn is_marked(
    client: &Client,
    connection: &mut Connection<Socket, Stream>,
    mark: &str,
) -> bool {
    let question = format!("SELECT current_setting('{MARK}', true)");
    let answer = tokio::select! {
        answer = client.simple_query(&question) => answer.unwrap_or_default(),
        _ended = connection => return false,
    };
    let has_mark = |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(mark));
    answer.iter().any(has_mark)
}

/// Carries requests and answers until either end closes the connection. Notices of the server are ignored.
async fn drive(mut connection: Connection<Socket, Stream>) {
    while let Some(Ok(_message)) =
        std::future::poll_fn(|context| connection.poll_message(context)).await
    {}
}

/// One failure for all hosts: it passes if that of one does.
fn all_of(failures: Vec<(&Host, StoreError)>) -> StoreError {
    let passes = failures
        .iter()
        .any(|(_host, cause)| matches!(cause, StoreError::Unavailable(_)));
    let told: Vec<String> = failures
        .into_iter()
        .map(|(host, cause)| format!("{}: {}", host.name(), cause.text()))
        .collect();
    let text = told.join("; ");
    if passes {
        StoreError::Unavailable(text)
    } else {
        StoreError::Broken(text)
    }
}

fn gone(text: &str) -> StoreError {
    StoreError::Unavailable(text.to_owned())
}

/// The setting that holds the mark of a session.
const MARK: &str = "campanile.session";

/// A statement that is planned once may be planned while its tables are small, where reading all of one looks cheapest, and that
/// plan stays while they grow. Where a table must be read whole, the forbidden scan counts as so expensive that the server would
/// compile the plan; compiling takes longer than executing it.
const PLANNER: &str = "-c enable_seqscan=off -c jit=off";

const TAKEN_OVER: &str = "another server has taken over from this one";

/// Longer than the server lets a statement of a transaction take, so that its own answer is heard; shorter than the lane waits.
/// A lock that BEGIN waits for and the statement that goes with it have this time together. A statement and the COMMIT behind it have
/// it each, as the COMMIT may wait for a standby.
const STATEMENT_WITHIN: Duration = Duration::from_secs(6);

/// A server that has just answered is not asked whether it does. Shorter than one takes to start again.
const WELL_FOR: Duration = Duration::from_millis(100);

/// A server that is well answers this at once.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

const CANCEL_WITHIN: Duration = Duration::from_secs(1);
