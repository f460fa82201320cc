//! Checks the documents: every link leads to something, everything in `docs/` can be found from its index, and every block of code is
//! run by a test or says why not.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

#[test]
fn every_test_that_the_table_of_kinds_names_exists() {
    let page = read(&root().join("docs/internals/real-clients.md"));
    let tests = all_tests();

    let quoted = page.split('`').skip(1).step_by(2);
    let names: Vec<&str> = quoted
        .filter(|name| {
            name.len() > 20
                && name
                    .chars()
                    .all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        })
        .collect();

    assert!(names.len() > 30, "the names are found");
    for name in names {
        assert!(tests.contains(&format!("fn {name}(")), "{name}");
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading_that_exist() {
    for page in pages() {
        for link in links(&page) {
            let (path, heading) = split(&page, &link);
            assert!(path.exists(), "{}: {link} leads to nothing", page.display());
            if let Some(heading) = heading {
                assert!(
                    headings(&path).contains(&heading),
                    "{}: {link} names no heading",
                    page.display()
                );
            }
        }
    }
}

#[test]
fn everything_in_docs_is_found_from_its_index() {
    let docs = root().join("docs");
    let mut found = BTreeSet::new();
    let mut next = vec![docs.join("README.md")];
    while let Some(page) = next.pop() {
        if !page.starts_with(&docs) || !found.insert(page.clone()) || !is_page(&page) {
            continue;
        }
        next.extend(links(&page).iter().map(|link| split(&page, link).0));
    }

    for file in files(&docs, &|_| true) {
        assert!(
            found.contains(&file),
            "{} cannot be reached from docs/README.md",
            file.display()
        );
    }
}

#[test]
fn every_document_that_the_code_names_exists() {
    let named = |text: &str| -> Vec<String> {
        text.match_indices("docs/")
            .map(|(at, _)| {
                let (_, rest) = text.split_at(at);
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c)));
                let (path, _) = rest.split_at(end.unwrap_or(rest.len()));
                path.trim_end_matches('.').to_owned()
            })
            .filter(|path| path.ends_with(".md") || path.ends_with(".svg"))
            .collect()
    };
    for file in sources() {
        for path in named(&read(&file)) {
            assert!(
                root().join(&path).exists(),
                "{} names {path}, which does not exist",
                file.display()
            );
        }
    }
}

#[test]
fn no_line_of_the_architecture_has_200_characters() {
    for (number, line) in read(&root().join("ARCHITECTURE.md")).lines().enumerate() {
        let length = line.chars().count();
        assert!(length < 200, "line {} has {length}", number + 1);
    }
}

#[test]
fn the_changelog_has_a_dated_entry_for_this_version() {
    let heading = format!("## [{}] - ", env!("CARGO_PKG_VERSION"));
    let changelog = read(&root().join("CHANGELOG.md"));
    let date = changelog
        .lines()
        .find_map(|line| line.strip_prefix(&heading))
        .expect("a heading for this version");

    let parts: Vec<&str> = date.split('-').collect();
    assert_eq!(
        parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
        [4, 2, 2]
    );
}

/// A comment above each block of code in the README and the documents names the tests that run it, or why none does.
#[test]
fn every_block_of_code_is_run_by_a_test_or_says_why_not() {
    let tests = all_tests();
    let mut blocks = 0;
    for page in pages() {
        let path = page.strip_prefix(root()).expect("a page of the project");
        if path != Path::new("README.md") && !path.starts_with("docs") {
            continue;
        }
        let text = read(&page);
        let mut above = "";
        let mut inside = false;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            if line.trim_start().starts_with("```") {
                inside = !inside;
                if inside {
                    blocks += 1;
                    check_mark(above.trim(), &tests, &place);
                }
            }
            above = line;
        }
    }
    assert!(blocks > 100, "the blocks are found: {blocks}");
}

/// `<!-- run by: test, test -->` or `<!-- not run: reason -->`.
fn check_mark(mark: &str, tests: &str, place: &str) {
    let mark = mark.strip_prefix("<!-- ");
    let mark = mark.and_then(|mark| mark.strip_suffix(" -->"));
    let (kind, text) = mark
        .and_then(|mark| mark.split_once(": "))
        .unwrap_or_else(|| panic!("{place}: no comment above the block says what runs it"));
    match kind {
        "run by" => {
            for name in text.split(", ") {
                assert!(tests.contains(&format!("fn {name}(")), "{place}: {name}");
            }
        }
        "not run" => assert!(text.len() > 20, "{place}: {text:?} is no reason"),
        other => panic!("{place}: {other:?}"),
    }
}

/// All pages that are checked for links.
fn pages() -> Vec<PathBuf> {
    let named = [
        "README",
        "ARCHITECTURE",
        "CONTRIBUTING",
        "CHANGELOG",
        "bench/README",
        "clients/node/README",
        "clients/python/README",
        "clients/go/README",
        "clients/java/README",
    ];
    let mut pages: Vec<PathBuf> = named
        .iter()
        .map(|name| root().join(name).with_extension("md"))
        .collect();
    pages.extend(files(&root().join("docs"), &is_page));
    pages
}

/// Code, scripts and templates, which may name a document.
fn sources() -> Vec<PathBuf> {
    let folders = [
        "src",
        "tests",
        "bench/src",
        "assets",
        "templates",
        "web/campanile",
    ];
    let this = root().join(file!());
    folders
        .iter()
        .flat_map(|folder| files(&root().join(folder), &is_text))
        .filter(|file| *file != this)
        .chain(pages())
        .chain(["test.sh", ".ci/run", "Dockerfile", "web/build.mjs"].map(|name| root().join(name)))
        .collect()
}

fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry of a folder").path();
        if path.ends_with("node_modules") {
            // Not ours.
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "js" | "ts" | "css" | "html"))
}

/// The relative targets of a page's links and pictures, outside of blocks of code.
fn links(page: &Path) -> Vec<String> {
    let text = prose(page);
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The text of every test.
fn all_tests() -> String {
    let mut files = Vec::new();
    collect_rust(&root().join("tests"), &mut files);
    collect_rust(&root().join("src"), &mut files);
    files.iter().map(|file| read(file)).collect()
}

fn collect_rust(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect_rust(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The file a link leads to, and the heading it names.
fn split(page: &Path, link: &str) -> (PathBuf, Option<String>) {
    let (path, heading) = match link.split_once('#') {
        Some((path, heading)) => (path, Some(heading.to_owned())),
        None => (link, None),
    };
    let target = match (path, page.parent()) {
        ("", _) | (_, None) => page.to_owned(),
        (_, Some(folder)) => plain(&folder.join(path)),
    };
    (target, heading)
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &Path) -> BTreeSet<String> {
    prose(page)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// A page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = read(page);
    let outside: Vec<&str> = text.split("```").step_by(2).collect();
    outside.join("\n")
}

/// A path without `..` in it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
