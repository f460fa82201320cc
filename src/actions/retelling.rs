//! Tells the streams of this hub the changes of inboxes that signals told, whichever hub made them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::actions::inbox::{self, News};
use crate::actions::{AppState, Refusal};
use crate::alarm::{Role, UserId};
use crate::cluster::{Marked, Marks, Untold};
use crate::hub::ListRights;

/// Tells what waits, until the hub stops.
pub(crate) async fn run(state: Arc<AppState>, marks: Marks) {
    loop {
        let told = match marks.take().await {
            Untold::Changes(changes) => tell_changes(&state, changes).await,
            Untold::Everything => tell_everything(&state).await,
        };
        if let Err(cause) = told {
            log::debug!("open streams are told their counts later: {cause}");
            marks.add_everything();
            tokio::time::sleep(TRY_EVERY).await;
        }
    }
}

async fn tell_changes(state: &AppState, changes: Vec<Marked>) -> Result<(), Refusal> {
    let mut news: HashMap<UserId, Vec<News>> = HashMap::new();
    for marked in changes {
        let one = News::Signalled(marked.change, marked.version);
        news.entry(marked.user_id).or_default().push(one);
    }
    let users: HashSet<UserId> = news.keys().cloned().collect();
    let told = streaming(state, Some(users)).await?;
    let work = told.into_iter().map(|(user, role)| {
        let news = news.remove(&user).unwrap_or_default();
        tell(state, user, role, news)
    });
    at_once(work).await
}

async fn tell_everything(state: &AppState) -> Result<(), Refusal> {
    let told = streaming(state, None).await?;
    let work = told
        .into_iter()
        .map(|(user, role)| tell(state, user, role, Vec::from([News::Anything])));
    at_once(work).await
}

/// Those of some users, or of all, who have a stream here, each with the role of one of their streams.
async fn streaming(
    state: &AppState,
    users: Option<HashSet<UserId>>,
) -> Result<HashMap<UserId, Role>, Refusal> {
    let streams = state.broadcaster.send(ListRights(users)).await?;
    let with_inbox = streams
        .into_iter()
        .filter(|stream| stream.role != Role::Service);
    Ok(with_inbox
        .map(|stream| (stream.user_id, stream.role))
        .collect())
}

async fn tell(state: &AppState, user: UserId, role: Role, news: Vec<News>) -> Result<(), Refusal> {
    let inbox = inbox::of_user(state, user, role).await?;
    inbox::tell_streams(state, inbox, news).await?;
    Ok(())
}

async fn at_once<F>(work: impl Iterator<Item = F>) -> Result<(), Refusal>
where
    F: Future<Output = Result<(), Refusal>>,
{
    let outcomes: Vec<_> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect()
}

/// As many as the database answers at once.
const AT_ONCE: usize = 8;

/// The database was away, or the hub stops.
const TRY_EVERY: Duration = Duration::from_secs(1);
