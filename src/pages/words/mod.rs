//! What the pages say, in every language there is. A sentence that lacks a translation does not compile: each language
//! is one value of [`Words`]. The scripts keep their own words and follow `<html lang>`.

mod compare;
mod demo;
mod english;
mod korean;
mod phrase;
mod refusal;

pub(crate) use compare::Compare;
pub(crate) use demo::Demo;
pub(crate) use phrase::{Counted, Phrase};

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header, Preference, Quality};
use serde_json::Value;

use crate::actions::{Forbidden, Refusal, Rule};
use crate::alarm::Role;
use crate::http::problem::ApiError;

/// A language the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// What somebody reads who asks for a language there is not.
    English,
    Korean,
}

/// Everything the pages say in one language.
pub(crate) struct Words {
    /// The language (RFC 5646).
    pub(crate) tag: &'static str,
    /// What the hub's own alarm types are called. Other types speak for themselves.
    kinds: &'static [(&'static str, &'static str)],
    pub(crate) bar: Bar,
    pub(crate) sign_in: SignIn,
    pub(crate) rooms: Rooms,
    pub(crate) room: Room,
    pub(crate) inbox: Inbox,
    pub(crate) admin: Admin,
    pub(crate) compare: Compare,
    pub(crate) demo: Demo,
    pub(crate) person: Person,
    pub(crate) age: Age,
    pub(crate) roles: Roles,
    pub(crate) fault: Fault,
    pub(crate) refusals: Refusals,
}

/// Around every page.
pub(crate) struct Bar {
    pub(crate) skip: &'static str,
    pub(crate) main: &'static str,
    pub(crate) rooms: &'static str,
    pub(crate) inbox: &'static str,
    pub(crate) admin: &'static str,
    /// How many notifications are new.
    pub(crate) bell: Counted,
    /// Whose account the menu is about.
    pub(crate) account: Phrase,
    pub(crate) compare: &'static str,
    pub(crate) embed: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) language: &'static str,
}

/// `/` of somebody who is not signed in.
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
}

/// One thing the hub is good for.
pub(crate) struct Point {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// `/rooms`.
pub(crate) struct Rooms {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    /// How many people are in a room.
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

/// `/rooms/{id}`.
pub(crate) struct Room {
    pub(crate) all: &'static str,
    pub(crate) ring: &'static str,
    pub(crate) here_now: &'static str,
    pub(crate) messages: &'static str,
    /// The messages of a room.
    pub(crate) messages_in: Phrase,
    pub(crate) earlier: &'static str,
    pub(crate) admin: &'static str,
    pub(crate) follow: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) empty_hint: &'static str,
    pub(crate) latest: &'static str,
    pub(crate) message: &'static str,
    /// What to write, and in which room.
    pub(crate) message_to: Phrase,
    pub(crate) send: &'static str,
    /// Somebody rings.
    pub(crate) rings: Phrase,
    /// An admin rings.
    pub(crate) admin_rings: Phrase,
}

/// `/alarms`.
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
    /// Where a row leads.
    pub(crate) open: Phrase,
    pub(crate) mark_read: &'static str,
    pub(crate) mark_unread: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) older: &'static str,
}

/// `/admin`.
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
    /// How many accounts.
    pub(crate) reached_accounts: Counted,
    /// How many open streams.
    pub(crate) reached_streams: Counted,
    /// Accounts and streams.
    pub(crate) reaches: Phrase,
    /// Streams only.
    pub(crate) reaches_room: Phrase,
    /// Who has no account, so that nothing is sent.
    pub(crate) unknown: Phrase,
    /// Who has no account and gets one.
    pub(crate) unknown_made: Phrase,
    pub(crate) as_command: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) filter_example: &'static str,
    pub(crate) show: &'static str,
    pub(crate) pause: &'static str,
    pub(crate) resume: &'static str,
    pub(crate) no_match: &'static str,
    /// How many connections are not shown.
    pub(crate) more: Counted,
    pub(crate) figures_stream: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) json_good: &'static str,
    pub(crate) json_bad: &'static str,
    /// Where the data stops being JSON.
    pub(crate) json_bad_at: Phrase,
    pub(crate) name_a_user: &'static str,
    pub(crate) again: &'static str,
    pub(crate) unreachable: &'static str,
    pub(crate) session_over: &'static str,
    pub(crate) no_figures: &'static str,
    pub(crate) publish_title: &'static str,
    /// The id of what was published.
    pub(crate) published: Phrase,
    /// The first and the last id.
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
    /// What typing the word confirms; the word itself stands between the two.
    pub(crate) confirm_before: &'static str,
    pub(crate) confirm_word: &'static str,
    pub(crate) confirm_after: &'static str,
    pub(crate) confirm_wanted: &'static str,
    pub(crate) publish: &'static str,
    pub(crate) copy_curl: &'static str,
    pub(crate) recent: &'static str,
    pub(crate) recent_none: &'static str,
    pub(crate) connections: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) user: &'static str,
    pub(crate) topics: &'static str,
    pub(crate) age: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) from: &'static str,
    pub(crate) action: &'static str,
    pub(crate) disconnect: &'static str,
    /// Whose connection.
    pub(crate) disconnect_one: Phrase,
}

/// `/admin/users/{id}`.
pub(crate) struct Person {
    pub(crate) active: &'static str,
    pub(crate) disabled: &'static str,
    pub(crate) role: &'static str,
    pub(crate) since: &'static str,
    pub(crate) signs_in: &'static str,
    pub(crate) with_password: &'static str,
    pub(crate) with_token: &'static str,
    pub(crate) send_test: &'static str,
    /// Who sends it.
    pub(crate) test_title: Phrase,
    pub(crate) disconnect_all: &'static str,
    pub(crate) disable: &'static str,
    pub(crate) enable: &'static str,
    pub(crate) not_connected: &'static str,
    pub(crate) inbox: &'static str,
    /// How many are unseen and unread.
    pub(crate) counts: Phrase,
    pub(crate) inbox_empty: &'static str,
    pub(crate) unread: &'static str,
    pub(crate) test_sent: &'static str,
    pub(crate) disconnected: &'static str,
    pub(crate) disabled_now: &'static str,
    pub(crate) enabled_now: &'static str,
}

/// How long something has been, by its two largest units.
pub(crate) struct Age {
    pub(crate) seconds: Phrase,
    pub(crate) minutes: Phrase,
    pub(crate) hours: Phrase,
    pub(crate) days: Phrase,
}

/// What an account may do.
pub(crate) struct Roles {
    pub(crate) user: &'static str,
    pub(crate) service: &'static str,
    pub(crate) admin: &'static str,
}

/// The page in the place of one that cannot be shown.
pub(crate) struct Fault {
    pub(crate) not_found: &'static str,
    pub(crate) forbidden: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) to_start: &'static str,
    pub(crate) to_rooms: &'static str,
}

/// Refusals as sentences.
pub(crate) struct Refusals {
    pub(crate) bad_credentials: &'static str,
    pub(crate) user_exists: &'static str,
    pub(crate) room_exists: &'static str,
    pub(crate) account_disabled: &'static str,
    pub(crate) signup_closed: &'static str,
    pub(crate) cross_origin: &'static str,
    pub(crate) no_such_page: &'static str,
    pub(crate) no_such_room: &'static str,
    pub(crate) no_such_user: &'static str,
    pub(crate) no_such_alarm: &'static str,
    pub(crate) no_such_connection: &'static str,
    pub(crate) too_many_attempts: &'static str,
    pub(crate) too_large: &'static str,
    pub(crate) too_slow: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) overloaded: &'static str,
    pub(crate) stopping: &'static str,
    pub(crate) full: &'static str,
    pub(crate) internal: &'static str,
    /// An id nobody has.
    pub(crate) unknown_user: Phrase,
    /// An id no room has.
    pub(crate) unknown_room: Phrase,
    pub(crate) idempotency_mismatch: &'static str,
    /// A required parameter that is missing.
    pub(crate) missing: Phrase,
    /// A label of the form and the fault of its field.
    pub(crate) in_field: Phrase,
    pub(crate) field_user_id: &'static str,
    pub(crate) field_display_name: &'static str,
    pub(crate) no_token: &'static str,
    pub(crate) no_method: &'static str,
    pub(crate) not_acceptable: &'static str,
    /// The sentence for a rule that a value breaks.
    pub(crate) rule: fn(&Rule) -> String,
    /// The sentence for what the caller may not do.
    pub(crate) forbidden: fn(Forbidden) -> String,
}

impl Language {
    /// The language a request wants: what was chosen with the switch, else what the browser prefers (RFC 9110, 12.5.4).
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let chosen = request.cookie(COOKIE);
        chosen
            .and_then(|cookie| Self::of_tag(cookie.value()))
            .or_else(|| preferred(request))
            .unwrap_or(Self::English)
    }

    /// The language of a tag such as `ko-KR`.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    /// The tag without a region.
    pub(crate) fn tag(self) -> &'static str {
        self.words().tag
    }

    /// Its own name for itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    /// What the pages say in it.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::Korean => &korean::WORDS,
        }
    }

    /// The one the switch leads to.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::English => Self::Korean,
            Self::Korean => Self::English,
        }
    }
}

impl Words {
    /// What an account may do.
    pub(crate) fn role(&self, role: Role) -> &'static str {
        match role {
            Role::User => self.roles.user,
            Role::Service => self.roles.service,
            Role::Admin => self.roles.admin,
        }
    }

    /// What an alarm type of the hub's own is called.
    pub(crate) fn kind(&self, alarm_type: &str) -> Option<&'static str> {
        let mut kinds = self.kinds.iter();
        kinds.find_map(|(known, name)| (*known == alarm_type).then_some(*name))
    }

    /// The same for the scripts: an object.
    pub(crate) fn kinds_as_json(&self) -> String {
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, name)| ((*kind).to_owned(), Value::from(*name)));
        Value::Object(kinds.collect()).to_string()
    }

    /// How long, by its two largest units: "3 min", "1 h 12 min".
    pub(crate) fn age(&self, seconds: u64) -> String {
        let words = &self.age;
        match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
            (0, 0, 0) => words.seconds.with(seconds),
            (0, 0, minutes) => words.minutes.with(minutes),
            (0, hours, minutes) => words.hours.with_both(hours, minutes),
            (days, hours, _) => words.days.with_both(days, hours),
        }
    }

    /// An error of the wire as a sentence for a person. The cause of a fault of the hub is for the log only.
    pub(crate) fn sentence(&self, error: &ApiError) -> String {
        refusal::of_error(&self.refusals, error)
    }

    /// A refusal as a sentence for a person.
    pub(crate) fn refusal(&self, refusal: &Refusal) -> String {
        refusal::of_refusal(&self.refusals, refusal)
    }
}

fn preferred(request: &HttpRequest) -> Option<Language> {
    let mut wanted = AcceptLanguage::parse(request).ok()?.0;
    // Stable: of two that are wanted alike, the first.
    wanted.sort_by_key(|one| std::cmp::Reverse(one.quality));
    wanted
        .iter()
        .filter(|one| one.quality > Quality::ZERO)
        .find_map(|one| match &one.item {
            Preference::Specific(tag) => Language::of_tag(tag.primary_language()),
            Preference::Any => None,
        })
}

/// Where the choice is kept.
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
