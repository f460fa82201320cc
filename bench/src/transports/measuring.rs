//! One transport at one rate: a hub started for it, its clients opened, a short run that does not count, and one that does.

use std::time::Duration;

use tempfile::TempDir;

use crate::clock::nanos;
use crate::cpu::Meter;
use crate::error::Result;
use crate::figures::Figures;
use crate::ground::Ground;
use crate::http::user_name;
use crate::proc;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::transports::books::Books;
use crate::transports::crowd::Crowd;
use crate::transports::terms::Terms;
use crate::transports::transport::Transport;

/// Measures one transport at one rate.
pub(super) fn measure(
    ground: &Ground,
    terms: &Terms,
    transport: Transport,
    rate: f64,
) -> Result<Figures> {
    let folder = TempDir::with_prefix_in("bench-", ground.data())?;
    let hub = Campanile::start(&ground.site(folder.path()))?;
    hub.introduce(terms.clients)?;
    hub.make_rooms(terms.rooms)?;
    let template = hub.publish_to_room()?;
    let mut crowd = Crowd::new(
        transport,
        hub.endpoint().subscribe,
        terms.poll_every(),
        template,
    )?;
    crowd.rest(SETTLING)?;
    let empty = proc::pss_of_tree(hub.pid())?;
    crowd.open(clients(terms)?)?;
    crowd.rest(SETTLING)?;
    let open = proc::pss_of_tree(hub.pid())?;
    publish(&mut crowd, terms, 1, rate.max(WARMING_UP_RATE), WARMING_UP)?;

    let cut_off = crowd.cut_off;
    let traffic = crowd.traffic();
    let start = crowd.clock().nanos();
    let (cpu, own) = (Meter::of_tree(hub.pid())?, Meter::of_bench());
    let books = publish(&mut crowd, terms, 2, rate, terms.lasting(rate))?;
    let seconds = (crowd.clock().nanos() - start) as f64 / 1e9;
    let cpu = Meter::of_tree(hub.pid())?.since(&cpu).total;
    let own = Meter::of_bench().since(&own).total;

    let mut figures = Figures::default();
    let deliveries = books.deliveries as f64;
    let clients = terms.clients as f64;
    let now = crowd.traffic();
    figures.set("deliveries", deliveries);
    figures.set("deliveries_per_s", deliveries / seconds);
    figures.set("cpu_us", cpu * 1e6 / deliveries);
    figures.set("cpu_share", cpu / seconds);
    figures.set("own_cpu_share", own / seconds);
    figures.set(
        "pss_bytes_per_client",
        open.saturating_sub(empty) as f64 / clients,
    );
    figures.set("pss_mb", proc::pss_of_tree(hub.pid())? as f64 / 1e6);
    let of = |now: u64, before: u64| (now.saturating_sub(before)) as f64 / deliveries;
    figures.set("sent_bytes", of(now.sent, traffic.sent));
    figures.set("received_bytes", of(now.received, traffic.received));
    figures.set(
        "wire_bytes",
        of(now.sent + now.received, traffic.sent + traffic.received),
    );
    figures.set("requests", of(now.requests, traffic.requests));
    set_latency(&mut figures, &books);
    set_books(&mut figures, &books);
    figures.set("cut_off", (crowd.cut_off - cut_off) as f64);
    Ok(figures)
}

/// The authorization and the room of each client.
fn clients(terms: &Terms) -> Result<Vec<(String, String)>> {
    (0..terms.clients)
        .map(|client| {
            let authorization = Campanile::authorization(client)?;
            Ok((authorization, user_name(client % terms.rooms)))
        })
        .collect()
}

fn publish(
    crowd: &mut Crowd,
    terms: &Terms,
    number: u32,
    rate: f64,
    lasting: Duration,
) -> Result<Books> {
    let members = (0..terms.rooms)
        .map(|room| (terms.clients - room).div_ceil(terms.rooms))
        .map(u32::try_from);
    let members = members.collect::<std::result::Result<Vec<_>, _>>()?;
    let start = crowd.clock().nanos();
    let stop = start + nanos(lasting);
    crowd.measure(Books::open(number, members, rate, start, stop)?, stop)
}

fn set_latency(figures: &mut Figures, books: &Books) {
    let of = |quantile| books.latency.value_at_quantile(quantile) as f64 / 1_000.0;
    figures.set("p50_ms", of(0.5));
    figures.set("p90_ms", of(0.9));
    figures.set("p99_ms", of(0.99));
}

fn set_books(figures: &mut Figures, books: &Books) {
    let reconciled = books.reconcile();
    figures.set("lost", reconciled.lost as f64);
    figures.set("repeated", reconciled.repeated as f64);
    figures.set("reordered", reconciled.reordered as f64);
    figures.set("failed", books.failed as f64);
}

/// The time after which the hub has finished its work behind the answers, and the first events of a crowd have arrived.
const SETTLING: Duration = Duration::from_millis(700);

/// Long enough that caches are warm and connections have grown their buffers.
const WARMING_UP: Duration = Duration::from_secs(1);

/// So that a slow rate is warm as well.
const WARMING_UP_RATE: f64 = 2.0;
