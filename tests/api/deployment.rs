//! The files of `deploy/` that other programs read. A program that is not installed is named, and what it would check is not covered.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file)
}

/// Runs a program; `None` where it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("unrecognized option") => {
            eprintln!("not covered: this {program} is too old for {arguments:?}");
            None
        }
        Ok(output) => Some(output),
        Err(cause) => {
            eprintln!("not covered: {program}: {cause}");
            None
        }
    }
}

#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    let unit = std::fs::read_to_string(deploy("campanile.service")).unwrap();
    let program = env!("CARGO_BIN_EXE_campanile");
    let unit = unit.replace("/usr/local/bin/campanile", program);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("campanile.service");
    std::fs::write(&file, unit).unwrap();
    let file = file.display().to_string();

    let Some(verified) = run("systemd-analyze", &["verify", "--man=no", &file]) else {
        return;
    };
    assert!(verified.status.success(), "{verified:?}");
    // In tenths: systemd says 1.2.
    let limit = "--threshold=20";
    let offline = ["security", "--offline=true", limit, file.as_str()];
    let Some(secured) = run("systemd-analyze", &offline) else {
        return;
    };
    assert!(
        secured.status.success(),
        "{}",
        String::from_utf8_lossy(&secured.stdout)
    );
}

#[test]
fn no_secret_stands_in_the_compose_file() {
    const SECRETS: [&str; 4] = ["PASSWORD", "SECRET", "TOKEN", "KEY"];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose.yaml");
    let compose = std::fs::read_to_string(file).unwrap();
    let is_given = |value: &str| value.starts_with("${") && value.ends_with(":-}");
    let mut given = 0;

    let lines = compose.lines().map(str::trim);
    for line in lines.filter(|line| !line.starts_with('#')) {
        let named = line
            .split_once(": ")
            .filter(|(name, _value)| SECRETS.iter().any(|secret| name.contains(secret)));
        let in_an_address = line
            .split_once("://")
            .and_then(|(_scheme, address)| address.split_once('@'))
            .and_then(|(user, _host)| user.split_once(':'));
        for (_name, value) in named.into_iter().chain(in_an_address) {
            assert!(is_given(value), "{line}");
            given += 1;
        }
    }

    assert!(given >= 4, "{given} secrets come from the environment");
}

#[test]
fn helm_renders_one_hub_on_a_volume_and_several_on_a_server_and_refuses_what_loses_data() {
    let chart = deploy("helm/campanile").display().to_string();
    let template = |settings: &str| run("helm", &["template", "t", &chart, "--set", settings]);
    let Some(one) = template("replicas=1") else {
        return;
    };
    assert!(one.status.success(), "{one:?}");
    let one = String::from_utf8_lossy(&one.stdout).into_owned();
    for part in [
        "kind: StatefulSet",
        "volumeClaimTemplates",
        "/readyz",
        "preStop",
        "cpu: 250m",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }

    let shared = "replicas=3,database.urlSecret=db,jwtSecret=s,ingress.enabled=true";
    let several = template(shared).unwrap();
    assert!(several.status.success(), "{several:?}");
    let several = String::from_utf8_lossy(&several.stdout).into_owned();
    for part in [
        "kind: Deployment",
        "kind: PodDisruptionBudget",
        "kind: Ingress",
        "secretKeyRef",
    ] {
        assert!(several.contains(part), "{part}: {several}");
    }
    assert!(!several.contains("volumeClaimTemplates"));

    for wrong in ["replicas=2", "database.urlSecret=db"] {
        assert!(!template(wrong).unwrap().status.success(), "{wrong}");
    }
}

#[test]
fn the_nginx_of_compose_has_the_configuration_of_the_guide() {
    let changes = [
        ("server 127.0.0.1:8080;", "server hub:8080;"),
        ("server_name hub.example;", "server_name _;"),
        ("/etc/nginx/hub.example.crt", "/etc/nginx/tls/tls.crt"),
        ("/etc/nginx/hub.example.key", "/etc/nginx/tls/tls.key"),
        ("/var/log/nginx/hub.access.log", "/dev/stdout"),
        ("/var/log/nginx/hub.error.log", "/dev/stderr"),
    ];
    let (_, block) = include_str!("../../docs/guide/proxies.md")
        .split_once("```nginx\n")
        .unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let documented = changes.iter().fold(block.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });

    let deployed = std::fs::read_to_string(deploy("nginx/hub.conf")).unwrap();

    // tests/proxies runs the documented one.
    assert_eq!(deployed, documented);
}

#[test]
fn compose_and_prometheus_take_the_files_of_their_profiles() {
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose.yaml");
    let compose = compose.display().to_string();
    let mut arguments = vec!["-f", compose.as_str()];
    for profile in ["postgres", "cluster", "tls", "monitoring"] {
        arguments.extend(["--profile", profile]);
    }
    arguments.extend(["config", "--quiet"]);
    if let Some(checked) = run("docker-compose", &arguments) {
        assert!(checked.status.success(), "{checked:?}");
    }

    // As the container has them in /etc/prometheus.
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in [
        ("prometheus/compose.yml", "prometheus.yml"),
        ("prometheus/alerts.yml", "alerts.yml"),
    ] {
        std::fs::copy(deploy(file), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("metrics.key"), "a key").unwrap();
    let file = folder.path().join("prometheus.yml").display().to_string();
    if let Some(checked) = run("promtool", &["check", "config", &file]) {
        assert!(checked.status.success(), "{checked:?}");
    }
}
