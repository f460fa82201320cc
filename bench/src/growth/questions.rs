//! The requests whose cost must not grow with what belongs to others.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::caller::Caller;
use crate::error::Result;
use crate::growth::results::Cost;
use crate::http;
use crate::servers::campanile::{Campanile, token};

/// The parts of a request that a kind of question has.
struct Question {
    name: &'static str,
    method: &'static str,
    /// `{n}` stands for the number of the request, `{type}` for the type of the alarm of that order, `{near}` for an id near the
    /// end of the log.
    path: &'static str,
    body: &'static str,
    /// The user who asks, and their role.
    who: (&'static str, &'static str),
    /// In the body of the answer, so that a quick answer is a right one.
    holds: &'static str,
}

/// Asks every question several times, and gives the median of each.
pub(super) fn ask_all(hub: &Campanile, rows: u64, asked: usize) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for question in &QUESTIONS {
        let mut caller = Caller::connect(hub.address())?;
        let mut times = Vec::new();
        let begin = Instant::now();
        for number in 0..asked + WARMING_UP {
            let request = question.request(number, rows)?;
            let answer = caller
                .ask(&request)
                .map_err(|cause| format!("{}: {cause}", question.name))?;
            if !answer.body.contains(question.holds) {
                return Err(format!("{}: {}", question.name, answer.body).into());
            }
            if number >= WARMING_UP {
                times.push(answer.took);
            }
            // A few repetitions show growth.
            if begin.elapsed() > LONGEST && !times.is_empty() {
                break;
            }
        }
        costs.push(Cost {
            name: question.name,
            millis: median(times).as_secs_f64() * 1e3,
        });
    }
    Ok(costs)
}

impl Question {
    fn request(&self, number: usize, rows: u64) -> Result<String> {
        let filled = |text: &str| {
            // As the alarms of the full inbox were filled in.
            text.replace("{n}", &number.to_string())
                .replace("{type}", &((10 * number + 3) % 7).to_string())
                .replace("{near}", &rows.saturating_sub(1_000).to_string())
        };
        let (user, role) = self.who;
        let bearer = token(user, role)?;
        let body = filled(self.body);
        let kind = match body.as_str() {
            "" => "",
            _ => "Content-Type: application/json\r\n",
        };
        Ok(format!(
            "{} {} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {bearer}\r\nAccept: application/json\r\n{kind}\
             Idempotency-Key: {}{number}\r\nContent-Length: {}\r\n\r\n{body}",
            self.method,
            filled(self.path),
            self.name.len(),
            body.len()
        ))
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The address of a request to publish, for those who only publish.
pub(super) fn publish(number: usize) -> Result<String> {
    let bearer = token("bench", "service")?;
    let body = json!({"to": {"user": "near"}, "alarmType": "BENCH"}).to_string();
    let headers = format!(
        "Authorization: Bearer {bearer}\r\nContent-Type: application/json\r\nIdempotency-Key: publish{number}\r\n"
    );
    Ok(http::post("/api/alarms", &headers, &body))
}

const USER: (&str, &str) = ("near", "user");
const FULL: (&str, &str) = ("full", "user");
const ADMIN: (&str, &str) = ("admin", "admin");
const SERVICE: (&str, &str) = ("bench", "service");

const QUESTIONS: [Question; 15] = [
    get(
        "replay from the first id",
        "/api/stream?cursor=1",
        USER,
        "\"events\":[{",
    ),
    get(
        "replay near the head",
        "/api/stream?cursor={near}",
        USER,
        "\"events\":[{",
    ),
    get(
        "page of a full inbox",
        "/api/alarms?limit=20",
        FULL,
        "\"id\"",
    ),
    get(
        "unread of a full inbox",
        "/api/alarms?status=unread&limit=20",
        FULL,
        "\"id\"",
    ),
    get("counts by type", "/api/alarms/counts", FULL, "TYPE"),
    get("filter by type", "/api/alarms?alarmType=RARE", FULL, "RARE"),
    Question {
        name: "deletion by pair",
        method: "DELETE",
        path: "/api/alarms?targetId=order{n}&alarmType=TYPE{type}",
        body: "",
        who: FULL,
        holds: "",
    },
    get("messages of a room", "/api/rooms/r5/messages", USER, ""),
    get("page of rooms", "/api/rooms?limit=50", USER, "Room"),
    get("admin: recent", "/api/admin/alarms", ADMIN, "TYPE"),
    get("admin: look-up", "/api/admin/users/full", ADMIN, "full"),
    Question {
        name: "number of accounts",
        method: "POST",
        path: "/api/admin/audience",
        body: "{\"to\":{\"everyone\":true}}",
        who: ADMIN,
        holds: "accounts",
    },
    Question {
        name: "change of an account",
        method: "PUT",
        path: "/api/users/near",
        body: "{\"displayName\":\"Near {n}\"}",
        who: SERVICE,
        holds: "",
    },
    Question {
        name: "sign-out",
        method: "POST",
        path: "/api/auth/logout",
        body: "",
        who: FULL,
        holds: "",
    },
    Question {
        name: "publish with a key",
        method: "POST",
        path: "/api/alarms",
        body: "{\"to\":{\"user\":\"near\"},\"alarmType\":\"BENCH\"}",
        who: SERVICE,
        holds: "near",
    },
];

const fn get(
    name: &'static str,
    path: &'static str,
    who: (&'static str, &'static str),
    holds: &'static str,
) -> Question {
    Question {
        name,
        method: "GET",
        path,
        body: "",
        who,
        holds,
    }
}

/// The first requests find nothing in any cache, as after a start, and are not counted.
const WARMING_UP: usize = 3;

/// A question is asked no more after this time.
const LONGEST: Duration = Duration::from_secs(5);
