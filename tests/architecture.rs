//! Holds the module table of ARCHITECTURE.md true by reading the source.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of ours that a module may name; `app` may name all.
fn allowed(module: &str) -> Vec<&'static str> {
    match module {
        "main" => vec!["app", "config"],
        "pages" => vec!["http", "actions", "feed", "alarm"],
        "http" => vec![
            "actions", "feed", "auth", "alarm", "config", "metrics", "server", "hub", "net",
        ],
        "server" => vec!["metrics"],
        "actions" => vec![
            "journal", "cluster", "hub", "store", "auth", "alarm", "metrics", "net", "outgoing",
        ],
        "cluster" => vec!["journal", "hub", "store", "auth", "alarm", "metrics"],
        "feed" => vec!["hub", "store", "alarm", "metrics"],
        "journal" => vec!["store", "hub", "alarm", "metrics"],
        "hub" => vec!["alarm", "metrics"],
        "store" => vec!["alarm", "metrics", "recent"],
        "auth" => vec!["alarm", "recent", "net", "outgoing"],
        // The type that a setting is parsed into lives in the module of its noun.
        "config" => vec!["alarm", "auth", "store", "net"],
        // It keeps compiled matchers.
        "alarm" => vec!["recent"],
        "lib" | "metrics" | "net" | "outgoing" | "recent" => Vec::new(),
        other => panic!("src/{other} is not in the table: give it a place there and here"),
    }
}

/// The parts of a module that another may name, where it may not name all of it.
const PARTS: &[(&str, &str, &[&str])] = &[
    ("http", "server", &["connections"]),
    (
        "http",
        "hub",
        &[
            "ByeData",
            "Connected",
            "Entry",
            "EventName",
            "Frame",
            "NewClient",
            "PingData",
            "PresenceData",
            "SessionData",
            "Start",
            "Subscribe",
        ],
    ),
];

#[test]
fn every_module_uses_only_what_the_table_allows() {
    for (module, path, code) in sources() {
        if module == "app" {
            continue;
        }
        let allowed = allowed(&module);
        for used in used_modules(&code) {
            assert!(
                used == module || allowed.contains(&used.as_str()),
                "{} uses {used}",
                path.display()
            );
        }
    }
}

#[test]
fn the_database_library_stays_in_the_store_and_the_web_stays_out_of_the_core() {
    for (module, path, code) in sources() {
        let names = |word: &str| {
            code.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|one| one == word)
        };
        let web = ["http", "pages", "app", "server"].contains(&module.as_str());

        assert!(
            module == "store" || !names("diesel") && !code.contains("store::schema"),
            "{}",
            path.display()
        );
        for word in ["actix_web", "actix_web_lab", "actix_http", "StatusCode"] {
            assert!(web || !names(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn http_names_only_the_connection_of_the_server_and_the_messages_of_the_hub() {
    for (module, path, code) in sources() {
        for (user, used, parts) in PARTS {
            if module != *user {
                continue;
            }
            for named in named_after(&code, &format!("crate::{used}::")) {
                assert!(
                    parts.contains(&named.as_str()),
                    "{} uses {used}::{named}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn only_the_journal_writes_alarms() {
    for (module, path, code) in sources() {
        let dense: String = code.split_whitespace().collect();
        let appends = dense.contains("store.append(") || dense.contains("Store::append");
        assert!(
            !appends || ["journal", "store"].contains(&module.as_str()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let versions = |database: &str| -> BTreeSet<_> {
        let folder = fs::read_dir(root().join("migrations").join(database)).expect("migrations");
        folder.map(|entry| entry.unwrap().file_name()).collect()
    };

    assert!(!versions("sqlite").is_empty());
    assert_eq!(versions("sqlite"), versions("postgres"));
}

#[test]
fn each_migration_has_a_version_of_its_own() {
    let folder = fs::read_dir(root().join("migrations/sqlite")).expect("migrations");
    let mut met = BTreeSet::new();
    for entry in folder {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (version, _title) = name.split_once('_').expect("a version and a title");
        assert!(
            met.insert(version.to_owned()),
            "{name}: another one has this version"
        );
    }
}

#[test]
fn each_dependency_is_used_by_the_code() {
    for (package, folders) in [(".", &["src", "tests"][..]), ("bench", &["bench/src"])] {
        let manifest = root().join(package).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let mut files = Vec::new();
        for folder in folders {
            collect(&root().join(folder), &mut files);
        }
        let read = |file| fs::read_to_string(file).unwrap();
        let code: String = files.iter().map(read).collect();
        let tables = ["dependencies", "dev-dependencies"].map(|table| manifest.get(table));
        for table in tables.into_iter().flatten() {
            for dependency in table.as_table().unwrap().keys() {
                let path = format!("{}::", dependency.replace('-', "_"));
                assert!(code.contains(&path), "{package}: {dependency} is not used");
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Each file with the module it belongs to and its text without comments.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|path| {
            let inner = path.strip_prefix(root().join("src")).unwrap();
            let module = inner
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_str()
                .unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            (
                module.trim_end_matches(".rs").to_owned(),
                path.clone(),
                code.collect::<Vec<_>>().join("\n"),
            )
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of source") {
        let path = entry.unwrap().path();
        if path.ends_with("node_modules") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The first name of every path of ours, also of `use crate::{a::b, c}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = named_after(code, "crate::");
    used.extend(named_after(code, "campanile::"));
    used
}

/// The names that follow a prefix of a path, also those of a group: of `a::{b::c, d}` after `a::` it is `b` and `d`.
fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let name = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = code.split_at(at + prefix.len()).1;
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(name(rest));
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive([',', '{', '}']) {
            if depth == 0 && !name(part.trim_start()).is_empty() {
                used.insert(name(part.trim_start()));
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            if depth < 0 {
                break;
            }
        }
    }
    used
}
