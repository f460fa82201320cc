//! The texts of `/demo/embed` in each language.

/// The texts of `/demo/embed`.
pub(crate) struct Demo {
    pub(crate) title: &'static str,
    pub(crate) site: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) tag_title: &'static str,
    pub(crate) tag_text: &'static str,
    pub(crate) try_title: &'static str,
    pub(crate) try_text: &'static str,
    pub(crate) publish: &'static str,
    pub(crate) client_title: &'static str,
    pub(crate) client_text: &'static str,
    pub(crate) heard: &'static str,
    pub(crate) needs_scripts: &'static str,
    pub(crate) back: &'static str,
    /// The text of the alarm that the button publishes.
    pub(crate) alarm: &'static str,
}

pub(super) const ENGLISH: Demo = Demo {
    title: "A bell for your own site",
    site: "Your site",
    lead: "This page stands for a page of yours: none of the hub’s styles, and one tag for the bell up there.",
    tag_title: "The tag",
    tag_text: "On another origin the hub must allow that origin, and the tag names the hub’s user by a token from your back end, or by the hub’s own cookie.",
    try_title: "Try it",
    try_text: "Publishes a notification to you, and to nobody else. It goes away after ten minutes.",
    publish: "Ring my bell",
    client_title: "Without the bell",
    client_text: "The same module gives your script the events themselves. This is what it hears right now:",
    heard: "What connect() hears",
    needs_scripts: "The bell needs JavaScript, which is off in this browser.",
    back: "Back to Campanile",
    alarm: "Your order is on its way",
};

pub(super) const KOREAN: Demo = Demo {
    title: "내 사이트에 알림 달기",
    site: "내 사이트",
    lead: "여러분의 사이트를 대신하는 페이지입니다. 허브의 스타일은 쓰지 않으며, 위쪽의 종은 태그 하나로 달았습니다.",
    tag_title: "태그",
    tag_text: "다른 출처에서 쓰려면 허브가 그 출처를 허용해야 합니다. 사용자는 백엔드가 발급한 토큰이나 허브의 쿠키로 확인합니다.",
    try_title: "직접 해 보기",
    try_text: "나에게만 알림을 하나 보냅니다. 10분 뒤에 사라집니다.",
    publish: "내 종 울리기",
    client_title: "종 없이 쓰기",
    client_text: "같은 모듈로 스크립트가 이벤트를 직접 받을 수 있습니다. 지금 들어오는 이벤트는 다음과 같습니다.",
    heard: "connect()가 받은 이벤트",
    needs_scripts: "종은 JavaScript가 있어야 동작하는데, 이 브라우저에서는 꺼져 있습니다.",
    back: "Campanile로 돌아가기",
    alarm: "주문하신 상품이 출발했습니다",
};
