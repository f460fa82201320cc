//! Several swarms that publish at the same time, with one thread that looks after them in turn.

use crate::clock::nanos;
use crate::error::Result;
use crate::swarm::phase::Phase;
use crate::swarm::plan::Plan;
use crate::swarm::{DRAINING, Swarm, gathering};

/// The measurement of one of them.
struct Course<'a> {
    swarm: &'a mut Swarm,
    stop: u64,
    gathering: u64,
    look_again: u64,
}

/// Publishes with each of them after a plan, and reads until everything has come or nothing more does. It never sleeps.
pub(crate) fn publish_in_turn(swarms: &mut [Swarm], plan: &Plan) -> Result<Vec<Phase>> {
    let courses = swarms.iter_mut().map(|swarm| Course::begin(swarm, plan));
    let mut courses = courses.collect::<Result<Vec<_>>>()?;
    loop {
        let mut is_over = true;
        for course in &mut courses {
            is_over &= course.step()?;
        }
        if is_over {
            return courses.into_iter().map(Course::end).collect();
        }
    }
}

impl<'a> Course<'a> {
    fn begin(swarm: &'a mut Swarm, plan: &Plan) -> Result<Self> {
        let streams = swarm.crowd.streams();
        let start = swarm.begin(plan, streams)?;
        Ok(Self {
            swarm,
            stop: start + nanos(plan.lasting),
            gathering: gathering(plan, streams),
            look_again: 0,
        })
    }

    /// Answers whether it is over.
    fn step(&mut self) -> Result<bool> {
        let now = self.swarm.crowd.clock().nanos();
        if now < self.stop {
            self.swarm.publish_due()?;
        } else if self.swarm.crowd.is_settled() || now > self.stop + nanos(DRAINING) {
            return Ok(true);
        }
        if now >= self.look_again {
            self.swarm.turn_awake(0)?;
            self.look_again = now + self.gathering;
        }
        Ok(false)
    }

    fn end(self) -> Result<Phase> {
        self.swarm.end()
    }
}
