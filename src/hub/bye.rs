//! The reasons for which the hub ends a stream.

/// The reason for which the hub ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bye {
    /// The hub stops.
    Shutdown,
    /// The token's time is over.
    Expired,
    /// Its user logged out.
    Logout,
    /// An administrator disconnected it.
    Kicked,
    /// An administrator disabled its account.
    Disabled,
    /// It did not read.
    Slow,
    /// The hub has no database.
    Unavailable,
    /// Its user opened too many at several hubs at once.
    TooManyStreams,
}

impl Bye {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::Shutdown,
        Self::Expired,
        Self::Logout,
        Self::Kicked,
        Self::Disabled,
        Self::Slow,
        Self::Unavailable,
        Self::TooManyStreams,
    ];

    /// The word on the wire.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Expired => "expired",
            Self::Logout => "logout",
            Self::Kicked | Self::Disabled => "kicked",
            Self::Slow => "slow",
            Self::Unavailable => "unavailable",
            Self::TooManyStreams => "too_many_streams",
        }
    }

    /// True if coming back may help.
    pub(super) fn reconnect(self) -> bool {
        !matches!(self, Self::Logout | Self::Disabled)
    }
}
