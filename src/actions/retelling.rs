//! Tells the streams of this hub the changes of inboxes that signals told, whichever hub made them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::actions::expiry::{self, Reason};
use crate::actions::inbox::{self, News};
use crate::actions::{AppState, Refusal, retracting};
use crate::alarm::{Role, UserId};
use crate::cluster::{Marked, Marks, Untold};
use crate::hub::{ForgetRecent, ListRights};
use crate::store::Change;

/// Tells what waits, until the hub stops.
pub(crate) async fn run(state: Arc<AppState>, marks: Marks) {
    loop {
        let told = match marks.take().await {
            Untold::Changes(changes, again) => tell_changes(&state, changes, again).await,
            Untold::Retracted(ids) => retracting::tell_signalled(&state, ids)
                .await
                .map(|()| Vec::new()),
            Untold::Pruned(gone) => expiry::tell(&state, &gone, Reason::Expired)
                .await
                .map(|()| Vec::new()),
            Untold::Everything => tell_everything(&state).await,
        };
        match told {
            Ok(failed) if failed.is_empty() => {}
            Ok(failed) => {
                log::debug!("{} users are told their counts later", failed.len());
                marks.add_again(failed);
                tokio::time::sleep(TRY_EVERY).await;
            }
            Err(cause) => {
                log::debug!("open streams are told their counts later: {cause}");
                marks.add_everything();
                tokio::time::sleep(TRY_EVERY).await;
            }
        }
    }
}

/// Returns the users that could not be told.
async fn tell_changes(
    state: &AppState,
    changes: Vec<Marked>,
    again: HashSet<UserId>,
) -> Result<Vec<UserId>, Refusal> {
    let mut news: HashMap<UserId, Vec<News>> = HashMap::new();
    for marked in changes {
        add(
            news.entry(marked.user_id).or_default(),
            marked.change,
            marked.version,
        );
    }
    for user in again {
        news.entry(user).or_default().push(News::Anything);
    }
    let users: HashSet<UserId> = news.keys().cloned().collect();
    let told = streaming(state, Some(users)).await?;
    let work = told.into_iter().map(|(user, role)| {
        let news = news.remove(&user).unwrap_or_default();
        tell(state, user, role, news)
    });
    Ok(at_once(work).await)
}

/// Adds a change. Of several in a row that stand for any change only the last is told: the counts are the same.
fn add(news: &mut Vec<News>, change: Change, version: i64) {
    let any = Change::default();
    if change == any
        && let Some(News::Signalled(last, known)) = news.last_mut()
        && *last == any
    {
        *known = version;
        return;
    }
    news.push(News::Signalled(change, version));
}

/// Returns the users that could not be told.
async fn tell_everything(state: &AppState) -> Result<Vec<UserId>, Refusal> {
    // Some of them may have been retracted.
    state.broadcaster.send(ForgetRecent).await?;
    let told = streaming(state, None).await?;
    let work = told
        .into_iter()
        .map(|(user, role)| tell(state, user, role, Vec::from([News::Anything])));
    Ok(at_once(work).await)
}

/// Those of some users, or of all, who have a stream here, each with the role of one of their streams.
async fn streaming(
    state: &AppState,
    users: Option<HashSet<UserId>>,
) -> Result<HashMap<UserId, Role>, Refusal> {
    let streams = state.broadcaster.send(ListRights(users)).await?;
    let with_inbox = streams.into_iter().filter_map(|stream| {
        let role = stream.role.filter(|role| *role != Role::Service)?;
        Some((stream.user_id, role))
    });
    Ok(with_inbox.collect())
}

/// Tells a user; returns them if it fails.
async fn tell(state: &AppState, user: UserId, role: Role, news: Vec<News>) -> Option<UserId> {
    let told = async {
        let inbox = inbox::of_user(state, user.clone(), role).await?;
        inbox::tell_streams(state, inbox, news).await
    };
    let told: Result<_, Refusal> = told.await;
    let cause = told.err()?;
    log::debug!("the streams of {user} are told later: {cause}");
    Some(user)
}

/// Does a few at a time; returns those for whom it failed.
async fn at_once<F>(work: impl Iterator<Item = F>) -> Vec<UserId>
where
    F: Future<Output = Option<UserId>>,
{
    let outcomes: Vec<_> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().flatten().collect()
}

/// As many as the database answers at once.
const AT_ONCE: usize = 8;

/// The database was away, or the hub stops.
const TRY_EVERY: Duration = Duration::from_secs(1);
