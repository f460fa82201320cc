//! Pushpin, as Debian packages it: a proxy that holds the streams a back end hands over to it, and its client `zurl`. The back end is a
//! few lines of the bench.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, set_parent_process_death_signal};
use serde_json::json;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::{Running, pause};
use crate::servers::peer::{
    BACKLOG, alarm_text, channel, endpoint, free_address, own_binary, user_channel,
};
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(super) struct Pushpin {
    // Ended in this order: the proxy before what it asks.
    running: Running,
    _client: Running,
    _back_end: Running,
    address: SocketAddr,
    control: SocketAddr,
}

impl Pushpin {
    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let [address, control, back_end] = [free_address()?, free_address()?, free_address()?];
        let mut command = Command::new(own_binary()?);
        command.arg("back-end").arg(back_end.to_string());
        let back_end_running = Running::start(command, site, back_end)?;
        write_configuration(site, address, control, back_end)?;
        let mut command = Command::new("zurl");
        command.arg("--config=zurl.conf");
        let client = Running::start_silent(command, site)?;
        let mut command = Command::new("pushpin");
        command.arg("--config=pushpin.conf");
        let running = Running::start(command, site, address)?;
        wait_until_handed_over(address)?;
        Ok(Self {
            running,
            _client: client,
            _back_end: back_end_running,
            address,
            control,
        })
    }
}

/// The proxy listens before its other processes are there, and refuses what comes until then.
fn wait_until_handed_over(address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + HANDING_OVER;
    loop {
        let mut connection = TcpStream::connect_timeout(&address, HANDING_OVER)?;
        connection.set_read_timeout(Some(HANDING_OVER))?;
        connection.write_all(http::get("/ready", "").as_bytes())?;
        let mut answer = [0; 1_024];
        let count = connection.read(&mut answer)?;
        let answer = answer.get(..count).unwrap_or_default();
        if answer.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
        if Instant::now() > deadline {
            let answer = String::from_utf8_lossy(answer);
            return Err(format!("pushpin hands no stream over: {answer}").into());
        }
        pause();
    }
}

fn write_configuration(
    site: &Site<'_>,
    address: SocketAddr,
    control: SocketAddr,
    back_end: SocketAddr,
) -> Result<()> {
    let folder = site.folder.display().to_string();
    let internal = fs::read_to_string(INTERNAL)
        .map_err(|cause| format!("{INTERNAL}: {cause}; is pushpin installed?"))?
        .replace("/var/run/zurl", &folder);
    fs::write(site.folder.join("internal.conf"), internal)?;
    fs::write(site.folder.join("routes"), format!("* {back_end}\n"))?;
    fs::write(
        site.folder.join("zurl.conf"),
        format!(
            "[General]\nin_spec=ipc://{folder}/zurl-in\nin_stream_spec=ipc://{folder}/zurl-in-stream\n\
             out_spec=ipc://{folder}/zurl-out\nin_req_spec=ipc://{folder}/zurl-req\nipc_file_mode=660\n\
             defpolicy=allow\nmax_open_requests=20000\nbuffer_size=200000\ntimeout=600\nin_hwm=20000\nout_hwm=20000\n"
        ),
    )?;
    let port = control.port();
    let rate = match site.audience {
        Audience::Everyone => GATHERED,
        Audience::OneUser => "",
    };
    fs::write(
        site.folder.join("pushpin.conf"),
        format!(
            "[global]\ninclude={folder}/internal.conf\nrundir={folder}\nipc_prefix=pushpin-\nport_offset=0\n\
             stats_connection_ttl=120\n\
             [runner]\nservices=condure,pushpin-proxy,pushpin-handler\nhttp_port={address}\nlogdir={folder}\nlog_level=1\n\
             client_buffer_size=8192\nclient_maxconn=20000\ncondure_bin=condure\n\
             [proxy]\nroutesfile=routes\ndebug=false\norig_headers_need_mark=\nupdates_check=off\n\
             [handler]\npush_in_spec=ipc://{folder}/push-in\npush_in_sub_specs=ipc://{folder}/push-in-sub\n\
             push_in_sub_connect=false\npush_in_http_addr=127.0.0.1\npush_in_http_port={port}\n\
             push_in_http_max_headers_size=10000\npush_in_http_max_body_size=1000000\n\
             stats_spec=ipc://{folder}/stats\ncommand_spec=ipc://{folder}/command\n\
             {rate}message_wait=5000\nid_cache_ttl=60\n\
             connection_subscription_max=20\nsubscription_linger=60\nstats_subscription_ttl=60\n\
             stats_report_interval=10\nstats_format=tnetstring\n"
        ),
    )?;
    Ok(())
}

impl Server for Pushpin {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            publish: self.control,
            ..endpoint(self.address)
        }
    }

    /// Each asks the back end on a connection of its own.
    fn opens_at_once(&self) -> usize {
        32
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let path = format!("/{}", user_channel(user, audience));
        Ok(http::get(&path, "Accept: text/event-stream\r\n").into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let event = format!(
            "event: alarm\nid: 12345\ndata: {}\n\n",
            alarm_text(audience)
        );
        let formats = json!({"http-stream": {"content": event}});
        let body = json!({"items": [{"channel": channel(audience), "formats": formats}]});
        let headers = "Content-Type: application/json\r\n";
        Template::new(&http::post("/publish/", headers, &body.to_string()))
    }
}

/// The back end's process: hands every request over to the proxy, on the channel its path names.
pub(crate) fn serve_back_end(address: SocketAddr) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let listener = TcpListener::bind(address)?;
    // Every stream the bench opens asks here at once.
    rustix::net::listen(&listener, BACKLOG)?;
    for connection in listener.incoming().flatten() {
        // The proxy keeps a few connections and asks on them again and again.
        std::thread::spawn(move || hand_over(connection));
    }
    Ok(())
}

fn hand_over(mut connection: TcpStream) -> Option<()> {
    let mut inbox = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let count = connection.read(&mut part).ok().filter(|count| *count > 0)?;
        inbox.extend_from_slice(part.get(..count)?);
        while let Some((_, length)) = http::answer(&inbox) {
            let request: Vec<u8> = inbox.drain(..length).collect();
            let path = request.split(|byte| *byte == b' ').nth(1)?;
            let channel = String::from_utf8_lossy(path.strip_prefix(b"/")?);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nGrip-Hold: stream\r\n\
                 Grip-Channel: {channel}\r\nContent-Length: 6\r\n\r\n: hi\n\n"
            );
            connection.write_all(answer.as_bytes()).ok()?;
        }
    }
}

/// The time that its processes have to find each other.
const HANDING_OVER: Duration = Duration::from_secs(20);

/// With a rate, however high, it sends in batches, no more often than every 25 ms and later while more keeps coming. That makes a broadcast five
/// times cheaper, since what gathered for a stream is one write, and a personal alarm three times slower, so those have none.
const GATHERED: &str = "message_rate=1000000\nmessage_hwm=1000000\n";

/// The path at which Debian installs the part of the configuration that is not meant to be changed.
const INTERNAL: &str = "/usr/lib/pushpin/internal.conf";
