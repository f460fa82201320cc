//! The texts of the pages in every language. Each language is one value of [`Words`], so a missing translation does not
//! compile. The scripts have their own texts and follow `<html lang>`.

mod compare;
mod delivery;
mod demo;
mod english;
mod keys;
mod korean;
mod phrase;
mod refusal;

pub(crate) use compare::Compare;
pub(crate) use delivery::Delivery;
pub(crate) use demo::Demo;
pub(crate) use keys::Keys;
pub(crate) use phrase::{Counted, Phrase};

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header, Preference, Quality};
use serde_json::Value;

use crate::actions::{Forbidden, Refusal, Rule};
use crate::alarm::Role;
use crate::http::cookies;
use crate::http::problem::ApiError;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, which is also used if none of the requested languages is available.
    English,
    Korean,
}

/// All texts of the pages in one language.
pub(crate) struct Words {
    /// The language tag (RFC 5646).
    pub(crate) tag: &'static str,
    /// The names of the hub's own alarm types. Other types have no translation.
    kinds: &'static [(&'static str, &'static str)],
    pub(crate) bar: Bar,
    pub(crate) sign_in: SignIn,
    pub(crate) rooms: Rooms,
    pub(crate) room: Room,
    pub(crate) inbox: Inbox,
    pub(crate) admin: Admin,
    pub(crate) compare: Compare,
    pub(crate) demo: Demo,
    pub(crate) keys: Keys,
    pub(crate) delivery: Delivery,
    pub(crate) person: Person,
    pub(crate) age: Age,
    pub(crate) roles: Roles,
    pub(crate) fault: Fault,
    pub(crate) refusals: Refusals,
}

/// The texts around every page.
pub(crate) struct Bar {
    pub(crate) skip: &'static str,
    pub(crate) main: &'static str,
    pub(crate) rooms: &'static str,
    pub(crate) inbox: &'static str,
    pub(crate) admin: &'static str,
    /// The number of new notifications.
    pub(crate) bell: Counted,
    /// The label of the account menu, with the user's name.
    pub(crate) account: Phrase,
    pub(crate) compare: &'static str,
    pub(crate) embed: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) language: &'static str,
}

/// The texts of `/` for a visitor who is not signed in.
pub(crate) struct SignIn {
    pub(crate) title: &'static str,
    pub(crate) pitch: &'static str,
    pub(crate) points: [Point; 3],
    pub(crate) first_start: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) user_name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) sign_up: &'static str,
    pub(crate) user_rule: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) optional: &'static str,
    pub(crate) password_rule: &'static str,
    pub(crate) create: &'static str,
    pub(crate) signup_closed: &'static str,
    pub(crate) signup_open: &'static str,
    /// The button of a provider; `{0}` is its name.
    pub(crate) with_provider: Phrase,
}

/// One use of the hub, on the first page.
pub(crate) struct Point {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// The texts of `/rooms`.
pub(crate) struct Rooms {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    /// The link to the next page of rooms.
    pub(crate) more: &'static str,
    /// The number of users in a room.
    pub(crate) here_now: Counted,
    pub(crate) nobody: &'static str,
    pub(crate) open: &'static str,
    pub(crate) name: &'static str,
    pub(crate) name_example: &'static str,
    pub(crate) choose_address: &'static str,
    pub(crate) address: &'static str,
    pub(crate) optional: &'static str,
    pub(crate) address_rule: &'static str,
    pub(crate) submit: &'static str,
}

/// The texts of `/rooms/{id}`.
pub(crate) struct Room {
    pub(crate) all: &'static str,
    pub(crate) ring: &'static str,
    pub(crate) here_now: &'static str,
    pub(crate) messages: &'static str,
    /// The label of the list of messages, with the name of the room.
    pub(crate) messages_in: Phrase,
    pub(crate) earlier: &'static str,
    pub(crate) admin: &'static str,
    pub(crate) follow: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) empty_hint: &'static str,
    pub(crate) latest: &'static str,
    pub(crate) message: &'static str,
    /// The label of the message field, with the name of the room.
    pub(crate) message_to: Phrase,
    pub(crate) send: &'static str,
    /// A ring, with the name of the caller.
    pub(crate) rings: Phrase,
    /// A ring by an admin.
    pub(crate) admin_rings: Phrase,
}

/// The texts of `/alarms`.
pub(crate) struct Inbox {
    pub(crate) title: &'static str,
    pub(crate) mark_all: &'static str,
    pub(crate) which: &'static str,
    pub(crate) all: &'static str,
    pub(crate) unread: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) empty_unread: &'static str,
    pub(crate) empty_hint: &'static str,
    pub(crate) everyone: &'static str,
    pub(crate) admins: &'static str,
    /// The author of what a user wrote whose account is deleted.
    pub(crate) deleted_user: &'static str,
    /// The label of the link of a row, with its target.
    pub(crate) open: Phrase,
    pub(crate) mark_read: &'static str,
    pub(crate) mark_unread: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) older: &'static str,
}

/// The texts of `/admin`.
pub(crate) struct Admin {
    pub(crate) title: &'static str,
    pub(crate) connections_tile: &'static str,
    pub(crate) people: &'static str,
    pub(crate) accounts: &'static str,
    pub(crate) alarms_rate: &'static str,
    pub(crate) deliveries_rate: &'static str,
    pub(crate) slow_drops: &'static str,
    pub(crate) replayed: &'static str,
    pub(crate) commit_time: &'static str,
    pub(crate) find_title: &'static str,
    pub(crate) find: &'static str,
    pub(crate) preview: &'static str,
    /// The number of accounts in the audience.
    pub(crate) reached_accounts: Counted,
    /// The number of open streams in the audience.
    pub(crate) reached_streams: Counted,
    /// The audience in accounts and streams.
    pub(crate) reaches: Phrase,
    /// The audience of a room, in streams only.
    pub(crate) reaches_room: Phrase,
    /// The named users who have no account, so that publishing is refused.
    pub(crate) unknown: Phrase,
    /// The named users who have no account and get one.
    pub(crate) unknown_made: Phrase,
    pub(crate) as_command: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) filter_example: &'static str,
    pub(crate) show: &'static str,
    pub(crate) pause: &'static str,
    pub(crate) resume: &'static str,
    pub(crate) no_match: &'static str,
    /// The number of connections that are not shown.
    pub(crate) more: Counted,
    pub(crate) figures_stream: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) json_good: &'static str,
    pub(crate) json_bad: &'static str,
    /// The position of the first error in the JSON data.
    pub(crate) json_bad_at: Phrase,
    pub(crate) name_a_user: &'static str,
    pub(crate) again: &'static str,
    pub(crate) unreachable: &'static str,
    pub(crate) session_over: &'static str,
    pub(crate) no_figures: &'static str,
    pub(crate) publish_title: &'static str,
    /// The id of the published alarm.
    pub(crate) published: Phrase,
    /// The first and the last id of the published alarms.
    pub(crate) published_many: Phrase,
    pub(crate) to: &'static str,
    pub(crate) users: &'static str,
    pub(crate) a_room: &'static str,
    pub(crate) admins: &'static str,
    pub(crate) everyone: &'static str,
    pub(crate) user_names: &'static str,
    pub(crate) user_names_example: &'static str,
    pub(crate) room: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) data: &'static str,
    pub(crate) data_hint: &'static str,
    pub(crate) data_example: &'static str,
    pub(crate) link: &'static str,
    pub(crate) optional: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) seconds: &'static str,
    pub(crate) never: &'static str,
    /// The text before the word to type as a confirmation; the next field is the text after it.
    pub(crate) confirm_before: &'static str,
    pub(crate) confirm_word: &'static str,
    pub(crate) confirm_after: &'static str,
    pub(crate) confirm_wanted: &'static str,
    pub(crate) publish: &'static str,
    pub(crate) copy_curl: &'static str,
    pub(crate) recent: &'static str,
    pub(crate) recent_none: &'static str,
    /// The hubs on the same database.
    pub(crate) hubs: &'static str,
    pub(crate) hub: &'static str,
    pub(crate) this_hub: &'static str,
    pub(crate) version: &'static str,
    pub(crate) log_lag: &'static str,
    pub(crate) bell_lag: &'static str,
    pub(crate) server: &'static str,
    pub(crate) connections: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) user: &'static str,
    pub(crate) topics: &'static str,
    pub(crate) age: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) from: &'static str,
    pub(crate) action: &'static str,
    pub(crate) disconnect: &'static str,
    /// The label of the Disconnect button, with the user of the connection.
    pub(crate) disconnect_one: Phrase,
}

/// The texts of `/admin/users/{id}`.
pub(crate) struct Person {
    pub(crate) active: &'static str,
    pub(crate) disabled: &'static str,
    pub(crate) role: &'static str,
    pub(crate) since: &'static str,
    pub(crate) signs_in: &'static str,
    pub(crate) with_password: &'static str,
    pub(crate) with_token: &'static str,
    pub(crate) send_test: &'static str,
    /// The title of a test alarm, with its sender.
    pub(crate) test_title: Phrase,
    pub(crate) disconnect_all: &'static str,
    pub(crate) disable: &'static str,
    pub(crate) enable: &'static str,
    pub(crate) not_connected: &'static str,
    pub(crate) inbox: &'static str,
    /// The numbers of unseen and unread alarms.
    pub(crate) counts: Phrase,
    pub(crate) inbox_empty: &'static str,
    pub(crate) unread: &'static str,
    pub(crate) test_sent: &'static str,
    pub(crate) disconnected: &'static str,
    pub(crate) disabled_now: &'static str,
    pub(crate) enabled_now: &'static str,
}

/// The texts of a duration, in its two largest units.
pub(crate) struct Age {
    pub(crate) seconds: Phrase,
    pub(crate) minutes: Phrase,
    pub(crate) hours: Phrase,
    pub(crate) days: Phrase,
}

/// The names of the roles.
pub(crate) struct Roles {
    pub(crate) user: &'static str,
    pub(crate) service: &'static str,
    pub(crate) admin: &'static str,
}

/// The texts of the error page.
pub(crate) struct Fault {
    pub(crate) not_found: &'static str,
    pub(crate) forbidden: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) to_start: &'static str,
    pub(crate) to_rooms: &'static str,
}

/// The texts of refusals.
pub(crate) struct Refusals {
    pub(crate) bad_credentials: &'static str,
    pub(crate) user_exists: &'static str,
    pub(crate) key_exists: &'static str,
    pub(crate) no_such_key: &'static str,
    /// The scope that an API key has not.
    pub(crate) missing_scope: Phrase,
    pub(crate) room_exists: &'static str,
    pub(crate) account_disabled: &'static str,
    pub(crate) signup_closed: &'static str,
    pub(crate) provider_failed: &'static str,
    pub(crate) provider_away: &'static str,
    pub(crate) no_account: &'static str,
    pub(crate) wrong_issuer: &'static str,
    pub(crate) passwords_off: &'static str,
    pub(crate) cross_origin: &'static str,
    pub(crate) no_such_page: &'static str,
    pub(crate) no_such_room: &'static str,
    pub(crate) no_such_user: &'static str,
    pub(crate) no_such_alarm: &'static str,
    pub(crate) no_such_connection: &'static str,
    pub(crate) too_many_attempts: &'static str,
    pub(crate) too_many_rooms: &'static str,
    pub(crate) too_large: &'static str,
    pub(crate) too_slow: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) overloaded: &'static str,
    pub(crate) stopping: &'static str,
    pub(crate) full: &'static str,
    pub(crate) internal: &'static str,
    /// The id has no account.
    pub(crate) unknown_user: Phrase,
    /// The room does not exist.
    pub(crate) unknown_room: Phrase,
    pub(crate) unknown_type: Phrase,
    pub(crate) bad_data: Phrase,
    pub(crate) idempotency_mismatch: &'static str,
    /// A required parameter is missing.
    pub(crate) missing: Phrase,
    /// The label of a form field and the error in it.
    pub(crate) in_field: Phrase,
    pub(crate) field_user_id: &'static str,
    pub(crate) field_display_name: &'static str,
    pub(crate) no_token: &'static str,
    pub(crate) no_method: &'static str,
    pub(crate) not_acceptable: &'static str,
    /// Returns the sentence for a rule that a value breaks.
    pub(crate) rule: fn(&Rule) -> String,
    /// Returns the sentence for an action that the caller is not allowed to do.
    pub(crate) forbidden: fn(Forbidden) -> String,
}

impl Language {
    /// Returns the language of a request: the one chosen with the switch, else the browser's preference (RFC 9110,
    /// 12.5.4).
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let chosen = cookies::value_of(request, COOKIE);
        chosen
            .and_then(|cookie| Self::of_tag(&cookie))
            .or_else(|| preferred(request))
            .unwrap_or(Self::English)
    }

    /// Returns the language of a tag such as `ko-KR`.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    /// Returns the tag without a region.
    pub(crate) fn tag(self) -> &'static str {
        self.words().tag
    }

    /// Returns the name of the language in that language.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    /// Returns the texts in this language.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::Korean => &korean::WORDS,
        }
    }

    /// Returns the language that the switch selects.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::English => Self::Korean,
            Self::Korean => Self::English,
        }
    }
}

impl Words {
    /// Returns the name of a role.
    pub(crate) fn role(&self, role: Role) -> &'static str {
        match role {
            Role::User => self.roles.user,
            Role::Service => self.roles.service,
            Role::Admin => self.roles.admin,
        }
    }

    /// Returns the name of one of the hub's own alarm types.
    pub(crate) fn kind(&self, alarm_type: &str) -> Option<&'static str> {
        let mut kinds = self.kinds.iter();
        kinds.find_map(|(known, name)| (*known == alarm_type).then_some(*name))
    }

    /// Returns the names of the alarm types for the scripts, as a JSON object.
    pub(crate) fn kinds_as_json(&self) -> String {
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, name)| ((*kind).to_owned(), Value::from(*name)));
        Value::Object(kinds.collect()).to_string()
    }

    /// Formats a duration in its two largest units: "3 min", "1 h 12 min".
    pub(crate) fn age(&self, seconds: u64) -> String {
        let words = &self.age;
        match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
            (0, 0, 0) => words.seconds.with(seconds),
            (0, 0, minutes) => words.minutes.with(minutes),
            (0, hours, minutes) => words.hours.with_both(hours, minutes),
            (days, hours, _) => words.days.with_both(days, hours),
        }
    }

    /// Returns an error of the API as a sentence. The cause of an internal error is written to the log only.
    pub(crate) fn sentence(&self, error: &ApiError) -> String {
        refusal::of_error(&self.refusals, error)
    }

    /// Returns a refusal as a sentence.
    pub(crate) fn refusal(&self, refusal: &Refusal) -> String {
        refusal::of_refusal(&self.refusals, refusal)
    }
}

fn preferred(request: &HttpRequest) -> Option<Language> {
    let mut wanted = AcceptLanguage::parse(request).ok()?.0;
    // The sort is stable: of two languages with the same quality, the first is used.
    wanted.sort_by_key(|one| std::cmp::Reverse(one.quality));
    wanted
        .iter()
        .filter(|one| one.quality > Quality::ZERO)
        .find_map(|one| match &one.item {
            Preference::Specific(tag) => Language::of_tag(tag.primary_language()),
            Preference::Any => None,
        })
}

/// The name of the cookie that holds the chosen language.
pub(crate) const COOKIE: &str = "campanile_lang";

#[cfg(test)]
mod tests {
    use actix_web::cookie::Cookie;
    use actix_web::test::TestRequest;

    use super::*;

    fn language(accept: &str) -> Language {
        let request = TestRequest::default().insert_header(("accept-language", accept));
        Language::of(&request.to_http_request())
    }

    #[test]
    fn the_browser_s_best_known_language_is_spoken() {
        let cases = [
            ("", Language::English),
            ("ko", Language::Korean),
            ("ko-KR", Language::Korean),
            ("KO-kr,en;q=0.5", Language::Korean),
            ("en-US,en;q=0.9,ko;q=0.8", Language::English),
            ("en;q=0.4, ko;q=0.6", Language::Korean),
            ("fr,ko;q=0.5,en;q=0.5", Language::Korean),
            ("fr,de;q=0.5", Language::English),
            ("*", Language::English),
            ("ko;q=0", Language::English),
            ("kok", Language::English),
            (";;,,q=", Language::English),
        ];

        for (accept, expected) in cases {
            assert_eq!(language(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn an_age_names_its_two_largest_units() {
        let words = Language::English.words();

        assert_eq!(words.age(59), "59 s");
        assert_eq!(words.age(61), "1 min");
        assert_eq!(words.age(3_720), "1 h 2 min");
        assert_eq!(words.age(90_000), "1 d 1 h");
    }

    #[test]
    fn the_switch_wins_over_the_browser() {
        let of = |value: &'static str| {
            let request = TestRequest::default()
                .insert_header(("accept-language", "ko"))
                .cookie(Cookie::new(COOKIE, value));
            Language::of(&request.to_http_request())
        };

        assert_eq!(of("en"), Language::English);
        assert_eq!(of("xx"), Language::Korean);
    }
}
