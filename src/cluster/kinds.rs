//! The kinds of signals, as the database holds them. A hub passes over a kind that it does not know.

/// The rights of the user in `subject` changed. Sent by a trigger.
pub(super) const RIGHTS: &str = "rights";

/// The token in `subject` was revoked; `detail` is its end in milliseconds. Sent by a trigger.
pub(super) const REVOKED: &str = "revoked";

/// The marks of the user in `subject` changed; `detail` is their version, a space, and the change as JSON. Sent by a trigger.
pub(super) const STATE: &str = "state";

/// The session in `detail`, of the user in `subject`, was signed out.
pub(super) const SESSION: &str = "session";

/// The users present at the hub in `subject` changed; `detail` tells the change as JSON, or nothing where it has to be read.
pub(super) const PRESENCE: &str = "presence";

/// The hub in `subject` is gone, and so is everybody who was present there.
pub(super) const GONE: &str = "gone";

/// List the streams for the question in `subject`. `detail` is the hub that asks, a space, and the user whose streams it wants, or
/// nothing for all.
pub(super) const LIST: &str = "list";

/// Close the stream in `subject`, if it belongs to the user in `detail` where that is not empty.
pub(super) const DISCONNECT: &str = "disconnect";

/// The stream in `subject` was closed, as was asked.
pub(super) const CLOSED: &str = "closed";
