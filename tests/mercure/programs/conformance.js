// Each case: the matchers of a stream, the topic of an update, true if it is private, and whether it must come.
window.outcome = null;
(async () => {
  const publish = async (pairs) => {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch('/.well-known/mercure', { method: 'POST', headers, body: new URLSearchParams(pairs) });
    return [answer.status, answer.headers.get('Content-Type'), await answer.text()];
  };
  const outcome = [];
  for (const [number, [matchers, topic, isPrivate]] of cases.entries()) {
    const query = new URLSearchParams([...matchers, ['match', 'end']]);
    const source = new EventSource(`/.well-known/mercure?${query}`);
    const first = new Promise((resolve) => {
      source.onmessage = (event) => resolve([event.lastEventId, event.data]);
    });
    await new Promise((resolve) => { source.onopen = resolve; });
    const pairs = [['topic', topic], ['id', `id-${number}`], ['data', 'data for\n\n    this case']];
    const answer = await publish(isPrivate ? [...pairs, ['private', 'on']] : pairs);
    await publish([['topic', 'end'], ['id', 'end']]);
    outcome.push({ answer, first: await first });
    source.close();
  }
  window.outcome = outcome;
})();
