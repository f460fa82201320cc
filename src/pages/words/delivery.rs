//! The texts of `/admin/alarms/{id}` in each language.

use crate::actions::deliveries::Why;
use crate::pages::words::Phrase;

/// The texts of `/admin/alarms/{id}`.
pub(crate) struct Delivery {
    /// The heading, with the id of the alarm.
    pub(crate) title: Phrase,
    pub(crate) gone: &'static str,
    pub(crate) facts: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) stored: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) never: &'static str,
    /// The hubs that did not answer.
    pub(crate) unanswered: Phrase,
    pub(crate) recipients: &'static str,
    pub(crate) recipients_none: &'static str,
    pub(crate) user: &'static str,
    pub(crate) find: &'static str,
    pub(crate) everyone: &'static str,
    pub(crate) pushed: &'static str,
    /// The hub and the stream of a push.
    pub(crate) to_stream: Phrase,
    pub(crate) seen: &'static str,
    pub(crate) read: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) no: &'static str,
    pub(crate) more: &'static str,
    reasons: Reasons,
}

/// The reasons why no push is known.
struct Reasons {
    disabled: &'static str,
    not_addressed: &'static str,
    pruned: &'static str,
    hub_silent: &'static str,
    other_topics: &'static str,
    not_yet: &'static str,
    no_stream: &'static str,
}

impl Delivery {
    /// The reason in words.
    pub(crate) fn why(&self, why: Why) -> &'static str {
        match why {
            Why::Disabled => self.reasons.disabled,
            Why::NotAddressed => self.reasons.not_addressed,
            Why::Pruned => self.reasons.pruned,
            Why::HubSilent => self.reasons.hub_silent,
            Why::OtherTopics => self.reasons.other_topics,
            Why::NotYet => self.reasons.not_yet,
            Why::NoStream => self.reasons.no_stream,
        }
    }
}

pub(super) const ENGLISH: Delivery = Delivery {
    title: Phrase("Alarm {0}"),
    gone: "It is not in the log any more.",
    facts: "The alarm",
    topic: "Topic",
    kind: "Type",
    stored: "Stored (UTC)",
    expires: "Expires (UTC)",
    never: "never",
    unanswered: Phrase("These hubs did not answer, so what they pushed is missing here: {0}"),
    recipients: "Recipients",
    recipients_none: "Nobody it was for has an account, and it was pushed to nobody.",
    user: "User",
    find: "Show this user",
    everyone: "Show everyone",
    pushed: "Pushed (UTC)",
    to_stream: Phrase("hub {0}, stream {1}"),
    seen: "Seen (UTC)",
    read: "Read (UTC)",
    deleted: "Deleted (UTC)",
    no: "no",
    more: "More recipients",
    reasons: Reasons {
        disabled: "the account is disabled",
        not_addressed: "not for this user",
        pruned: "too long ago to be known",
        hub_silent: "a hub did not answer",
        other_topics: "streams carry other topics",
        not_yet: "a stream has not got to it",
        no_stream: "no stream is open",
    },
};

pub(super) const KOREAN: Delivery = Delivery {
    title: Phrase("알림 {0}"),
    gone: "이 알림은 더 이상 기록에 없습니다.",
    facts: "알림 정보",
    topic: "주제",
    kind: "종류",
    stored: "저장 (UTC)",
    expires: "만료 (UTC)",
    never: "없음",
    unanswered: Phrase("다음 허브가 응답하지 않아 전송 기록이 빠져 있습니다: {0}"),
    recipients: "받는 사람",
    recipients_none: "받을 계정이 없고, 전송된 곳도 없습니다.",
    user: "사용자",
    find: "이 사용자만 보기",
    everyone: "모두 보기",
    pushed: "전송 (UTC)",
    to_stream: Phrase("허브 {0}, 스트림 {1}"),
    seen: "확인 (UTC)",
    read: "읽음 (UTC)",
    deleted: "삭제 (UTC)",
    no: "아니요",
    more: "더 보기",
    reasons: Reasons {
        disabled: "사용이 중지된 계정",
        not_addressed: "이 사용자의 알림이 아님",
        pruned: "오래되어 알 수 없음",
        hub_silent: "응답하지 않은 허브가 있음",
        other_topics: "다른 주제의 스트림만 열려 있음",
        not_yet: "스트림이 아직 전하지 못함",
        no_stream: "열린 스트림 없음",
    },
};
