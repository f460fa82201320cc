// React hooks. Each subscribes in an effect, so that StrictMode, hot reload and server rendering make one connection.

import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { toastsOf } from "./toasts.js";

export const useReadable = (store) => useSyncExternalStore(store.subscribe, () => store.value, () => store.initial);

export const useStatus = (campanile) => useReadable(campanile.status);

export const useCounts = (campanile, ...types) => useReadable(types.length ? campanile.countsOf(...types) : campanile.counts);

export function useInbox(campanile, filter) {
  const inbox = campanile.inbox(filter);
  const { more, reload, setRead, remove, readAll, seen } = inbox;
  return { ...useReadable(inbox), more, reload, setRead, remove, readAll, seen };
}

export function useAlarm(campanile, hear) {
  const latest = useRef(hear);
  useEffect(() => {
    latest.current = hear;
  });
  useEffect(() => campanile.onAlarm((alarm, how) => latest.current(alarm, how)), [campanile]);
}

export function useToasts(campanile, { seconds, most } = {}) {
  const { store, dismiss } = useMemo(() => toastsOf(campanile, { seconds, most }), [campanile, seconds, most]);
  return { toasts: useReadable(store), dismiss };
}
