//! nginx with the nchan module, as Debian packages them: one worker, messages in shared memory, nothing on disk.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Pid;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{alarm_text, channel, endpoint, free_address, user_channel};
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(crate) struct Nchan {
    running: Running,
    address: SocketAddr,
}

impl Nchan {
    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let address = free_address()?;
        let configuration = site.folder.join("nginx.conf");
        fs::write(&configuration, configuration_text(site, address))?;
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(site.folder)
            .arg("-c")
            .arg(&configuration);
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

fn configuration_text(site: &Site<'_>, address: SocketAddr) -> String {
    let folder = site.folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 16000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  nchan_shared_memory_size 512m;
  server {{
    listen {address} backlog=4096;
    location ~ ^/subscribe/(.+)$ {{
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
      nchan_eventsource_event alarm;
      nchan_eventsource_ping_interval 15;
    }}
    location ~ ^/publish/(.+)$ {{
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 60s;
    }}
  }}
}}
"
    )
}

impl Server for Nchan {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let channel = user_channel(user, audience);
        Ok(http::get(
            &format!("/subscribe/{channel}"),
            "Accept: text/event-stream\r\n",
        )
        .into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let path = format!("/publish/{}", channel(audience));
        let headers = "Content-Type: application/json\r\nAccept: text/json\r\n";
        Template::new(&http::post(&path, headers, &alarm_text(audience)))
    }
}
