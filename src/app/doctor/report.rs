//! The findings of the doctor, for a person and as JSON.

use serde::Serialize;

use crate::app::error::StartError;
use crate::app::output;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// Its name.
    pub(super) name: &'static str,
    /// False for a fault.
    pub(super) ok: bool,
    /// The observation.
    pub(super) found: String,
    /// The lines that mend it.
    pub(super) mend: Option<&'static Mend>,
}

/// The lines that mend a fault.
#[derive(Debug, Serialize)]
pub(super) struct Mend {
    /// For nginx.
    pub(super) nginx: &'static str,
    /// For HAProxy.
    pub(super) haproxy: &'static str,
    /// For Caddy.
    pub(super) caddy: &'static str,
    /// For others: where to read on.
    pub(super) others: &'static str,
}

#[derive(Serialize)]
struct Report<'a> {
    url: &'a str,
    checks: &'a [Check],
}

impl Check {
    /// Nothing is wrong.
    pub(super) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            found: found.into(),
            mend: None,
        }
    }

    /// The same under the name of another check.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// A fault.
    pub(super) fn fault(mend: (&'static str, &'static Mend), found: impl Into<String>) -> Self {
        Self {
            name: mend.0,
            ok: false,
            found: found.into(),
            mend: Some(mend.1),
        }
    }
}

/// Prints the checks; an error if one found a fault.
pub(super) fn print(url: &str, checks: &[Check], as_json: bool) -> Result<(), StartError> {
    if as_json {
        let report = serde_json::to_string(&Report { url, checks });
        output::line(&report.unwrap_or_default())?;
    } else {
        for check in checks {
            print_one(check)?;
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        1 => Err(StartError::Refused("1 finding".to_owned())),
        many => Err(StartError::Refused(format!("{many} findings"))),
    }
}

fn print_one(check: &Check) -> Result<(), StartError> {
    let state = if check.ok { "ok " } else { "BAD" };
    let found = output::harmless(&check.found);
    output::line(&format!("{state}  {:<17} {found}", check.name))?;
    let Some(mend) = check.mend else {
        return Ok(());
    };
    for (whom, line) in [
        ("nginx", mend.nginx),
        ("HAProxy", mend.haproxy),
        ("Caddy", mend.caddy),
        ("others", mend.others),
    ] {
        output::line(&format!("       {whom:<8} {line}"))?;
    }
    Ok(())
}
