//! The hub on the database that grows.

use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::servers::campanile::Campanile;

/// Starts it with settings: variables of the environment.
pub(super) fn start(
    ground: &Ground,
    database: &Database,
    settings: &[(&str, &str)],
) -> Result<Campanile> {
    let mut all = settings.to_vec();
    let url = database.url();
    all.push(("CAMPANILE_DATABASE_URL", &url));
    Campanile::start_with(&ground.site(database.folder()), &all)
}
