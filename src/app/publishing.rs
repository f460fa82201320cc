//! `campanile publish`: alarms from a shell.

use std::io::BufRead as _;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::error::StartError;
use crate::app::output;
use crate::app::remote::{Failure, Remote};
use crate::config::PublishCommand;

/// Publishes one alarm, or one for each line of standard input.
pub fn publish(command: &PublishCommand) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(async {
        let publisher = Publisher {
            hub: Remote::new(&command.hub)?,
            command,
        };
        if command.stdin {
            return publisher.lines().await;
        }
        let key = publisher.key(None);
        publisher.one(command.data.as_ref(), &key).await?;
        Ok(())
    })
}

struct Publisher<'a> {
    hub: Remote,
    command: &'a PublishCommand,
}

impl Publisher<'_> {
    /// Stops at the first line that is refused, and names it: the lines before it are stored.
    async fn lines(&self) -> Result<(), StartError> {
        for (number, line) in (1_u64..).zip(std::io::stdin().lock().lines()) {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let data = serde_json::from_str(&line).map_err(|cause| StartError::Line {
                number,
                cause: format!("it is no JSON: {cause}"),
            })?;
            let key = self.key(Some(number));
            self.one(Some(&data), &key)
                .await
                .map_err(|cause| StartError::Line {
                    number,
                    cause: cause.to_string(),
                })?;
        }
        Ok(())
    }

    /// Publishes an alarm. It is tried again where the hub may not have heard: the key keeps it from being stored twice.
    async fn one(&self, data: Option<&Value>, key: &str) -> Result<(), StartError> {
        let body = self.body(data);
        let mut tries = 1;
        let answer = loop {
            match self.hub.post("/api/alarms", &body, key).await {
                Ok(answer) => break answer,
                Err(failure) if failure.may_pass() && tries < MOST_TRIES => {
                    tries += 1;
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
                Err(failure) => return Err(failure.into()),
            }
        };
        self.tell(&answer)
    }

    fn tell(&self, answer: &Value) -> Result<(), StartError> {
        if self.command.json {
            output::line(&answer.to_string())?;
            return Ok(());
        }
        let alarms = answer.get("alarms").and_then(Value::as_array);
        for alarm in alarms.into_iter().flatten() {
            let id = alarm.get("id").and_then(Value::as_i64).unwrap_or_default();
            let topic = alarm.get("topic").and_then(Value::as_str);
            let topic = output::harmless(topic.unwrap_or_default());
            output::line(&format!("stored {id} for {topic}"))?;
        }
        Ok(())
    }

    fn body(&self, data: Option<&Value>) -> Value {
        let to = match (self.command.to.as_slice(), &self.command.room) {
            (_, Some(room)) => json!({ "room": room }),
            ([], None) => json!({ "everyone": true }),
            ([user], None) => json!({ "user": user }),
            (users, None) => json!({ "users": users }),
        };
        let mut body = json!({ "to": to, "alarmType": self.command.alarm_type });
        if let (Some(data), Some(fields)) = (data, body.as_object_mut()) {
            fields.insert("data".to_owned(), data.clone());
        }
        if let (Some(url), Some(fields)) = (&self.command.url, body.as_object_mut()) {
            fields.insert("url".to_owned(), json!(url));
        }
        body
    }

    fn key(&self, line: Option<u64>) -> String {
        match (&self.command.idempotency_key, line) {
            (Some(key), Some(line)) => format!("{key}-{line}"),
            (Some(key), None) => key.clone(),
            (None, _) => Uuid::new_v4().to_string(),
        }
    }
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        Self::Hub(failure.to_string())
    }
}

/// A hub that restarts is back by then.
const MOST_TRIES: u32 = 4;

const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
