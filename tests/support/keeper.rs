//! The process that ends and removes a PostgreSQL server when its owner goes, however that ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The shared cluster is never dropped, and a test binary may be killed: so the end of this pipe is what ends a cluster.
pub(super) fn keeper(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the keeper's process")
}

/// Ctrl-C reaches the whole group, so it is ignored here: the tests' own end is what counts.
const KEEPER: &str = r#"
trap '' INT TERM HUP
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid") && kill -QUIT "$pid" &&
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "$pid" || break
    sleep 0.1
done
rm -rf "$1"
"#;
