//! The packages of the clients, built from a copy as their users would, and used from there.

use std::path::Path;

use crate::guides::{block, read};
use crate::language::{is_program, not_covered, root, shell};

/// The modules of a build with Maven, among them the application of the guide.
const MODULES: &str = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
    <groupId>all</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging><modules>\
    <module>java</module><module>java-spring-boot-starter</module><module>shop</module></modules></project>";

/// The program that builds, how it tells its version, and the commands.
const PACKAGES: [(&str, &str, &str); 4] = [
    (
        "npm",
        "--version",
        "npm pack --silent ./node && mkdir site && cd site && echo '{\"type\":\"module\"}' > package.json && \
         npm install --silent --no-audit --no-fund ../campanile-backend-*.tgz && \
         node -e 'import(\"campanile-backend\").then(({ Campanile }) => new Campanile({ url: \"http://127.0.0.1\", key: \"k\" }))'",
    ),
    (
        "python3",
        "--version",
        "python3 -m pip wheel -q --no-deps -w wheels ./python && python3 -m pip install -q --no-deps --target installed wheels/*.whl && \
         PYTHONPATH=\"$PWD/installed:$PACKAGES\" python3 -c 'import campanile; assert \"/installed/\" in campanile.__file__; campanile.Campanile(\"http://127.0.0.1\", \"k\")' && \
         test -e installed/campanile/py.typed",
    ),
    ("go", "version", "cd go && go vet ./... && go build ./..."),
    (
        "mvn",
        "--version",
        "mvn -B -q package && jar tf shop/target/shop-1.jar | grep -q campanile-spring-boot-starter-0.1.0.jar",
    ),
];

#[tokio::test]
#[ignore = "fetches the packages of the build tools; ./test.sh --long runs it"]
async fn the_packages_of_the_clients_are_built_and_used_from_where_they_are_installed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = format!("cp -r {}/clients/. .", root().display());
    run(folder.path(), &copy).await;
    let sources = folder.path().join("shop/src/main/java/shop");
    std::fs::create_dir_all(&sources).expect("a folder");
    let page = read("docs/guide/spring.md");
    let page = format!("\n## Guide\n{page}");
    for (language, file) in [
        ("xml", "shop/pom.xml"),
        ("java", "shop/src/main/java/shop/Shop.java"),
    ] {
        let code = block(&page, "Guide", language);
        std::fs::write(folder.path().join(file), code).expect("a file");
    }
    std::fs::write(folder.path().join("pom.xml"), MODULES).expect("a file");

    for (program, version, commands) in PACKAGES {
        if is_program(program, version) {
            run(folder.path(), commands).await;
        } else {
            not_covered(
                "the packages of clients/",
                &format!("there is no {program}"),
            );
        }
    }
}

async fn run(folder: &Path, commands: &str) {
    let mut command = shell(folder, &format!("set -o pipefail; {commands}"));
    command.env("PACKAGES", root().join("tests/backends/python/packages"));
    let output = command.output().await.expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{text}");
}
