//! A PostgreSQL of the tests' own: a temporary cluster on a port of 127.0.0.1, durable as a real one. A keeper process ends
//! and removes it when its owner goes, however that ends.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use super::keeper::keeper;
use super::port::free_port;

/// The language of the servers' messages, as a locale: `CAMPANILE_TEST_LANGUAGE=ko_KR.UTF-8` runs any test in Korean.
static LANGUAGE: LazyLock<String> = LazyLock::new(|| {
    std::env::var("CAMPANILE_TEST_LANGUAGE").unwrap_or_else(|_unset| "C".to_owned())
});

/// The password in every URL, so that a test can look for it where it must not be.
pub(crate) const PASSWORD: &str = "sesame-only-for-tests";

/// A running cluster.
pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    language: &'static str,
    databases: Mutex<HashSet<String>>,
    keeper: Child,
}

/// A session that stays as it was left, until it is dropped.
pub(crate) struct Held {
    psql: Child,
    _input: ChildStdin,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.psql.kill().expect("its end");
        self.psql.wait().expect("its end");
    }
}

impl Postgres {
    /// The cluster all tests of this binary share, each with a database of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// A cluster for a test that does things to it.
    ///
    /// # Panics
    /// Without the programs of PostgreSQL (Debian: `apt-get install postgresql`).
    pub(crate) fn start() -> Self {
        Self::speaking(&LANGUAGE)
    }

    /// A cluster whose messages are in the language of a locale (`de_DE.UTF-8`), which is made where it is missing.
    pub(crate) fn speaking(language: &'static str) -> Self {
        provide_locale(language);
        let postgres = Self::in_new_folder(language);
        postgres.initialise();
        postgres.control(&["start"]);
        postgres
    }

    /// The URL of the database that belongs to a folder, made at the first call: fresh for each fresh folder.
    pub(crate) fn database_of(&self, folder: &Path) -> String {
        let name = folder.file_name().expect("a folder with a name");
        self.database(&format!("of {}", name.to_str().expect("UTF-8")))
    }

    /// The URL of the database of that name, made at the first call.
    pub(crate) fn database(&self, name: &str) -> String {
        let name = name.to_owned();
        let url = self.url(&name.replace(' ', "%20"));
        let mut databases = self.databases.lock().expect("the list of databases");
        if !databases.contains(&name) {
            self.sql(
                &self.url("postgres"),
                &format!("CREATE DATABASE \"{name}\""),
            );
            databases.insert(name);
        }
        url
    }

    /// Runs SQL as the owner of everything, and gives what it selects: fields divided by `|`, a line a row.
    pub(crate) fn sql(&self, url: &str, sql: &str) -> String {
        let mut command = Command::new(program("psql"));
        command
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .env("LC_ALL", "C");
        run(&mut command)
    }

    /// Runs SQL in a session that stays open, as it is left, until what this gives is dropped.
    pub(crate) fn hold(&self, url: &str, sql: &str) -> Held {
        let mut psql = Command::new(program("psql"))
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql (Debian: apt-get install postgresql)");
        let mut input = psql.stdin.take().expect("its input");
        writeln!(input, "{sql};\n\\echo done").expect("psql takes it");
        let mut line = String::new();
        let output = psql.stdout.take().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its answer");
        assert_eq!(line, "done\n", "{sql}");
        Held {
            psql,
            _input: input,
        }
    }

    /// Runs SQL in a process of its own, which fails if the SQL does.
    pub(crate) fn run_beside(&self, url: &str, sql: &str) -> Child {
        Command::new(program("psql"))
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .spawn()
            .expect("psql (Debian: apt-get install postgresql)")
    }

    /// Everything the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).expect("the server's log")
    }

    /// Changes a setting of `postgresql.conf` at once, as far as it can be.
    pub(crate) fn set(&self, setting: &str) {
        let file = self.data().join("postgresql.conf");
        let before = fs::read_to_string(&file).expect("the settings");
        fs::write(&file, format!("{before}{setting}\n")).expect("the settings");
        self.control(&["reload"]);
    }

    /// A server that follows this one and takes no writes, until it is told `control(&["promote"])`.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::in_new_folder(self.language);
        standby.follow(self);
        standby
    }

    /// Throws its data away and follows another server, from a copy of that server's data.
    pub(crate) fn follow(&self, primary: &Self) {
        if self.data().exists() {
            fs::remove_dir_all(self.data()).expect("its old data");
        }
        Self::give_folder(&self.folder);
        run(as_server(&program("pg_basebackup"))
            .args(["-R", "-c", "fast", "-D"])
            .arg(self.data())
            .args(["-d", &primary.url("postgres")]));
        self.configure();
        self.control(&["start"]);
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Has the server show this certificate to those who ask for TLS.
    pub(crate) fn speak_tls(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.data().join(name);
            fs::write(&file, text).expect("a file of the certificate's");
            fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its permissions");
        }
        Self::give_folder(&self.folder);
        self.set("ssl = on");
    }

    /// Runs a program as the user that the servers run as, in the foreground.
    pub(crate) fn beside(name: &str, arguments: &[&str]) -> Child {
        as_server(&program(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error} (Debian: apt-get install {name})"))
    }

    /// Gives a folder to the user that the servers run as.
    pub(crate) fn give_folder(folder: &Path) {
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres:"]).arg(folder));
        }
    }

    /// Runs `pg_ctl`, which waits until it is done: `start`, `stop -m fast`, ….
    pub(crate) fn control(&self, arguments: &[&str]) {
        let mut command = as_server(&program("pg_ctl"));
        command
            .args(["-w", "-s", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(self.folder.join("log"))
            .args(arguments);
        run(&mut command);
    }

    /// Ends all its processes as a power cut would; `control(&["start"])` brings it back.
    pub(crate) fn kill(&self) {
        // Stopped first, so that it starts no more while they are counted.
        signal("-STOP", self.processes().get(..1).unwrap_or_default());
        let processes = self.processes();
        signal("-KILL", &processes);
        for process in processes {
            // They are no children of ours to wait for; a dead one's entry is gone or says so.
            while is_alive(process) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
    }

    /// Its processes, the first of them the one that starts the others; none when it is stopped.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let Some(first) = file.lines().next().and_then(|line| line.parse().ok()) else {
            return Vec::new();
        };
        let all = fs::read_dir("/proc").expect("/proc").flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = ids.filter(|id| status(*id).is_some_and(|(_, parent)| parent == first));
        let mut processes = vec![first];
        processes.extend(children);
        processes
    }

    fn in_new_folder(language: &'static str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("campanile-postgres-")
            .tempdir();
        let folder = folder.expect("a temporary folder").keep();
        Self {
            keeper: keeper(&folder),
            folder,
            port: free_port(),
            language,
            databases: Mutex::default(),
        }
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://campanile:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    fn initialise(&self) {
        let password_file = self.folder.join("password");
        fs::write(&password_file, PASSWORD).expect("a file for the password");
        Self::give_folder(&self.folder);
        run(as_server(&program("initdb"))
            .arg("-D")
            .arg(self.data())
            .arg("--pwfile")
            .arg(&password_file)
            .args(["-U", "campanile", "-E", "UTF8", "--locale=C.UTF-8"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"]));
        self.configure();
    }

    fn configure(&self) {
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nmax_connections = 400\n\
             fsync = on\nsynchronous_commit = on\nlc_messages = '{}'\n",
            self.port,
            self.folder.display(),
            self.language,
        );
        let file = self.data().join("postgresql.conf");
        let defaults = fs::read_to_string(&file).expect("the default settings");
        fs::write(&file, defaults + settings.as_str()).expect("the settings");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        // The keeper acts when its input ends; waiting for it closes that first.
        self.keeper.wait().expect("the end of the keeper");
    }
}

/// Debian has the translations with the server, and a locale's definition in the package `locales`.
fn provide_locale(locale: &str) {
    let short = locale.replace("UTF-8", "utf8");
    let known = run(Command::new("locale").arg("-a"));
    if locale == "C" || known.lines().any(|one| one == short) {
        return;
    }
    let (definition, charset) = locale.split_once('.').expect("a locale with its charset");
    run(Command::new("localedef").args(["-i", definition, "-f", charset, locale]));
}

/// PostgreSQL refuses to run as root.
fn as_server(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir("/");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The newest of what Debian keeps off the path, or what the path has.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let programs = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    let newest = programs.filter(|program| program.exists()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

/// Sends a signal to processes; those that are gone do not mind.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let mut command = Command::new("kill");
    command
        .arg(name)
        .args(processes.iter().map(u32::to_string))
        .stderr(Stdio::null());
    command.status().expect("the kill command");
}

fn is_alive(process: u32) -> bool {
    status(process).is_some_and(|(state, _)| state != 'Z')
}

/// The state of a process and its parent, as `/proc/ID/stat` has them after the name in brackets.
fn status(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

fn run(command: &mut Command) -> String {
    // A server that is started inherits these, so they are files and no pipes somebody would wait for.
    let (stdout, stderr) = (scratch(), scratch());
    let status = command
        .stdin(Stdio::null())
        .stdout(stdout.reopen().expect("a scratch file"))
        .stderr(stderr.reopen().expect("a scratch file"))
        .status()
        .unwrap_or_else(|error| {
            panic!("{command:?}: {error} (Debian: apt-get install postgresql)")
        });
    let text = |file: &tempfile::NamedTempFile| {
        let bytes = fs::read(file.path()).expect("a scratch file");
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    };
    assert!(status.success(), "{command:?}: {}", text(&stderr));
    text(&stdout)
}

fn scratch() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new().expect("a scratch file")
}
