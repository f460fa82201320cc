//! The signals of the process: SIGTERM and SIGINT stop it, SIGHUP reads the certificate and the issuers again.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::actions::{self, AppState};
use crate::app::error::StartError;
use crate::auth::{self, IssuerSettings};
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

/// The files that a hang-up reads again.
pub(super) struct Renewal {
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) issuers: Option<PathBuf>,
    pub(super) state: Arc<AppState>,
}

impl Renewal {
    /// Takes the issuers of the start, and waits for hang-ups from then on.
    pub(super) async fn begin(
        self,
        issuers: Vec<IssuerSettings>,
        hang_up: Signal,
    ) -> Result<(), StartError> {
        let taken = actions::issuers::renew(&self.state, issuers).await;
        taken.map_err(StartError::Issuers)?;
        actix_web::rt::spawn(self.at_each(hang_up));
        Ok(())
    }

    /// Reads the files anew at each hang-up. A hub without any does nothing, and goes on.
    async fn at_each(self, mut hang_up: Signal) {
        while hang_up.recv().await.is_some() {
            match &self.certificate {
                Some(certificate) => renew(Arc::clone(certificate)).await,
                None => log::info!("SIGHUP: there is no certificate to read anew"),
            }
            if let Some(path) = &self.issuers {
                self.renew_issuers(path.clone()).await;
            }
        }
    }

    async fn renew_issuers(&self, path: PathBuf) {
        let read = tokio::task::spawn_blocking(move || auth::read_issuers(&path)).await;
        let renewed = match read.map_err(|cause| cause.to_string()).flatten() {
            Ok(settings) => actions::issuers::renew(&self.state, settings).await,
            Err(cause) => Err(cause),
        };
        match renewed {
            Ok(()) => log::info!("SIGHUP: the issuers were read anew"),
            Err(cause) => log::error!("SIGHUP: the issuers stay as they were: {cause}"),
        }
    }
}

async fn renew(certificate: Arc<Certificate>) {
    let renewed = tokio::task::spawn_blocking(move || certificate.renew()).await;
    match renewed.map_err(|cause| cause.to_string()).flatten() {
        Ok(()) => log::info!("SIGHUP: the certificate was read anew"),
        Err(cause) => log::error!("SIGHUP: the certificate stays as it was: {cause}"),
    }
}
