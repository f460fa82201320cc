//! From an accepted socket to requests: the protocol it speaks, and the part that serves it. `http1` serves HTTP/1.0 and
//! HTTP/1.1 until an answer without an end begins (`endless`); `http2` serves HTTP/2.

pub(crate) mod connections;
mod endless;
mod head;
mod http1;
mod http2;
mod incoming;
mod preface;
pub(crate) mod socket;
pub(crate) mod tls;
mod upgrade;
mod window;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{Request, ServiceConfig};
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory};
use actix_tls::accept::rustls_0_23::{Acceptor, AcceptorService, TlsStream};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, TryFutureExt};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::server::connections::{Connection, Connections};
use crate::server::endless::Ended;
use crate::server::preface::{Begun, Protocol};

/// The settings that sockets are served with.
#[derive(Clone)]
pub(crate) struct Doorway {
    /// Counts and watches them.
    pub(crate) connections: Connections,
    /// Certificate and protocols, if they are encrypted.
    pub(crate) tls: Option<ServerConfig>,
    /// The time that requests under way have once the server stops.
    pub(crate) end_within: Duration,
}

/// Serves what `app` makes on a listener, HTTP/1.1 and HTTP/2 on the same port. The signal tells the begin of a stop.
pub(crate) fn listen<F, I, S, B>(
    listener: TcpListener,
    doorway: Doorway,
    app: F,
) -> io::Result<(Server, GracefulShutdownSignal)>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    // One that was given by another program is not prepared yet.
    socket::prepare(SockRef::from(&listener));
    let builder = Server::build()
        .shutdown_timeout(doorway.end_within.as_secs())
        // A client above the limit gets an answer; the framework's limit would leave it waiting in the queue of the kernel.
        .max_concurrent_connections(doorway.connections.out_of_reach())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let begun = stopping.clone();
    let door = move || {
        let (doorway, stopping, app) = (doorway.clone(), stopping.clone(), app.clone());
        fn_factory(move || {
            let app = app().into_factory().new_service(AppConfig::default());
            let (doorway, stopping) = (doorway.clone(), stopping.clone());
            async move { Door::new(doorway, stopping, Rc::new(app.await?)).await }
        })
    };
    Ok((builder.listen("campanile", listener, door)?.run(), begun))
}

/// One worker's service for the sockets it is handed.
struct Door {
    connections: Connections,
    entry: Rc<Entry>,
}

enum Entry {
    Plain(Protocols<Begun<TcpStream>>),
    Encrypted(AcceptorService, Protocols<TlsStream<TcpStream>>),
}

/// Both protocols over one kind of stream.
struct Protocols<T> {
    one: Serve<T>,
    two: Serve<T>,
}

/// Serves one connection to its end, or to where an answer without one begins.
type Serve<T> = Box<dyn Fn(T, Visitor) -> LocalBoxFuture<'static, Option<Rest>>>;

/// The rest of a connection whose answer has no end: nothing but that answer.
type Rest = LocalBoxFuture<'static, ()>;

/// The client of a connection, as known before its first request.
struct Visitor {
    connection: Rc<Connection>,
    address: Option<SocketAddr>,
}

impl Door {
    async fn new<S, B>(
        doorway: Doorway,
        stopping: GracefulShutdownSignal,
        app: Rc<S>,
    ) -> Result<Self, ()>
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
        S::Future: 'static,
        B: MessageBody + 'static,
    {
        let entry = match doorway.tls {
            None => Entry::Plain(Protocols::new(app, stopping)),
            Some(config) => {
                // A trait with a type parameter: the acceptor takes any stream.
                let acceptor = ServiceFactory::<TcpStream>::new_service(&Acceptor::new(config), ());
                Entry::Encrypted(acceptor.await?, Protocols::new(app, stopping))
            }
        };
        Ok(Self {
            connections: doorway.connections,
            entry: Rc::new(entry),
        })
    }
}

impl Service<TcpStream> for Door {
    type Response = ();
    type Error = ();
    type Future = LocalBoxFuture<'static, Result<(), ()>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
        match &*self.entry {
            Entry::Plain(_) => Poll::Ready(Ok(())),
            // Handshakes cost so much that only so many are made at a time.
            Entry::Encrypted(acceptor, _) => {
                Service::<TcpStream>::poll_ready(acceptor, context).map_err(drop)
            }
        }
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let visitor = Visitor {
            address: stream.peer_addr().ok(),
            connection: self.connections.admit(),
        };
        enter(Rc::clone(&self.entry), stream, visitor)
            .map(Ok)
            .boxed_local()
    }
}

/// Serves a connection to its end.
fn enter(
    entry: Rc<Entry>,
    stream: TcpStream,
    visitor: Visitor,
) -> impl Future<Output = ()> + 'static {
    // The connection counts as open for as long as this is held.
    let open = Rc::clone(&visitor.connection);
    // Boxed, so that the memory of the requests is given back when an answer without an end begins.
    let requests = begin(entry, stream, visitor).boxed_local();
    async move {
        let _open = open;
        let rest = requests.await;
        if let Some(rest) = rest {
            rest.await;
        }
    }
}

/// Serves the requests of a connection, until it has been idle for too long.
async fn begin(entry: Rc<Entry>, stream: TcpStream, visitor: Visitor) -> Option<Rest> {
    let connection = Rc::clone(&visitor.connection);
    tokio::select! {
        biased;
        rest = serve(&entry, stream, visitor) => rest,
        // A read that waits inside, for a byte that never comes, ends with its future.
        () = connection.idled_out() => None,
    }
}

/// Finds out the protocol; from then on it has the connection. What is needed for that is boxed, so that a stream keeps no
/// room for it.
async fn serve(entry: &Entry, stream: TcpStream, visitor: Visitor) -> Option<Rest> {
    match entry {
        Entry::Plain(protocols) => {
            let begun = tokio::time::timeout(FIRST_BYTES_WITHIN, Begun::read(stream));
            match Box::pin(begun).await {
                Ok(Ok((protocol, stream))) => protocols.serve(protocol, stream, visitor).await,
                Ok(Err(_)) | Err(_) => None,
            }
        }
        Entry::Encrypted(acceptor, protocols) => {
            Box::pin(decrypt(acceptor, protocols, stream, visitor)).await
        }
    }
}

async fn decrypt(
    acceptor: &AcceptorService,
    protocols: &Protocols<TlsStream<TcpStream>>,
    stream: TcpStream,
    visitor: Visitor,
) -> Option<Rest> {
    let served = match acceptor.call(stream).await {
        Ok(stream) => {
            let protocol = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Protocol::Http2,
                _ => Protocol::Http1,
            };
            protocols.serve(protocol, stream, visitor)
        }
        Err(cause) => {
            log::debug!("a TLS handshake failed: {cause:?}");
            return None;
        }
    };
    served.await
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Protocols<T> {
    fn new<S, B>(app: Rc<S>, stopping: GracefulShutdownSignal) -> Self
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
        B: MessageBody + 'static,
    {
        let (app1, stopping1) = (Rc::clone(&app), stopping.clone());
        // One for all: each has a clock of its own that ticks twice a second.
        let config = ServiceConfig::default();
        Self {
            one: Box::new(move |stream, visitor| {
                let (app, stopping) = (Rc::clone(&app1), stopping1.clone());
                let served = http1::serve(stream, config.clone(), app, visitor, stopping);
                told(served)
                    .map(|left| Some(told(left.flatten()?).map(drop).boxed_local()))
                    .boxed_local()
            }),
            two: Box::new(move |stream, visitor| {
                http2::serve(stream, Rc::clone(&app), visitor, stopping.clone())
                    .map(|()| None)
                    .boxed_local()
            }),
        }
    }

    fn serve(
        &self,
        protocol: Protocol,
        stream: T,
        visitor: Visitor,
    ) -> LocalBoxFuture<'static, Option<Rest>> {
        match protocol {
            Protocol::Http1 => (self.one)(stream, visitor),
            Protocol::Http2 => (self.two)(stream, visitor),
        }
    }
}

/// The result of a connection, or of the rest of it; nothing if it ended before its time, as is usual for clients that leave.
fn told<O>(served: impl Future<Output = Result<O, Ended>>) -> impl Future<Output = Option<O>> {
    served
        .inspect_err(|cause| log::debug!("a connection ended: {cause}"))
        .map(Result::ok)
}

/// The time a client may be silent after it connected.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::server::endless::{Coding, Exchange};

    async fn socket() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap()
    }

    /// The server's end of a connection that has begun.
    async fn begun() -> Begun<TcpStream> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (server, _address) = listener.accept().await.unwrap();
        assert_eq!(client.unwrap().try_write(b"GET").unwrap(), 3);
        Begun::read(server).await.unwrap().1
    }

    /// Every open stream holds both of these for as long as it lives.
    #[actix_web::test]
    async fn what_a_connection_keeps_besides_its_socket_and_body_is_small() {
        let visitor = Visitor {
            connection: Connections::within(1_000).admit(),
            address: None,
        };
        let nobody: fn(Begun<TcpStream>, Visitor) -> LocalBoxFuture<'static, Option<Rest>> =
            |_, _| std::future::ready(None).boxed_local();
        let entry = Rc::new(Entry::Plain(Protocols {
            one: Box::new(nobody),
            two: Box::new(nobody),
        }));

        let outer = size_of_val(&enter(entry, socket().await, visitor));
        let exchange = Exchange::begin(begun().await, BytesMut::new(), ().boxed(), Coding::Chunked);
        let inner = size_of_val(&told(exchange.await.unwrap()));

        assert!(outer <= 96 && inner <= 128, "{outer} and {inner} bytes");
    }

    /// A poll that waits holds this for as long as it does.
    #[actix_web::test]
    async fn what_a_connection_keeps_while_its_answer_is_late_is_small() {
        let app = actix_web::test::init_service(actix_web::App::new()).await;
        let visitor = Visitor {
            connection: Connections::within(1_000).admit(),
            address: None,
        };
        let stopping = Server::build().graceful_shutdown_signal();
        let stream = socket().await;

        let config = ServiceConfig::default();
        let served = size_of_val(&http1::serve(
            stream,
            config,
            Rc::new(app),
            visitor,
            stopping,
        ));

        assert!(served <= 1_400, "{served} bytes");
    }
}
