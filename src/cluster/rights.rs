//! The decision if a stream may go on: what it was opened with, compared with what is true now.

use crate::hub::{Bye, Rights};
use crate::store::Account;

/// The reason to end a stream; `None` if it may go on. A stream of a service has no account.
pub(super) fn verdict(stream: &Rights, account: Option<&Account>, is_revoked: bool) -> Option<Bye> {
    if is_revoked {
        return Some(Bye::Logout);
    }
    let account = account?;
    if account.disabled {
        return Some(Bye::Disabled);
    }
    let is_outdated = account.outdates(stream.issued_at, stream.role);
    let was_kicked = account.kicks > stream.kicks;
    (is_outdated || was_kicked).then_some(Bye::Kicked)
}
