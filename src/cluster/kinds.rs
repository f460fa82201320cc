//! The kinds of signals, as the database holds them. A hub passes over a kind that it does not know.

/// The rights of the user in `subject` changed. Sent by a trigger.
pub(super) const RIGHTS: &str = "rights";

/// Accounts were changed. The look that finds it has followed it.
pub(super) const ACCOUNTS: &str = crate::store::ACCOUNTS;

/// The token in `subject` was revoked; `detail` is its end in milliseconds. Sent by a trigger.
pub(super) const REVOKED: &str = "revoked";

/// The rights of the API key in `subject` changed. Sent by a trigger.
pub(super) const API_KEYS: &str = "api_keys";

/// The declaration of the type of alarms in `subject` changed. Sent by a trigger.
pub(super) const ALARM_TYPES: &str = "alarm_types";

/// The marks of the user in `subject` changed; `detail` is their version, a space, and the change as JSON. Sent by a trigger.
pub(super) const STATE: &str = "state";

/// The alarms whose ids are in `detail`, with spaces between them, were retracted.
pub(super) const RETRACTED: &str = "retracted";

/// The session in `detail`, of the user in `subject`, was signed out.
pub(super) const SESSION: &str = "session";

/// The users present at the hub in `subject` changed; `detail` tells the change as JSON, or nothing where it has to be read.
pub(super) const PRESENCE: &str = "presence";

/// The hub in `subject` is gone, and so is everybody who was present there.
pub(super) const GONE: &str = "gone";

/// The alarms in `detail`, a JSON array of `[id, topic]`, were pruned.
pub(super) const PRUNED: &str = "pruned";

/// List the streams for the question in `subject`. `detail` is the hub that asks, a space, and the user whose streams it wants, or
/// nothing for all.
pub(super) const LIST: &str = "list";

/// Tell what is known of an alarm, for the question in `subject`. `detail` is the inquiry as JSON.
pub(super) const DELIVERY: &str = "delivery";

/// Close the stream in `subject`, if it belongs to the user in `detail` where that is not empty.
pub(super) const DISCONNECT: &str = "disconnect";

/// The stream in `subject` was closed, as was asked.
pub(super) const CLOSED: &str = "closed";
