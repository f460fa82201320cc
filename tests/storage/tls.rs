//! TLS to a server, with each degree of trust that libpq has.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;

use crate::stored::publish;
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, run};

/// Gives the server a certificate for `localhost`, and the file of the authority that signed it.
fn certify(postgres: &Postgres, folder: &Path) -> String {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    postgres.speak_tls(&certificate.pem(), &key.serialize_pem());
    let file = folder.join("root.pem");
    std::fs::write(&file, root.pem()).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn a_server_is_trusted_as_far_as_the_url_says() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let root = certify(&postgres, folder.path());
    let by_address = postgres.database("hub");
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let encrypted = "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'campanile'";

    for (url, expected) in [
        (
            format!("{by_name}?sslmode=verify-full&sslrootcert={root}"),
            "t|t",
        ),
        (
            format!("{by_address}?sslmode=verify-ca&sslrootcert={root}"),
            "t|t",
        ),
        (format!("{by_address}?sslmode=require"), "t|t"),
        (by_address.clone(), "t|t"),
        (format!("{by_address}?sslmode=disable"), "f|t"),
    ] {
        let app = AppBuilder::default()
            .env("CAMPANILE_DATABASE_URL", &url)
            .spawn()
            .await;
        app.user("bob").await;

        assert_eq!(publish(&app, &Value::Null).await.0, 201, "{url}");
        assert_eq!(postgres.sql(&by_address, encrypted), expected, "{url}");
    }
    for url in [
        // The certificate is for another name, and its authority is none of those compiled in.
        format!("{by_address}?sslmode=verify-full&sslrootcert={root}"),
        format!("{by_name}?sslmode=verify-full"),
        format!("{by_name}?sslmode=verify-ca"),
    ] {
        let settings = [("CAMPANILE_DATABASE_URL", url.as_str())];
        let refused = run(folder.path(), &["serve"], &settings, "").await;

        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("certificate"), "{said}");
    }
}
