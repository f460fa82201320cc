//! The kinds of servers, and how each is started.

use clap::ValueEnum;

use crate::error::Result;
use crate::servers::campanile::Campanile;
use crate::servers::floor::Floor;
use crate::servers::nchan::Nchan;
use crate::servers::node::Node;
use crate::servers::pushpin::Pushpin;
use crate::servers::server::{Server, Site};

/// One kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The hub; stores every alarm on disk.
    Campanile,
    /// The hub with its database in memory: what it costs without the disk.
    CampanileInMemory,
    /// The hub that stores no alarm: what is left when storing costs nothing.
    CampanileWithoutStore,
    /// The hub from the binary `--before` names, every alarm on disk.
    Before,
    /// A bare epoll loop that writes one ready chunk to every subscriber: the physical limit.
    Floor,
    /// nginx with nchan, from apt.
    Nchan,
    /// A plain `node:http` server.
    Node,
    /// Pushpin, from apt, with its client and a back end that hands every stream over.
    Pushpin,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Campanile => "campanile",
            Self::CampanileInMemory => "campanile-in-memory",
            Self::CampanileWithoutStore => "campanile-without-store",
            Self::Before => "before",
            Self::Floor => "floor",
            Self::Nchan => "nchan",
            Self::Node => "node",
            Self::Pushpin => "pushpin",
        }
    }

    /// Returns true if it is the hub, in any build and place.
    pub(crate) fn is_hub(self) -> bool {
        matches!(
            self,
            Self::Campanile | Self::CampanileInMemory | Self::CampanileWithoutStore | Self::Before
        )
    }

    /// Starts one and waits until it answers.
    pub(crate) fn start(self, site: &Site<'_>) -> Result<Box<dyn Server>> {
        Ok(match self {
            Self::Campanile | Self::CampanileInMemory | Self::Before => {
                Box::new(Campanile::start(site)?)
            }
            Self::CampanileWithoutStore => {
                let setting = ("CAMPANILE_BENCH_WITHOUT_STORE", "on");
                Box::new(Campanile::start_with(site, &[setting])?)
            }
            Self::Floor => Box::new(Floor::start(site)?),
            Self::Nchan => Box::new(Nchan::start(site)?),
            Self::Node => Box::new(Node::start(site)?),
            Self::Pushpin => Box::new(Pushpin::start(site)?),
        })
    }
}
