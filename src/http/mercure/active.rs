//! The updates that tell of a subscription: one for each of its matchers when it begins, and one when it ends.

use std::sync::Arc;

use actix_web::web::Data;

use crate::actions::{AppState, updates};
use crate::alarm::update::{ActiveSubscription, Content, Topics, random_id};
use crate::auth::mercure::Version;
use crate::http::mercure::documents;

/// The subscriptions of one open stream. Dropping it tells of their end.
pub(super) struct Active {
    state: Data<AppState>,
    subscriptions: Arc<Vec<ActiveSubscription>>,
    subscriber: String,
}

impl Active {
    /// Tells of the begin of subscriptions; `None` if there are none to be told of. The subscriber is registered already, so it
    /// hears of itself if it may.
    pub(super) async fn begin(
        state: Data<AppState>,
        subscriptions: Vec<ActiveSubscription>,
        subscriber: String,
    ) -> Option<Self> {
        if subscriptions.is_empty() {
            return None;
        }
        let active = Self {
            state,
            subscriptions: Arc::new(subscriptions),
            subscriber,
        };
        tell(
            &active.state,
            &active.subscriptions,
            &active.subscriber,
            true,
        )
        .await;
        Some(active)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let (state, subscriber) = (self.state.clone(), self.subscriber.clone());
        let subscriptions = Arc::clone(&self.subscriptions);
        actix_web::rt::spawn(async move {
            tell(&state, &subscriptions, &subscriber, false).await;
        });
    }
}

async fn tell(
    state: &AppState,
    subscriptions: &[ActiveSubscription],
    subscriber: &str,
    is_active: bool,
) {
    let content = |subscription: &ActiveSubscription| {
        let version = documents::version_of(subscription);
        let topic = documents::topic(subscription, subscriber, version);
        let topics = Topics::of(vec![Arc::from(topic)])?;
        let document = documents::document(subscription, subscriber, version, is_active);
        Some(Arc::new(Content {
            topics,
            private: true,
            external_id: random_id(),
            event_type: (version == Version::One).then(|| "mercure".to_owned()),
            retry: 0,
            data: format!("{document:#}"),
        }))
    };
    let contents = subscriptions.iter().filter_map(content).collect();
    if let Err(cause) = updates::publish(state, contents, None).await {
        log::debug!("subscriptions are not told of: {cause}");
    }
}
