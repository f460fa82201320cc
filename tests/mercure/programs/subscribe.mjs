// Subscribes with event-source-polyfill: the folder of its package, an address and a token. Writes a line when it is open, and one
// for each event.
import { createRequire } from 'node:module';

const [folder, url, token] = process.argv.slice(2);
const { EventSourcePolyfill } = createRequire(`${folder}/package.json`)('event-source-polyfill');
const source = new EventSourcePolyfill(url, {
  headers: { Authorization: `Bearer ${token}` },
  lastEventIdQueryParameterName: 'lastEventID',
});
source.onopen = () => console.log('open');
source.onmessage = (event) => console.log(`${event.lastEventId} ${event.data}`);
