//! The texts of `/compare` in each language, side by side: most of them are one table.

use crate::pages::words::Phrase;

/// The texts of `/compare`.
pub(crate) struct Compare {
    pub(crate) title: &'static str,
    /// The text before the name of the route; `lead_after` is the text after it.
    pub(crate) lead_before: &'static str,
    pub(crate) lead_after: &'static str,
    pub(crate) needs_scripts: &'static str,
    pub(crate) run: &'static str,
    pub(crate) count: &'static str,
    pub(crate) rate: &'static str,
    pub(crate) poll: &'static str,
    pub(crate) second: &'static str,
    pub(crate) start: &'static str,
    pub(crate) cut_all: &'static str,
    pub(crate) progress: &'static str,
    /// The text of a test alarm, with its number.
    pub(crate) alarm: Phrase,
    pub(crate) arrivals: &'static str,
    pub(crate) time_axis: &'static str,
    pub(crate) latency_axis: &'static str,
    pub(crate) limit_title: &'static str,
    pub(crate) measure_limit: &'static str,
    pub(crate) properties_title: &'static str,
    pub(crate) legend: &'static str,
    /// The names of the transports, in the order of the columns.
    pub(crate) transports: [&'static str; 5],
    pub(crate) properties: [Property; 6],
    pub(crate) notes_title: &'static str,
    pub(crate) notes: [Note; 7],
}

/// One row of the table: the generally known property of each transport.
pub(crate) struct Property {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) said: [&'static str; 5],
}

/// An explanation of one figure.
pub(crate) struct Note {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

pub(super) const ENGLISH: Compare = Compare {
    title: "The five transports compared",
    lead_before: "This page opens all five transports of",
    lead_after: "at once, each with a cursor of its own, and publishes test alarms to you alone. What you see is your browser, your network and this hub.",
    needs_scripts: "Measuring needs JavaScript, which is off in this browser. The table below holds all the same.",
    run: "A run",
    count: "Alarms",
    rate: "Per second",
    poll: "Poll every",
    second: " s",
    start: "Publish test alarms",
    cut_all: "Cut all five",
    progress: "Test alarms published",
    alarm: Phrase("Test alarm {0}"),
    arrivals: "When each alarm arrived",
    time_axis: "The last 20 seconds",
    latency_axis: "From publishing to arrival: p50\u{a0}│, p99\u{a0}┊",
    limit_title: "How many streams does this browser open?",
    measure_limit: "Measure the connection limit",
    properties_title: "What sets them apart",
    legend: "measured on this page just now; everything else is what is commonly said.",
    transports: [
        "SSE",
        "WebSocket",
        "HTTP streaming",
        "Long polling",
        "Polling",
    ],
    properties: [
        Property {
            key: "direction",
            name: "Direction",
            said: [
                "hub to browser",
                "both directions",
                "hub to browser",
                "hub to browser, once per request",
                "the browser asks",
            ],
        },
        Property {
            key: "data",
            name: "Data",
            said: [
                "UTF-8 text, in events",
                "text or binary, in frames",
                "anything; here a JSON object a line",
                "anything; here a JSON list",
                "anything; here a JSON list",
            ],
        },
        Property {
            key: "reconnection",
            name: "Automatic reconnection",
            said: [
                "by the browser, with Last-Event-ID",
                "none: the page’s own work",
                "none: the page’s own work",
                "the next request",
                "the next request",
            ],
        },
        Property {
            key: "connections",
            name: "Connections per browser",
            said: [
                "one each of the six on HTTP/1.1; one for all on HTTP/2",
                "one each, outside of the six",
                "one each of the six on HTTP/1.1; one for all on HTTP/2",
                "one each of the six, nearly always",
                "one of the six, for a moment",
            ],
        },
        Property {
            key: "protocol",
            name: "Protocol",
            said: [
                "HTTP/1.1 or HTTP/2",
                "its own, after an HTTP/1.1 upgrade",
                "HTTP/1.1 or HTTP/2",
                "HTTP/1.1 or HTTP/2",
                "HTTP/1.1 or HTTP/2",
            ],
        },
        Property {
            key: "proxies",
            name: "Proxies",
            said: [
                "pass it, if they do not buffer",
                "must know the upgrade",
                "pass it, if they do not buffer",
                "pass it, if they wait long enough",
                "pass it",
            ],
        },
    ],
    notes_title: "What the figures include",
    notes: [
        Note {
            name: "Time.",
            text: "From just before the publish request leaves the page until the page has the alarm in hand, on one clock. So it includes that request, the commit to disk and the way back. The first lane shows the publish request’s own time, from leaving to its 201. p50 and p99 are the times within which half of the alarms, and 99 of 100, arrived. An alarm published while a way was cut off counts with all the time until it came.",
        },
        Note {
            name: "Requests.",
            text: "Every request a transport made during the run, those that brought nothing included.",
        },
        Note {
            name: "Bytes.",
            text: "Everything received: bodies, events and heartbeats as they are on the wire, frame headers of WebSocket, and 300 bytes for the header of each answer, which is what the browser’s own Resource Timing counts. For requests that are over, the browser’s figure is taken. Not included, because browsers do not tell it: the requests themselves with their cookie, TLS, TCP and chunk marks, and the comments of SSE.",
        },
        Note {
            name: "Connections held.",
            text: "How much of the run a transport had a request open: 1.00 is one connection all the time. On HTTP/2 these are streams of one connection.",
        },
        Note {
            name: "A cut.",
            text: "The hub ends the stream of SSE, WebSocket and HTTP streaming. SSE is left to the browser, which waits as long as the hub’s retry: says; the others are opened again by this page after half a second to one and a half. A long poll is broken off while it waits; of a poll the next answer is thrown away unread. Then every alarm published meanwhile is looked for.",
        },
        Note {
            name: "The log.",
            text: "When a run is over, the page reads the log once more from where the run began and compares it, id by id, with what each way brought.",
        },
        Note {
            name: "Your inbox.",
            text: "The test alarms are yours alone; other open pages of yours count them as new until the run is over. Then this page deletes them from your inbox. If it is closed before, they expire after five minutes.",
        },
    ],
};

pub(super) const KOREAN: Compare = Compare {
    title: "알림을 받는 다섯 가지 방법",
    lead_before: "이 페이지는",
    lead_after: "의 다섯 가지 방법을 저마다의 커서로 한꺼번에 열고, 나에게만 시험 알림을 보냅니다. 보이는 것은 내 브라우저와 내 네트워크, 그리고 이 허브입니다.",
    needs_scripts: "측정에는 JavaScript가 필요하지만 이 브라우저에서는 꺼져 있습니다. 아래 표는 그대로 유효합니다.",
    run: "측정",
    count: "알림 수",
    rate: "초당",
    poll: "폴링 간격",
    second: "초",
    start: "시험 알림 보내기",
    cut_all: "모두 끊기",
    progress: "보낸 시험 알림",
    alarm: Phrase("시험 알림 {0}"),
    arrivals: "알림이 도착한 때",
    time_axis: "최근 20초",
    latency_axis: "보낸 뒤 도착까지: p50\u{a0}│, p99\u{a0}┊",
    limit_title: "이 브라우저는 스트림을 몇 개까지 열까요?",
    measure_limit: "연결 한도 재기",
    properties_title: "무엇이 다른가",
    legend: "방금 이 페이지에서 측정한 값입니다. 나머지는 흔히 알려진 내용입니다.",
    transports: ["SSE", "WebSocket", "HTTP 스트리밍", "롱 폴링", "폴링"],
    properties: [
        Property {
            key: "direction",
            name: "방향",
            said: [
                "허브에서 브라우저로",
                "양방향",
                "허브에서 브라우저로",
                "요청마다 한 번, 허브에서 브라우저로",
                "브라우저가 물어봄",
            ],
        },
        Property {
            key: "data",
            name: "데이터",
            said: [
                "UTF-8 텍스트, 이벤트 단위",
                "텍스트 또는 바이너리, 프레임 단위",
                "무엇이든. 여기서는 한 줄에 JSON 객체 하나",
                "무엇이든. 여기서는 JSON 목록",
                "무엇이든. 여기서는 JSON 목록",
            ],
        },
        Property {
            key: "reconnection",
            name: "자동 재연결",
            said: [
                "브라우저가 Last-Event-ID와 함께",
                "없음. 페이지가 직접",
                "없음. 페이지가 직접",
                "다음 요청이 곧 재연결",
                "다음 요청이 곧 재연결",
            ],
        },
        Property {
            key: "connections",
            name: "브라우저당 연결",
            said: [
                "HTTP/1.1에서는 여섯 개 중 하나씩, HTTP/2에서는 모두 하나로",
                "하나씩, 여섯 개와 별도",
                "HTTP/1.1에서는 여섯 개 중 하나씩, HTTP/2에서는 모두 하나로",
                "거의 항상 여섯 개 중 하나씩",
                "잠깐 동안만 여섯 개 중 하나",
            ],
        },
        Property {
            key: "protocol",
            name: "프로토콜",
            said: [
                "HTTP/1.1 또는 HTTP/2",
                "HTTP/1.1 업그레이드 후 전용 프로토콜",
                "HTTP/1.1 또는 HTTP/2",
                "HTTP/1.1 또는 HTTP/2",
                "HTTP/1.1 또는 HTTP/2",
            ],
        },
        Property {
            key: "proxies",
            name: "프록시",
            said: [
                "버퍼링하지 않으면 통과",
                "업그레이드를 알아야 통과",
                "버퍼링하지 않으면 통과",
                "충분히 기다려 주면 통과",
                "통과",
            ],
        },
    ],
    notes_title: "값에 포함된 것",
    notes: [
        Note {
            name: "시간.",
            text: "보내는 요청이 페이지를 떠나기 직전부터 페이지가 알림을 손에 쥘 때까지를 한 시계로 잽니다. 그 요청과 디스크에 저장하는 시간, 돌아오는 길이 모두 들어 있습니다. 첫 줄은 보내는 요청이 201을 받기까지 걸린 시간입니다. p50과 p99는 알림의 절반, 그리고 100개 중 99개가 도착한 시간입니다. 끊긴 동안 보낸 알림은 도착할 때까지 걸린 시간을 모두 셉니다.",
        },
        Note {
            name: "요청.",
            text: "측정하는 동안 그 방법이 보낸 모든 요청이며, 아무것도 가져오지 못한 요청도 셉니다.",
        },
        Note {
            name: "바이트.",
            text: "받은 것 전부입니다. 본문과 이벤트, 하트비트, WebSocket의 프레임 헤더, 그리고 응답마다 헤더 몫으로 300바이트를 더합니다. 브라우저의 Resource Timing이 세는 방식입니다. 끝난 요청은 브라우저가 알려 준 값을 씁니다. 브라우저가 알려 주지 않는 것, 곧 쿠키를 포함한 요청 자체와 TLS, TCP, 청크 표시, SSE의 주석은 들어 있지 않습니다.",
        },
        Note {
            name: "차지한 연결.",
            text: "측정 시간 가운데 요청이 열려 있던 비율입니다. 1.00이면 연결 하나를 내내 차지한 것입니다. HTTP/2에서는 연결 하나에 속한 스트림입니다.",
        },
        Note {
            name: "끊기.",
            text: "SSE와 WebSocket, HTTP 스트리밍은 허브가 스트림을 끝냅니다. SSE는 브라우저에 맡기며, 브라우저는 허브가 retry:로 알린 만큼 기다립니다. 나머지는 이 페이지가 0.5초에서 1.5초 뒤에 다시 엽니다. 롱 폴링은 기다리는 중에 끊고, 폴링은 다음 응답을 읽지 않고 버립니다. 그런 다음 그동안 보낸 알림을 하나하나 찾습니다.",
        },
        Note {
            name: "로그.",
            text: "측정이 끝나면 시작한 곳부터 로그를 다시 읽어, 각 방법이 가져온 것과 번호 하나하나를 비교합니다.",
        },
        Note {
            name: "알림함.",
            text: "시험 알림은 나에게만 옵니다. 측정이 끝날 때까지 열려 있는 다른 페이지에서는 새 알림으로 셉니다. 끝나면 이 페이지가 알림함에서 지웁니다. 그 전에 페이지를 닫으면 5분 뒤에 사라집니다.",
        },
    ],
};
