// Svelte stores: `$counts`, `$inbox`. They keep to the store contract and need nothing of Svelte.

import { toastsOf } from "./toasts.js";

export function readable(store) {
  return {
    subscribe(run) {
      // A server renders what there is and watches nothing.
      if (typeof window === "undefined") {
        run(store.initial);
        return () => {};
      }
      const end = store.subscribe(() => run(store.value));
      run(store.value);
      return end;
    },
  };
}

export const statusOf = (campanile) => readable(campanile.status);

export const countsOf = (campanile, ...types) => readable(types.length ? campanile.countsOf(...types) : campanile.counts);

export function inboxOf(campanile, filter) {
  const inbox = campanile.inbox(filter);
  const { more, reload, setRead, remove, readAll, seen } = inbox;
  return { ...readable(inbox), more, reload, setRead, remove, readAll, seen };
}

export function toastStore(campanile, options) {
  const { store, dismiss } = toastsOf(campanile, options);
  return { ...readable(store), dismiss };
}
