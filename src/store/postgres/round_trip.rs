//! One round trip to a server: work, and what begins or commits its transaction beside it.

use std::cell::Cell;

use tokio_postgres::{Client, Error};

use crate::store::postgres::failure;
use crate::store::postgres::transactions::Place;

/// Why work failed, and what that means for its session.
pub(super) struct Failure {
    pub(super) cause: Error,
    pub(super) of: Part,
    /// True if nobody knows where the server's transaction is.
    pub(super) spoils: bool,
}

/// The part of a round trip that failed. A COMMIT that does is the fault of no single statement.
pub(super) enum Part {
    Statement,
    Commit,
}

impl Failure {
    fn of_statement(cause: Error) -> Self {
        Self {
            cause,
            of: Part::Statement,
            spoils: false,
        }
    }
}

/// Sends work, and the text that begins or commits its transaction, in one round trip.
pub(super) async fn round_trip<T>(
    client: &Client,
    place: Place,
    work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Failure> {
    match place {
        Place::Alone | Place::Within | Place::Whole => {
            work(client).await.map_err(Failure::of_statement)
        }
        Place::First(begin) => {
            let (begun, done) = tokio::join!(client.batch_execute(begin), work(client));
            let has_begun = begun.is_ok() || done.as_ref().is_err_and(failure::is_in_failed);
            begun.and(done).map_err(|cause| Failure {
                spoils: !has_begun,
                ..Failure::of_statement(cause)
            })
        }
        Place::Last(commit) => with_commit(client, commit, work).await,
    }
}

/// Sends the text that commits right behind the work. A server refuses it if the work failed. It must not follow work that could not
/// be sent.
async fn with_commit<T>(
    client: &Client,
    commit: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Failure> {
    let has_failed = Cell::new(false);
    let statement = async {
        let done = work(client).await;
        has_failed.set(done.is_err());
        done
    };
    let ending = async {
        match has_failed.get() {
            true => None,
            false => Some(client.batch_execute(commit).await),
        }
    };
    match tokio::join!(biased; statement, ending) {
        (Ok(value), None | Some(Ok(()))) => Ok(value),
        (Ok(_value), Some(Err(cause))) => Err(Failure {
            cause,
            of: Part::Commit,
            spoils: true,
        }),
        (Err(cause), ended) => Err(Failure {
            spoils: ended
                .is_some_and(|ended| !ended.is_err_and(|cause| failure::is_in_failed(&cause))),
            ..Failure::of_statement(cause)
        }),
    }
}
