//! The signals of the process: SIGTERM and SIGINT stop it, SIGHUP renews the certificate.

use std::future::Future;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::error::StartError;
use crate::server::tls::Certificate;

pub(super) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Reads the certificate anew at each hang-up. A hub without one does nothing, and goes on.
pub(super) async fn renew_on(mut hang_up: Signal, certificate: Option<Arc<Certificate>>) {
    while hang_up.recv().await.is_some() {
        let Some(certificate) = certificate.clone() else {
            log::info!("SIGHUP: there is no certificate to read anew");
            continue;
        };
        let renewed = tokio::task::spawn_blocking(move || certificate.renew()).await;
        match renewed.map_err(|cause| cause.to_string()).flatten() {
            Ok(()) => log::info!("SIGHUP: the certificate was read anew"),
            Err(cause) => log::error!("SIGHUP: the certificate stays as it was: {cause}"),
        }
    }
}
