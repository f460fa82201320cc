//! The URL of a database on one or several servers: libpq's form, and those of its parameters that are understood.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::RootCertStore;
use tokio_postgres::Config;
use tokio_postgres::config::{Host as HostName, SslMode, TargetSessionAttrs};

use crate::store::postgres::failure::told;
use crate::store::postgres::host::Host;
use crate::store::postgres::secrets::without_secrets;
use crate::store::postgres::timeline::Newest;
use crate::store::postgres::tls::{Connector, Trust, authorities, compiled_in};

/// The servers a database may be on, and how they are reached.
#[derive(Clone)]
pub(crate) struct Address {
    url: String,
    hosts: Vec<Host>,
    connector: Connector,
    must_write: bool,
    newest: Newest,
}

impl Address {
    /// Reads a URL. An error names the fault without the password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        Self::read(url).map_err(|message| without_secrets(url, message))
    }

    fn read(url: &str) -> Result<Self, String> {
        let (front, query) = split(url);
        let mut given = Given::default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            given.take(pair)?;
        }
        let plain = format!("{front}?{}", given.plain.join("&"));
        let config = plain.parse::<Config>().map_err(|cause| {
            format!("not a postgres:// URL that is understood: {}", told(&cause))
        })?;
        let hosts = given.hosts(&config)?;
        Ok(Self {
            must_write: given.writes.unwrap_or(hosts.len() > 1),
            connector: given.connector()?,
            newest: Newest::default(),
            hosts,
            url: url.to_owned(),
        })
    }

    /// The servers, in the order they are tried.
    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// True if a server that takes no writes is passed over.
    pub(super) fn must_write(&self) -> bool {
        self.must_write
    }

    /// The newest of the servers, as far as it was seen.
    pub(super) fn newest(&self) -> &Newest {
        &self.newest
    }

    /// A message that may be shown: without the password, should it quote that.
    pub(in crate::store) fn without_secrets(&self, message: String) -> String {
        without_secrets(&self.url, message)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for Address {}

/// The parameters of a URL.
#[derive(Default)]
struct Given<'a> {
    /// Those that `tokio-postgres` reads as libpq does.
    plain: Vec<&'a str>,
    mode: Mode,
    authorities: Option<RootCertStore>,
    writes: Option<bool>,
    connect: Option<Duration>,
    unacknowledged: Option<Duration>,
    keepalive_idle: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_count: Option<u32>,
}

/// The degree of TLS that is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyAuthority,
    VerifyFull,
}

impl<'a> Given<'a> {
    fn take(&mut self, pair: &'a str) -> Result<(), String> {
        let (name, value) = pair
            .split_once('=')
            .ok_or("a parameter of the URL has no value")?;
        let value = percent_decode_str(value).decode_utf8_lossy();
        match name {
            "user" | "password" | "dbname" | "host" | "port" | "application_name" | "options"
            | "keepalives" => self.plain.push(pair),
            "sslmode" => self.mode = mode(&value)?,
            "sslrootcert" => self.authorities = Some(authorities(&value)?),
            "target_session_attrs" => self.writes = Some(writes(&value)?),
            "connect_timeout" => self.connect = Some(seconds(name, &value)?),
            "tcp_user_timeout" => {
                self.unacknowledged = Some(Duration::from_millis(number(name, &value)?));
            }
            "keepalives_idle" => self.keepalive_idle = Some(seconds(name, &value)?),
            "keepalives_interval" => self.keepalive_interval = Some(seconds(name, &value)?),
            "keepalives_count" => {
                let count = u32::try_from(number(name, &value)?);
                self.keepalive_count = Some(count.unwrap_or(u32::MAX));
            }
            _ => return Err(format!("the URL has an unknown parameter, {name}; {KNOWN}")),
        }
        Ok(())
    }

    fn connector(self) -> Result<Connector, String> {
        let trust = match self.mode {
            Mode::VerifyFull => Trust::AuthorityAndName,
            Mode::VerifyAuthority => Trust::Authority,
            // As with libpq.
            Mode::Require if self.authorities.is_some() => Trust::Authority,
            Mode::Disable | Mode::Prefer | Mode::Require => Trust::Any,
        };
        let authorities = self.authorities.unwrap_or_else(compiled_in);
        Connector::new(trust, authorities).map_err(|cause| format!("TLS is not possible: {cause}"))
    }

    fn hosts(&self, config: &Config) -> Result<Vec<Host>, String> {
        let (names, ports) = (config.get_hosts(), config.get_ports());
        if names.is_empty() {
            return Err(
                "the URL names no host; a local socket is named by its folder: \
                 postgres:///DATABASE?host=/run/postgresql"
                    .to_owned(),
            );
        }
        if ports.len() > 1 && ports.len() != names.len() {
            return Err("the URL does not have one port, or one for each host".to_owned());
        }
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        Ok(names
            .iter()
            .enumerate()
            .map(|(index, name)| self.host(config, name, port(index), names.len() > 1))
            .collect())
    }

    fn host(&self, all: &Config, name: &HostName, port: u16, is_one_of_many: bool) -> Host {
        let within = self.connect.unwrap_or(CONNECT_WITHIN);
        let mut config = Config::new();
        let name = match name {
            HostName::Tcp(name) => {
                config.host(name).ssl_mode(self.ssl_mode());
                format!("{name}:{port}")
            }
            HostName::Unix(path) => {
                config.host_path(path).ssl_mode(SslMode::Disable);
                path.display().to_string()
            }
        };
        config
            .port(port)
            .application_name(all.get_application_name().unwrap_or("campanile"))
            .connect_timeout(within)
            .tcp_user_timeout(self.unacknowledged.unwrap_or(UNACKNOWLEDGED_WITHIN))
            .keepalives(all.get_keepalives())
            .keepalives_idle(self.keepalive_idle.unwrap_or(KEEPALIVE_IDLE))
            .keepalives_interval(self.keepalive_interval.unwrap_or(KEEPALIVE_INTERVAL))
            .keepalives_retries(self.keepalive_count.unwrap_or(KEEPALIVE_COUNT));
        if self.writes.unwrap_or(is_one_of_many) {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        all.get_user().map(|user| config.user(user));
        all.get_password().map(|password| config.password(password));
        all.get_dbname().map(|database| config.dbname(database));
        all.get_options().map(|options| config.options(options));
        Host::new(name, config, within)
    }

    fn ssl_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyAuthority | Mode::VerifyFull => SslMode::Require,
        }
    }
}

/// The URL before its parameters, and those. A password may have a `?`, if there is an `@` behind it.
fn split(url: &str) -> (&str, &str) {
    let host = url.find('@').unwrap_or(0);
    let question = url.get(host..).and_then(|rest| rest.find('?'));
    let parts = question.and_then(|at| url.split_at_checked(host + at));
    parts.map_or((url, ""), |(front, query)| {
        (front, query.trim_start_matches('?'))
    })
}

fn mode(value: &str) -> Result<Mode, String> {
    Ok(match value {
        "disable" => Mode::Disable,
        "prefer" => Mode::Prefer,
        "require" => Mode::Require,
        "verify-ca" => Mode::VerifyAuthority,
        "verify-full" => Mode::VerifyFull,
        _ => {
            return Err("sslmode is disable, prefer, require, verify-ca or verify-full".to_owned());
        }
    })
}

/// A hub has to write, so a standby is of no use to it.
fn writes(value: &str) -> Result<bool, String> {
    match value {
        "any" => Ok(false),
        "read-write" | "primary" => Ok(true),
        _ => Err("target_session_attrs is any, read-write or primary".to_owned()),
    }
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{name} is not a number above 0"))
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    Ok(Duration::from_secs(number(name, value)?))
}

const KNOWN: &str = "known are sslmode, sslrootcert, target_session_attrs, connect_timeout, host, port, user, password, \
     dbname, application_name, options, keepalives, keepalives_idle, keepalives_interval, keepalives_count and \
     tcp_user_timeout";

/// For each of several hosts.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A server that vanished without a word is noticed after about this long.
const UNACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

const KEEPALIVE_COUNT: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Address::parse(url).err().expect("a refusal")
    }

    fn hosts(url: &str) -> Vec<String> {
        let address = Address::parse(url).expect("an address");
        let hosts = address.hosts().iter();
        hosts.map(|host| host.name().to_owned()).collect()
    }

    #[test]
    fn every_wait_for_a_server_is_bounded_unless_the_url_says_otherwise() {
        let of = |url: &str| {
            let address = Address::parse(url).expect("an address");
            address.hosts()[0].clone()
        };
        let plain = of("postgres://hub@db/hub");
        let chosen =
            of("postgres://hub@db/hub?sslmode=require&connect_timeout=30&keepalives_idle=60");

        assert_eq!(plain.within(), CONNECT_WITHIN);
        assert_eq!(plain.config().get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(plain.config().get_application_name(), Some("campanile"));
        assert_eq!(chosen.within(), Duration::from_secs(30));
        assert_eq!(
            chosen.config().get_keepalives_idle(),
            Duration::from_secs(60)
        );
        assert_eq!(chosen.config().get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn several_hosts_are_tried_in_their_order_and_the_one_that_writes_is_meant() {
        let several = "postgres://hub@one:5433,two:5434,three/hub";
        let chosen = format!("{several}?target_session_attrs=any");

        assert_eq!(hosts(several), ["one:5433", "two:5434", "three:5432"]);
        assert!(Address::parse(several).is_ok_and(|address| address.must_write()));
        assert!(Address::parse(&chosen).is_ok_and(|address| !address.must_write()));
        assert!(Address::parse("postgres://db/hub").is_ok_and(|address| !address.must_write()));
    }

    #[test]
    fn a_local_socket_is_named_by_its_folder() {
        assert_eq!(
            hosts("postgres:///hub?host=/run/postgresql"),
            ["/run/postgresql"]
        );
        assert!(refusal("postgres:///hub").contains("names no host"));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name() {
        for (query, named) in [
            ("gssencmode=disable", "gssencmode"),
            ("sslmode=maybe", "verify-full"),
            ("sslrootcert=/nowhere/root.pem", "/nowhere/root.pem"),
            ("target_session_attrs=standby", "read-write"),
            ("connect_timeout=0", "connect_timeout"),
            ("connect_timeout=soon", "connect_timeout"),
            ("port=none", "port"),
            ("sslmode", "no value"),
        ] {
            let said = refusal(&format!("postgres://hub:sesame@db/hub?{query}"));

            assert!(said.contains(named), "{query}: {said}");
            assert!(!said.contains("sesame"), "{query}: {said}");
        }
    }

    #[test]
    fn a_password_is_shown_in_no_message() {
        for url in [
            "postgres://hub:sesame@db/hub",
            "postgres://hub:sesame@[db/hub",
            "postgres://db/hub?user=hub&password=sesame",
            "postgres://hub:ses/ame@db/hub",
            "postgres://hub:ses@ame@db/hub",
            "postgres://hub:ses@ame?x=y@db/hub",
        ] {
            let quoted =
                format!("cannot read {url:?}: no such host \"sesame\", \"ses\" or \"ame@db\"");

            let shown = without_secrets(url, quoted);
            let refused = Address::parse(url).err().unwrap_or_default();

            let secret = if url.contains("sesame") {
                "sesame"
            } else {
                "ame"
            };
            assert!(!shown.contains(secret), "{url}: {shown}");
            assert!(!refused.contains(secret), "{url}: {refused}");
        }
    }
}
