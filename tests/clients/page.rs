//! Clients in a page of Chromium, with the browser's own `EventSource`.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::chromium::Chromium;

/// The addresses over which the streams are spread: a browser opens six connections to one host.
pub(crate) const HOSTS: u8 = 40;

/// The page; its end closes the window.
pub(crate) struct Page(JoinHandle<()>);

impl Page {
    /// Opens a stream for each of `clients`, which are its tokens, and hands each line that the page tells to `take`.
    pub(crate) async fn open(
        clients: &[String],
        urls: &[String],
        take: impl Fn(&Value) + Send + 'static,
    ) -> Self {
        let chromium = Chromium::start().await;
        let window = chromium.window().await;
        // Some page of the proxy's first address, whose origin the hub lets in.
        window
            .visit(&urls[0].replace("/api/stream", "/healthz"))
            .await;
        let tokens: Vec<Vec<&str>> = clients.iter().map(|all| all.split(',').collect()).collect();
        let call = format!("window.start({}, {});", json!(tokens), json!(urls));
        window.run(&format!("{CLIENT}\n{call}")).await;
        let polling = tokio::spawn(async move {
            let _open = chromium;
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
            loop {
                tick.tick().await;
                let lines = window.value("window.lines.splice(0)").await;
                lines.as_array().expect("lines").iter().for_each(&take);
            }
        });
        Self(polling)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The clients of the page, as docs/guide/clients.md shows one: `EventSource` goes on by itself, but for an answer other than 200.
const CLIENT: &str = r#"
window.lines = [];
window.start = (all, urls) => all.forEach((tokens, number) => {
  const tell = (event, more) => lines.push({client: number, event, ...more});
  let cursor = null;
  let source;
  const address = () => urls[number] + '?' + new URLSearchParams({token: tokens[0], ...(cursor && {cursor})});
  const openLater = () => setTimeout(open, 300 + 700 * Math.random());
  const renew = () => {
    if (tokens.length < 2) return false;
    tokens.shift();
    tell('renewed');
    openLater();
    return true;
  };
  const ask = async () => (await fetch(address(), {method: 'HEAD'}).catch(() => ({status: 0}))).status;
  const open = () => {
    const mine = source = new EventSource(address());
    for (const name of ['connect', 'alarm', 'message', 'bye']) {
      mine.addEventListener(name, ({lastEventId, data}) => {
        if (lastEventId) cursor = lastEventId;
        const {reason} = JSON.parse(data);
        tell(name, {id: Number(lastEventId), reason});
        if (name === 'bye' && reason === 'expired') {
          mine.close();
          renew();
        }
      });
    }
    mine.addEventListener('error', async () => {
      if (mine.readyState !== EventSource.CLOSED) return;
      const status = await ask();
      if (status !== 401) openLater();
      else if (!renew()) tell('refused', {status});
    });
  };
  open();
});
"#;
