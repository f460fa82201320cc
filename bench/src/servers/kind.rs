//! The kinds of servers, and how each is started.

use clap::ValueEnum;

use crate::error::Result;
use crate::servers::campanile::Campanile;
use crate::servers::centrifugo::Centrifugo;
use crate::servers::floor::Floor;
use crate::servers::mercure::Mercure;
use crate::servers::nchan::Nchan;
use crate::servers::node::Node;
use crate::servers::programs;
use crate::servers::pushpin::Pushpin;
use crate::servers::server::{Server, Site};
use crate::servers::spring::Spring;

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
    /// The reference hub of the Mercure protocol, the binary that CAMPANILE_BENCH_MERCURE names.
    Mercure,
    /// Centrifugo, the binary that CAMPANILE_BENCH_CENTRIFUGO names.
    Centrifugo,
    /// Spring's `SseEmitter`, built with Maven.
    Spring,
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
            Self::Mercure => "mercure",
            Self::Centrifugo => "centrifugo",
            Self::Spring => "spring",
        }
    }

    /// The servers of others, which the hub is compared with.
    pub(crate) const PEERS: [Self; 6] = [
        Self::Nchan,
        Self::Node,
        Self::Mercure,
        Self::Centrifugo,
        Self::Spring,
        Self::Pushpin,
    ];

    /// Makes sure that its programs are there. The error says which one is missing.
    pub(crate) fn prepare(self) -> Result<()> {
        match self {
            Self::Nchan => programs::expect_installed(&["nginx"]),
            Self::Node => programs::expect_installed(&["node"]),
            Self::Pushpin => programs::expect_installed(&["pushpin", "zurl"]),
            Self::Mercure => Mercure::binary().map(drop),
            Self::Centrifugo => Centrifugo::binary().map(drop),
            Self::Spring => Spring::build().map(drop),
            Self::Campanile
            | Self::CampanileInMemory
            | Self::CampanileWithoutStore
            | Self::Before
            | Self::Floor => Ok(()),
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
            Self::Mercure => Box::new(Mercure::start(site)?),
            Self::Centrifugo => Box::new(Centrifugo::start(site)?),
            Self::Spring => Box::new(Spring::start(site)?),
        })
    }
}
