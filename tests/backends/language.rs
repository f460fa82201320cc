//! The languages that have a client, and how the program that uses it is started.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// One client, with the program that uses it.
pub(crate) struct Language {
    pub(crate) name: &'static str,
    /// The folder of `tests/backends` with the program.
    folder: &'static str,
    /// Its programs on this machine, each with an argument that makes it say its version.
    needs: &'static [(&'static str, &'static str)],
    /// The file that `./test.sh` installs, in that folder.
    installed: &'static str,
    /// Builds the program, in a folder `$OUT`.
    build: Option<&'static str>,
    /// Starts it.
    run: &'static str,
}

/// All clients. The paths are relative to the folder of the language.
pub(crate) const ALL: [&Language; 5] = [
    &Language {
        name: "node",
        folder: "node",
        needs: &[("node", "--version")],
        installed: "node_modules/campanile-backend",
        build: None,
        run: "exec node drill.js \"$@\"",
    },
    &Language {
        name: "python",
        folder: "python",
        needs: &[("python3", "--version")],
        installed: "packages/httpx",
        build: None,
        run: "exec python3 drill.py \"$@\"",
    },
    &Language {
        name: "python-async",
        folder: "python",
        needs: &[("python3", "--version")],
        installed: "packages/httpx",
        build: None,
        run: "exec python3 drill_async.py \"$@\"",
    },
    &Language {
        name: "go",
        folder: "go",
        needs: &[("go", "version")],
        installed: "go.mod",
        build: Some("go build -o \"$OUT/drill\" ."),
        run: "exec \"$OUT/drill\" \"$@\"",
    },
    &Language {
        name: "java",
        folder: "java",
        needs: &[("javac", "-version")],
        installed: "lib",
        build: Some(
            "javac -encoding UTF-8 -cp 'lib/*' -d \"$OUT\" $(find ../../../clients/java/src -name '*.java') Drill.java",
        ),
        run: "exec java -Dfile.encoding=UTF-8 -cp \"$OUT:lib/*\" Drill \"$@\"",
    },
];

/// A language whose program is built.
#[derive(Clone)]
pub(crate) struct Built {
    pub(crate) name: &'static str,
    folder: PathBuf,
    run: &'static str,
    out: PathBuf,
}

static HERE: OnceCell<Vec<Built>> = OnceCell::const_new();

/// Those that can run here. Of the others standard error tells what is not covered.
pub(crate) async fn all_here() -> Vec<Built> {
    let build = || async {
        let here = ALL.into_iter().filter(|language| language.is_here());
        let mut built = Vec::new();
        for language in here {
            built.push(language.build().await);
        }
        built
    };
    HERE.get_or_init(build).await.clone()
}

impl Language {
    fn is_here(&self) -> bool {
        let missing = self
            .needs
            .iter()
            .find(|(program, version)| !is_program(program, version));
        let reason = match missing {
            Some((program, _)) => format!("there is no {program}"),
            None if !self.path().join(self.installed).exists() => {
                "its packages are not installed; ./test.sh --install says why".to_owned()
            }
            None => return true,
        };
        not_covered(&format!("clients/{}", self.folder), &reason);
        false
    }

    fn path(&self) -> PathBuf {
        root().join("tests/backends").join(self.folder)
    }

    async fn build(&self) -> Built {
        let built = Built {
            name: self.name,
            folder: self.path(),
            run: self.run,
            out: Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join("backends")
                .join(self.name),
        };
        std::fs::create_dir_all(&built.out).expect("a folder");
        if let Some(build) = self.build {
            // The first build on a machine compiles the language's own library: there is no deadline for that.
            let output = built.shell(build).output().await.expect("a shell");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {errors}", self.name);
        }
        built
    }
}

impl Built {
    /// The program, whose arguments are to follow.
    pub(crate) fn program(&self) -> Command {
        let mut command = self.shell(self.run);
        command.arg("drill");
        command
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = shell(&self.folder, line);
        command.env("OUT", &self.out);
        command
    }
}

/// A command line in a folder, with the packages of the clients, and without a proxy that the machine may have.
pub(crate) fn shell(folder: &Path, line: &str) -> Command {
    let python = [
        root().join("clients/python"),
        root().join("tests/backends/python/packages"),
    ];
    let mut command = Command::new("bash");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PYTHONPATH", std::env::join_paths(python).expect("paths"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GOFLAGS", "-mod=mod")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// True if this program is on this machine.
pub(crate) fn is_program(name: &str, version: &str) -> bool {
    let run = std::process::Command::new(name)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// Tells past the test runner, which keeps what a test that passes has printed.
pub(crate) fn not_covered(what: &str, reason: &str) {
    say(&format!("NOT COVERED: {what}: {reason}"));
}

pub(crate) fn say(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .ok();
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
