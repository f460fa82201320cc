//! `GET /api/admin/figures`: the hub's figures, once a second. A stream like any other to the Broadcaster, which closes it
//! when its token ends, its user leaves or the hub stops; only what it carries comes from elsewhere.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use actix_web_lab::sse;
use bytestring::ByteString;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;

use crate::actions::figures::{Figures, Samples};
use crate::actions::{AppState, Refusal};
use crate::alarm::TopicFilter;
use crate::feed::Events;
use crate::http::identity::{Admin, QueryToken, identify};
use crate::http::problem::ApiError;
use crate::http::stream::open::new_client;
use crate::http::stream::sse::{bye, respond_with};
use crate::hub::{Frame, Subscribe};

/// A stream of the figures: the last minute as `history`, then `figures` each second, `bye` last.
#[utoipa::path(get, path = "/api/admin/figures", tag = "admin",
    responses((status = 200, description = "The figures of each second", body = String, content_type = "text/event-stream")))]
pub(crate) async fn watch(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let client = new_client(&state, &admin, &request, &Arc::new(TopicFilter::default()));
    let subscription = state.broadcaster.send(Subscribe(client)).await;
    let subscription = subscription.map_err(Refusal::from)??;
    if admin.is_stale(&state) {
        // Streams were closed while this one was on its way: would it be let in now?
        identify(&request, QueryToken::Refused).await?;
    }
    let position = subscription.position();
    let events = Events::live(subscription, VecDeque::new(), position, None);
    let hub = events
        .map(|frame| Step::Say(bye(&frame)))
        .chain(stream::once(ready(Step::End)));
    let steps = stream::select(hub, seconds(&state.figures).map(Step::Say));
    let written = steps
        .take_while(|step| ready(!matches!(step, Step::End)))
        .filter_map(|step| {
            ready(match step {
                Step::Say(event) => event,
                Step::End => None,
            })
        });
    Ok(respond_with(written, &request))
}

enum Step {
    Say(Option<sse::Event>),
    /// The Broadcaster closed the channel.
    End,
}

fn seconds(figures: &Figures) -> impl Stream<Item = Option<sse::Event>> + use<> {
    let history = event("history", &figures.samples());
    let further = stream::unfold(figures.watch(), async |mut watched| {
        watched.changed().await.ok()?;
        let samples = Samples::clone(&watched.borrow_and_update());
        let newest = samples.last().and_then(|sample| event("figures", sample));
        Some((newest, watched))
    });
    stream::once(ready(history)).chain(further)
}

fn event(name: &'static str, data: &impl Serialize) -> Option<sse::Event> {
    let data = sse::Data::new(Frame::json(data)).event(ByteString::from_static(name));
    Some(sse::Event::Data(data))
}
