//! Updates of the Mercure protocol: what is published under addresses of an application's own, and who gets it.

mod content;
mod filter;
mod matcher;
mod pattern;
mod reserved;
mod template;
mod text;

pub(crate) use content::{Content, NewUpdate, Update, random_id};
pub(crate) use filter::{ActiveSubscription, UpdateFilter};
pub(crate) use matcher::{InvalidMatcher, MatchType, Matcher, Matchers};
pub(crate) use pattern::{Part, Pattern};
pub(crate) use reserved::is_reserved;
pub(crate) use text::{Topics, is_protocol_text};
