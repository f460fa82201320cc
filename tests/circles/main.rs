//! No files of `src/` or `bench/src/` use each other in a circle: each can be read and changed after those it uses.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod code;
mod graph;
mod paths;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use graph::{Sources, Uses, circles};

#[test]
fn no_files_of_the_hub_use_each_other_in_a_circle() {
    assert_no_circle("src", Sources::uses_across_folders);
}

#[test]
fn no_files_of_the_bench_use_each_other_in_a_circle() {
    assert_no_circle("bench/src", Sources::uses);
}

/// # Panics
/// If files of `folder` use each other in a circle; the message names them.
fn assert_no_circle(folder: &str, uses: fn(&Sources) -> Uses<'_>) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = BTreeMap::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 1, "{folder} holds source files");

    let sources = Sources::read(&files);
    let circles = circles(&uses(&sources));

    let shown: Vec<String> = circles.iter().map(ToString::to_string).collect();
    assert!(
        circles.is_empty(),
        "files of {folder} use each other in a circle:\n{}",
        shown.join("\n")
    );
}

/// Reads every Rust file below `folder`, by its path below `root`.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of source") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
}
