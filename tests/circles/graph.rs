//! The files of one crate, and which of them uses which. A name that a file passes on with `pub use` belongs to the
//! file that defines it; a declaration `mod x;` uses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::code::{tokens, without_tests};
use super::paths::{Import, Named, Segments};

/// All files of a crate.
pub(crate) struct Sources {
    /// By the module each one is.
    modules: BTreeMap<Segments, Module>,
}

struct Module {
    file: String,
    named: Named,
}

/// The files that each file uses.
pub(crate) type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Files that use each other in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    files: Vec<String>,
    /// Pairs of files, of which the first uses the second.
    uses: Vec<(String, String)>,
}

impl fmt::Display for Circle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.files.join(", "))?;
        for (from, to) in &self.uses {
            write!(formatter, "\n    {from} uses {to}")?;
        }
        Ok(())
    }
}

impl Sources {
    /// Reads files by their paths below the folder of the crate's root.
    pub(crate) fn read(files: &BTreeMap<String, String>) -> Self {
        // A binary beside a library is a module that nobody uses.
        let root = if files.contains_key("lib.rs") {
            "lib.rs"
        } else {
            "main.rs"
        };
        let mut modules = BTreeMap::new();
        let mut only_tested: Vec<Segments> = Vec::new();
        for (file, text) in files {
            let path = module_of(file, root);
            let (code, tests) = without_tests(&tokens(text));
            only_tested.extend(tests.into_iter().map(|test| join(&path, [test])));
            let (file, named) = (file.clone(), Named::read(&code));
            modules.insert(path, Module { file, named });
        }
        modules.retain(|path, _| !only_tested.iter().any(|test| path.starts_with(test)));
        Self { modules }
    }

    /// The files each file uses.
    pub(crate) fn uses(&self) -> Uses<'_> {
        let used_by = |(path, module): (&Segments, &Module)| {
            let imports = module.named.imports.iter();
            // A re-export is not a use.
            let imported = imports.filter(|import| !import.is_public);
            let named = imported
                .map(|import| &import.path)
                .chain(&module.named.paths);
            let used = named.filter_map(|name| self.file_of(path, name, MOST_STEPS));
            used.filter(|file| *file != module.file).collect()
        };
        let all = self.modules.iter();
        all.map(|entry| (entry.1.file.as_str(), used_by(entry)))
            .collect()
    }

    /// The files each file uses, without those a folder's `mod.rs` uses of its own folder: such a file puts its folder
    /// together, and is read with it.
    pub(crate) fn uses_across_folders(&self) -> Uses<'_> {
        let mut uses = self.uses();
        for (from, to) in &mut uses {
            if let Some(folder) = from.strip_suffix("mod.rs") {
                to.retain(|file| !file.starts_with(folder));
            }
        }
        uses
    }

    /// The file that defines what module `from` names `name`; `None` for a module itself and for what is not of this
    /// crate. `steps` bounds the declarations that are followed.
    fn file_of(&self, from: &[String], name: &[String], steps: usize) -> Option<&str> {
        let path = self.whole(from, name, steps)?;
        self.definition(&path, steps)
    }

    /// A name as a path from the root of the crate; `None` for what is not of this crate.
    fn whole(&self, from: &[String], name: &[String], steps: usize) -> Option<Segments> {
        let (first, rest) = name.split_first()?;
        let (_, parent) = from.split_last().unzip();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(join(from, rest.iter().cloned())),
            "super" if rest.first().is_some_and(|next| next == "super") => {
                self.whole(parent?, rest, steps)
            }
            "super" => Some(join(parent?, rest.iter().cloned())),
            _ => {
                if let Some(import) = self.import(from, first)
                    // `use a::b` does not explain its own `a`.
                    && import.path != name
                    && let Some(steps) = steps.checked_sub(1)
                {
                    let named = join(&import.path, rest.iter().cloned());
                    return self.whole(from, &named, steps);
                }
                let child = join(from, [first.clone()]);
                if self.modules.contains_key(&child) {
                    return Some(join(&child, rest.iter().cloned()));
                }
                (first == LIBRARY).then(|| rest.to_vec())
            }
        }
    }

    fn import(&self, module: &[String], name: &str) -> Option<&Import> {
        let imports = &self.modules.get(module)?.named.imports;
        imports
            .iter()
            .find(|import| import.name.as_deref() == Some(name))
    }

    fn definition(&self, path: &[String], steps: usize) -> Option<&str> {
        let depth = (0..=path.len())
            .rev()
            .find(|depth| self.modules.contains_key(path.split_at(*depth).0))?;
        let (module, rest) = path.split_at(depth);
        let Some(name) = rest.first() else {
            return self.function_beside(path);
        };
        let passed_on = self.import(module, name).and_then(|import| {
            let named = join(&import.path, rest.iter().skip(1).cloned());
            self.file_of(module, &named, steps.checked_sub(1)?)
        });
        passed_on.or_else(|| self.modules.get(module).map(|module| module.file.as_str()))
    }

    /// The file with a function of the same name as a module of it.
    fn function_beside(&self, path: &[String]) -> Option<&str> {
        let (name, parent) = path.split_last()?;
        let parent = self.modules.get(parent)?;
        let functions = &parent.named.functions;
        functions.contains(name).then_some(parent.file.as_str())
    }
}

/// Every circle, once.
pub(crate) fn circles(uses: &Uses<'_>) -> Vec<Circle> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reach(uses, file))).collect();
    let both_ways = |one: &str, other: &str| {
        reached.get(one).is_some_and(|files| files.contains(other))
            && reached.get(other).is_some_and(|files| files.contains(one))
    };
    let mut circles: Vec<Circle> = Vec::new();
    for file in uses.keys() {
        let seen = circles
            .iter()
            .any(|circle| circle.files.iter().any(|one| one == file));
        if seen || !both_ways(file, file) {
            continue;
        }
        let inside = |other: &str| both_ways(file, other);
        let of_circle = uses.keys().filter(|other| inside(other));
        let pairs = uses
            .iter()
            .flat_map(|(from, to)| to.iter().map(|to| (*from, *to)));
        let pairs = pairs.filter(|(from, to)| inside(from) && inside(to));
        circles.push(Circle {
            files: of_circle.map(|file| (*file).to_owned()).collect(),
            uses: pairs
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .collect(),
        });
    }
    circles
}

/// All files that can be reached from one, itself only through another.
fn reach<'a>(uses: &Uses<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = Vec::from([from]);
    while let Some(file) = open.pop() {
        let next = uses.get(file).into_iter().flatten();
        open.extend(next.filter(|file| reached.insert(**file)));
    }
    reached
}

fn join(path: &[String], rest: impl IntoIterator<Item = String>) -> Segments {
    path.iter().cloned().chain(rest).collect()
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`.
fn module_of(file: &str, root: &str) -> Segments {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        _ if file == root => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

/// The name binaries know the library by.
const LIBRARY: &str = "campanile";

/// No name is passed on more often.
const MOST_STEPS: usize = 8;

mod tests {
    use std::collections::BTreeMap;

    use super::{Sources, circles};

    fn sources(files: &[(&str, &str)]) -> Sources {
        let owned = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        Sources::read(&owned.collect::<BTreeMap<_, _>>())
    }

    fn used_by(file: &str, files: &[(&str, &str)]) -> Vec<String> {
        let sources = sources(files);
        let uses = sources.uses();
        uses.get(file)
            .unwrap()
            .iter()
            .map(|file| (*file).to_owned())
            .collect()
    }

    #[test]
    fn a_name_that_is_passed_on_belongs_to_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "mod hub; mod user;"),
            (
                "hub/mod.rs",
                "mod frame; mod inner; pub use inner::Frame; pub struct Own;",
            ),
            ("hub/inner.rs", "pub use crate::hub::frame::Frame;"),
            ("hub/frame.rs", "pub struct Frame;"),
            ("user.rs", "use crate::hub::{Frame, Own};"),
        ];

        assert_eq!(used_by("user.rs", &files), ["hub/frame.rs", "hub/mod.rs"]);
        assert!(used_by("hub/mod.rs", &files).is_empty());
    }

    #[test]
    fn what_is_passed_on_and_named_in_code_is_used() {
        let files = [
            ("a/mod.rs", "mod b; pub use b::B; fn c(_: B) {}"),
            ("a/b.rs", "pub struct B;"),
        ];

        assert_eq!(used_by("a/mod.rs", &files), ["a/b.rs"]);
    }

    #[test]
    fn a_path_through_an_imported_module_leads_to_what_it_names() {
        let files = [
            (
                "a.rs",
                "use crate::b; use super::b::c as d; fn e() { b::f(); d::g(); }",
            ),
            ("b/mod.rs", "pub mod c; pub fn f() {}"),
            ("b/c.rs", "pub fn g() {}"),
        ];

        assert_eq!(used_by("a.rs", &files), ["b/c.rs", "b/mod.rs"]);
    }

    #[test]
    fn a_function_of_the_same_name_as_a_module_is_seen() {
        let files = [
            ("a/mod.rs", "mod cell; pub fn cell() {}"),
            ("a/cell.rs", ""),
            ("b.rs", "use crate::a::cell;"),
        ];

        assert_eq!(used_by("b.rs", &files), ["a/mod.rs"]);
    }

    #[test]
    fn each_circle_is_told_once_with_its_files() {
        let sources = sources(&[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "fn b() -> crate::c::C {}"),
            ("c.rs", "use super::a::A; use crate::d;  fn c() { d::e() }"),
            ("d.rs", "use crate::e::E;"),
            ("e.rs", ""),
        ]);
        let circles = circles(&sources.uses());

        let shown: Vec<String> = circles.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["a.rs, b.rs, c.rs\n    a.rs uses b.rs\n    b.rs uses c.rs\n    c.rs uses a.rs"]
        );
    }

    #[test]
    fn a_parent_and_its_child_can_be_a_circle() {
        let sources = sources(&[
            ("a/mod.rs", "mod b; pub struct A; fn c() { b::d() }"),
            ("a/b.rs", "use crate::a::A; pub fn d() {}"),
        ]);
        let circles = circles(&sources.uses());

        assert_eq!(circles.len(), 1);
        assert_eq!(super::circles(&sources.uses_across_folders()), []);
    }

    #[test]
    fn two_files_of_a_folder_are_a_circle_beside_what_puts_them_together() {
        let sources = sources(&[
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
            ("a/b.rs", "use crate::a::C; pub struct B;"),
            ("a/c.rs", "use crate::a::B; pub struct C;"),
        ]);

        let circles = circles(&sources.uses_across_folders());

        let files: Vec<_> = circles.iter().map(|circle| &circle.files).collect();
        assert_eq!(files, [&["a/b.rs", "a/c.rs"]]);
    }

    #[test]
    fn tests_comments_and_texts_make_no_circle() {
        let sources = sources(&[
            ("a.rs", "use crate::b::B; #[cfg(test)] mod properties;"),
            (
                "b.rs",
                "// use crate::a::A;\nconst C: &str = \"crate::a::A\"; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
            ("a/properties.rs", "use crate::a::A; pub fn p() {}"),
            ("c.rs", "use std::a::A; use other::c::C;"),
        ]);
        let circles = circles(&sources.uses());

        assert_eq!(circles, []);
    }
}
