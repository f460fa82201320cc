//! The npm package of the client: that it is what its sources give, that npm makes the same, and that a server may import it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::TestApp;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).expect("text")
}

/// Unpacks a package; returns its folder.
fn unpacked(package: &Path, into: &Path) -> PathBuf {
    std::fs::create_dir_all(into).expect("a folder");
    let mut tar = Command::new("tar");
    run(tar.arg("-xzf").arg(package).arg("-C").arg(into));
    into.join("package")
}

#[tokio::test]
async fn the_package_that_the_hub_serves_is_what_the_sources_give_and_what_npm_packs() {
    let app = TestApp::spawn().await;
    let folder = tempfile::tempdir().expect("a folder");
    let served = folder.path().join("served.tgz");
    let answer = reqwest::get(app.url("/campanile-client.tgz"));
    let answer = answer.await.expect("an answer");
    let bytes = answer.bytes().await.expect("the package");
    std::fs::write(&served, bytes).expect("a file");

    run(Command::new("node")
        .arg(root().join("web/build.mjs"))
        .arg("--check"));
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--pack-destination"]);
    pack.arg(folder.path()).arg(root().join("web/dist"));
    let packed = folder.path().join(run(&mut pack).trim());

    let served = unpacked(&served, &folder.path().join("served"));
    let packed = unpacked(&packed, &folder.path().join("packed"));
    run(Command::new("diff").arg("-r").arg(&served).arg(&packed));
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let manifest = std::fs::read_to_string(served.join("package.json")).expect("a manifest");
    assert!(manifest.contains(&version), "{manifest}");
    assert!(!manifest.contains("\"dependencies\""), "{manifest}");
}

#[test]
fn a_server_imports_the_package_and_nothing_happens() {
    let folder = tempfile::tempdir().expect("a folder");
    let modules = folder.path().join("node_modules");
    let package = unpacked(&root().join("assets/campanile-client.tgz"), &modules);
    std::fs::rename(package, modules.join("campanile")).expect("its place");
    let script = "import { createCampanile } from 'campanile';
        import { countsOf } from 'campanile/svelte';
        import 'campanile/bell';
        const campanile = createCampanile({ hub: 'https://hub.example.com', token: () => { throw new Error('asked'); } });
        let unread = null;
        countsOf(campanile).subscribe((counts) => (unread = counts.unread))();
        console.log(unread, campanile.inbox().value.items.length, campanile.client);";

    let mut node = Command::new("node");
    let told = run(node
        .args(["--input-type=module", "-e", script])
        .current_dir(folder.path()));

    assert_eq!(told.trim(), "0 0 null");
}
