//! 256 publishers in closed loop for 256 readers, beside more and more subscriptions that match nothing of it.

use std::time::Duration;

use crate::args::MercureCommand;
use crate::cpu::Meter;
use crate::error::Result;
use crate::http::user_name;
use crate::mercure::hub::{Hub, topic};
use crate::mercure::results::Step;
use crate::swarm::{Audience, Pacing, Plan, Swarm, Waiting};

/// Measures each step. The first one is repeated at the end, so that a change of the machine shows.
pub(super) fn measure(hub: &Hub, command: &MercureCommand) -> Result<Vec<Step>> {
    let (exact, patterns) = (command.exact.min(15_000), command.patterns.min(5_000));
    let mut readers = Swarm::new(hub.endpoint())?;
    let of_reader = |number| {
        let name = user_name(number);
        let digits = name.trim_start_matches('u');
        request(hub, &format!("match={}", topic(digits)))
    };
    readers.open((0..READERS).map(of_reader).collect(), OPENED_AT_ONCE)?;
    let mut steps = vec![publish(hub, &mut readers, command, "nothing".to_owned())?];
    let mut others = Swarm::new(hub.endpoint())?;
    let mut open = |from: usize, to: usize, query: &str| -> Result<()> {
        let of_other = |number: usize| request(hub, &query.replace("{n}", &number.to_string()));
        others.open((from..to).map(of_other).collect(), OPENED_AT_ONCE)?;
        Ok(())
    };
    let tenth = exact / 10;
    open(0, tenth, EXACT)?;
    steps.push(publish(
        hub,
        &mut readers,
        command,
        format!("{tenth} exact topics"),
    )?);
    open(tenth, exact, EXACT)?;
    let text = format!("{exact} exact topics");
    steps.push(publish(hub, &mut readers, command, text)?);
    open(0, patterns, OTHER_PATH)?;
    let text = format!("{exact} exact topics, {patterns} patterns of other paths");
    steps.push(publish(hub, &mut readers, command, text)?);
    others.close();
    for (name, query) in [
        ("patterns of other paths", OTHER_PATH),
        ("patterns of other hosts with the same path", OTHER_HOST),
        ("URI Templates of other paths", TEMPLATE),
    ] {
        let mut others = Swarm::new(hub.endpoint())?;
        let of_other = |number: usize| request(hub, &query.replace("{n}", &number.to_string()));
        others.open((0..patterns).map(of_other).collect(), OPENED_AT_ONCE)?;
        steps.push(publish(
            hub,
            &mut readers,
            command,
            format!("{patterns} {name}"),
        )?);
    }
    steps.push(publish(
        hub,
        &mut readers,
        command,
        "nothing, again".to_owned(),
    )?);
    Ok(steps)
}

fn request(hub: &Hub, query: &str) -> Vec<u8> {
    hub.subscribe(query).into_bytes()
}

/// Publishes for a while, after a short run that does not count.
fn publish(
    hub: &Hub,
    readers: &mut Swarm,
    command: &MercureCommand,
    beside: String,
) -> Result<Step> {
    readers.rest(SETTLING)?;
    readers.publishers(PUBLISHERS, &hub.template()?)?;
    let plan = Plan {
        audience: Audience::OneUser,
        publishers: PUBLISHERS,
        pacing: Pacing::Closed { window: 1 },
        waiting: Waiting::Awake,
        lasting: WARMING_UP,
    };
    readers.publish(&plan)?;
    let before = Meter::of_tree(hub.pid())?;
    let phase = readers.publish(&Plan {
        lasting: command.lasting(),
        ..plan
    })?;
    let spent = Meter::of_tree(hub.pid())?.since(&before);
    let books = phase.reconcile();
    let ms = |quantile| phase.latency.value_at_quantile(quantile) as f64 / 1_000.0;
    let step = Step {
        beside,
        updates_per_second: phase.answered as f64 / phase.seconds(),
        cpu_micros: spent.total * 1e6 / phase.answered as f64,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        faults: books.lost + books.repeated + books.reordered + phase.failed,
    };
    eprintln!(
        "  beside {}: {:.0} updates/s, {:.1} us each",
        step.beside, step.updates_per_second, step.cpu_micros
    );
    Ok(step)
}

const READERS: usize = 256;

const PUBLISHERS: usize = 256;

const EXACT: &str = "match=https://example.com/others/{n}";

const OTHER_PATH: &str = "match_urlpattern=https://example.com/shelf{n}/:book";

const OTHER_HOST: &str = "match_urlpattern=https://host{n}.example.com/books/:book";

const TEMPLATE: &str = "topic=https://example.com/shelf{n}/%7Bbook%7D";

const OPENED_AT_ONCE: usize = 64;

/// The hub has finished its work behind the answers.
const SETTLING: Duration = Duration::from_millis(700);

const WARMING_UP: Duration = Duration::from_millis(700);
