//! The paths of the protocol.

/// The hub.
pub(super) const HUB: &str = "/.well-known/mercure";

/// The active subscriptions.
pub(super) const SUBSCRIPTIONS: &str = "/.well-known/mercure/subscriptions";

/// The metadata of the hub as a protected resource.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource/.well-known/mercure";
