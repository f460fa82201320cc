//! The npm package of the client: that it is what its sources give, that npm makes the same, and that a server may import it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

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

/// A program of a page with types of a hub: lines that the compiler takes, and lines that it refuses.
const TYPED: &str = r#"
import { createCampanile } from "campanile";
import type { AlarmTypes } from "./alarm-types.js";

const campanile = createCampanile<AlarmTypes>();
campanile.onAlarm((alarm) => {
  if (alarm.alarmType === "ORDER") {
    alarm.data.order.toFixed();
    alarm.data.lines.map(({ name }) => name?.trim());
    alarm.data.state satisfies "new" | "sent" | null | undefined;
    alarm.data["a-b"]?.[0].trim();
    // @ts-expect-error: there is no such field
    alarm.data.other;
    // @ts-expect-error: it may be absent
    alarm.data["a-b"][0];
  }
  if (alarm.alarmType === "EITHER") typeof alarm.data === "string" ? alarm.data.trim() : alarm.data.n.toFixed();
  // @ts-expect-error: anything may be in it
  if (alarm.alarmType === "PLAIN") alarm.data.title;
});
// @ts-expect-error: there is no such type
campanile.inbox({ alarmType: "ODER" });
"#;

#[tokio::test]
async fn the_types_that_a_hub_declares_type_the_alarms_of_a_page() {
    let app = TestApp::spawn().await;
    let order = json!({
        "type": "object",
        "required": ["order", "lines"],
        "properties": {
            "order": {"type": "integer"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "state": {"enum": ["new", "sent", null]},
            "a-b": {"prefixItems": [{"type": "string"}], "minItems": 1}
        },
        "$defs": {"line": {"type": "object", "properties": {"name": {"type": "string"}}}}
    });
    let either = json!({"oneOf": [{"type": "string"}, {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}]});
    for (name, declaration) in [
        ("ORDER", json!({"schema": order})),
        ("EITHER", json!({"schema": either})),
        ("PLAIN", json!({})),
    ] {
        let declaring = app.put(&app.admin(), &format!("/api/alarm-types/{name}"));
        let answer = declaring.json(&declaration).send().await;
        assert_eq!(answer.expect("an answer").status(), 201);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let package = unpacked(
        &root().join("assets/campanile-client.tgz"),
        &folder.path().join("node_modules"),
    );
    std::fs::rename(package, folder.path().join("node_modules/campanile")).expect("its place");
    let module = app.get(&app.service(), "/api/alarm-types.d.ts").send();
    let module = module.await.expect("an answer").text().await;
    let module = module.expect("a module");
    std::fs::write(folder.path().join("alarm-types.d.ts"), &module).expect("a file");
    std::fs::write(folder.path().join("page.ts"), TYPED).expect("a file");

    let mut tsc = Command::new("node");
    tsc.arg(root().join("web/node_modules/typescript/bin/tsc"))
        .args(["--noEmit", "--strict", "--target", "esnext"])
        .args(["--module", "nodenext", "page.ts", "alarm-types.d.ts"])
        .current_dir(folder.path());
    let output = tsc.output().expect("node");

    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{module}");
}

/// The blocks of TypeScript in the guide, each with what it takes for granted before it.
#[test]
fn the_snippets_of_the_guide_are_typed() {
    let guide = std::fs::read_to_string(root().join("docs/guide/javascript.md")).expect("a guide");
    let blocks: Vec<&str> = guide
        .split("```ts\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let [creating, listing, declared] = blocks.as_slice() else {
        panic!("three blocks: {blocks:#?}");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let package = unpacked(
        &root().join("assets/campanile-client.tgz"),
        &folder.path().join("node_modules"),
    );
    std::fs::rename(package, folder.path().join("node_modules/campanile")).expect("its place");
    let import = "import { createCampanile } from \"campanile\";\n";
    let show =
        "const campanile = createCampanile();\ndeclare const show: (items: unknown) => void;\n";
    let types = "export interface AlarmTypes { ORDER_SHIPPED: { title: string } }\n";
    let files = [
        ("creating.ts", (*creating).to_owned()),
        ("listing.ts", format!("{import}{show}{listing}")),
        ("declared.ts", format!("{import}{declared}")),
        ("alarm-types.d.ts", types.to_owned()),
    ];
    let mut tsc = Command::new("node");
    tsc.arg(root().join("web/node_modules/typescript/bin/tsc"))
        .args(["--noEmit", "--strict", "--target", "esnext"])
        .args(["--module", "nodenext"])
        .current_dir(folder.path());
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), text).expect("a file");
        tsc.arg(name);
    }

    let output = tsc.output().expect("node");

    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
}
