// Vue composables: refs that follow the hub while their component is mounted.

import { getCurrentInstance, onMounted, onScopeDispose, shallowReadonly, shallowRef } from "vue";
import { toastsOf } from "./toasts.js";

export function useReadable(store) {
  const state = shallowRef(store.initial);
  let end = () => {};
  const begin = () => {
    end = store.subscribe(() => (state.value = store.value));
    state.value = store.value;
  };
  // A server renders and mounts nothing.
  if (getCurrentInstance()) onMounted(begin);
  else begin();
  onScopeDispose(() => end());
  return shallowReadonly(state);
}

export const useStatus = (campanile) => useReadable(campanile.status);

export const useCounts = (campanile, ...types) => useReadable(types.length ? campanile.countsOf(...types) : campanile.counts);

export function useInbox(campanile, filter) {
  const inbox = campanile.inbox(filter);
  const { more, reload, setRead, remove, readAll, seen } = inbox;
  return { state: useReadable(inbox), more, reload, setRead, remove, readAll, seen };
}

export function useAlarm(campanile, hear) {
  let end = () => {};
  const begin = () => (end = campanile.onAlarm(hear));
  if (getCurrentInstance()) onMounted(begin);
  else begin();
  onScopeDispose(() => end());
}

export function useToasts(campanile, options) {
  const { store, dismiss } = toastsOf(campanile, options);
  return { toasts: useReadable(store), dismiss };
}
