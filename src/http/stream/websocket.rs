//! WebSocket (RFC 6455): one JSON text frame per event, protocol pings, and a time-out for peers that are gone.

use std::io::ErrorKind;

use actix_http::BoxedPayloadStream;
use actix_http::error::PayloadError;
use actix_http::ws::{HandshakeError, verify_handshake};
use actix_web::dev;
use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use futures::StreamExt;
use futures::future::{Either, select};
use serde::Deserialize;

use crate::feed::Events;
use crate::http::problem::ApiError;
use crate::http::stream::frames::Frames;
use crate::http::stream::json;
use crate::hub::{EventName, Frame};

/// Checks the handshake (RFC 6455, section 4.2.1), before there is a subscription.
pub(super) fn check(request: &HttpRequest) -> Result<(), ApiError> {
    verify_handshake(request.head()).map_err(|fault| match fault {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            ApiError::WebSocketVersion
        }
        fault => ApiError::Handshake(fault.to_string()),
    })
}

/// Answers the handshake and writes the events until one side ends it.
pub(super) fn respond(
    events: Events,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let refuse = |cause: actix_web::Error| ApiError::Handshake(cause.to_string());
    let payload = bounded(request, payload).map_err(refuse)?;
    let (response, session, messages) = actix_ws::handle(request, payload).map_err(refuse)?;
    let messages = messages.max_frame_size(MOST_MESSAGE_BYTES);
    let socket = Socket {
        session,
        messages: messages
            .aggregate_continuations()
            .max_continuation_size(MOST_MESSAGE_BYTES),
        unanswered: 0,
    };
    actix_web::rt::spawn(socket.run(events));
    Ok(response)
}

/// The bytes of the peer, up to a frame that is too large.
fn bounded(request: &HttpRequest, payload: Payload) -> Result<Payload, actix_web::Error> {
    let mut frames = Frames::default();
    let pieces = payload.into_inner().map(move |piece| {
        let piece = piece?;
        match frames.are_within(MOST_MESSAGE_BYTES as u64, &piece) {
            true => Ok(piece),
            false => Err(PayloadError::Overflow),
        }
    });
    let payload: BoxedPayloadStream = Box::pin(pieces);
    Payload::from_request(request, &mut dev::Payload::Stream { payload }).into_inner()
}

struct Socket {
    session: Session,
    messages: AggregatedMessageStream,
    /// Pings since the peer last sent anything. Time would not do: while alarms come there are no pings to answer.
    unanswered: u32,
}

/// A socket that takes no more.
struct Closed;

#[derive(Deserialize)]
struct FromClient {
    #[serde(rename = "type")]
    kind: String,
}

impl Socket {
    async fn run(mut self, mut events: Events) {
        let ended = loop {
            match select(events.next(), self.messages.next()).await {
                Either::Left((Some(frame), _)) => match self.write(&frame).await {
                    Ok(()) if frame.event() == EventName::Bye => break Some(close_reason(&frame)),
                    Ok(()) => {}
                    Err(Closed) => break None,
                },
                Either::Left((None, _)) => break Some(CloseCode::Restart.into()),
                Either::Right((Some(Ok(message)), _)) => match self.read(message).await {
                    Ok(()) => {}
                    Err(Closed) => break Some(CloseCode::Normal.into()),
                },
                Either::Right((Some(Err(fault)), _)) => break fault_code(&fault).map(Into::into),
                Either::Right((None, _)) => break None,
            }
        };
        // An error here means that the peer is gone already.
        let _told = self.session.close(ended).await;
    }

    /// Waits for room: a few messages are queued behind the socket, and then the hub's own queue fills, as on every transport.
    async fn write(&mut self, frame: &Frame) -> Result<(), Closed> {
        if matches!(frame.event(), EventName::Ping | EventName::Comment) {
            if self.unanswered == SILENT_PINGS {
                return Err(Closed);
            }
            self.unanswered += 1;
            self.session.ping(b"").await.map_err(|_closed| Closed)?;
        }
        self.session
            .text(json::object(frame))
            .await
            .map_err(|_closed| Closed)
    }

    async fn read(&mut self, message: AggregatedMessage) -> Result<(), Closed> {
        self.unanswered = 0;
        match message {
            AggregatedMessage::Ping(bytes) => {
                self.session.pong(&bytes).await.map_err(|_closed| Closed)
            }
            AggregatedMessage::Text(text) if is_ping(&text) => {
                self.session.text(PONG).await.map_err(|_closed| Closed)
            }
            AggregatedMessage::Close(_) => Err(Closed),
            _ => Ok(()),
        }
    }
}

fn is_ping(text: &str) -> bool {
    serde_json::from_str::<FromClient>(text).is_ok_and(|message| message.kind == "ping")
}

/// The reason that the browser's `close` event tells beside the `bye` that came before it.
fn close_reason(bye: &Frame) -> CloseReason {
    CloseReason {
        code: CloseCode::Away,
        description: Some(bye.data().to_string()),
    }
}

/// The code for a peer's fault (RFC 6455, section 7.4.1); `None` where the connection itself failed.
fn fault_code(fault: &ProtocolError) -> Option<CloseCode> {
    match fault {
        ProtocolError::Overflow => Some(CloseCode::Size),
        ProtocolError::Io(cause) => {
            let text = cause.to_string();
            match cause.kind() {
                // The library has no kinds of its own for these.
                ErrorKind::InvalidData if text.contains("utf-8") => Some(CloseCode::Invalid),
                ErrorKind::InvalidData => Some(CloseCode::Protocol),
                _ if text.contains("continuation size") => Some(CloseCode::Size),
                _ if text == PayloadError::Overflow.to_string() => Some(CloseCode::Size),
                _ => None,
            }
        }
        _ => Some(CloseCode::Protocol),
    }
}

const PONG: &str = r#"{"event":"pong","id":null,"data":null}"#;

/// A client has nothing to say beyond a ping.
const MOST_MESSAGE_BYTES: usize = 4 * 1024;

/// A peer that answered none of so many pings is gone.
const SILENT_PINGS: u32 = 3;
