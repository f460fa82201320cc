// Uses of the package's types; compiled by `npm run check`, never run.

import { connect, createCampanile, RequestError } from "campanile";
import { useAlarm, useCounts, useInbox, useToasts } from "campanile/react";
import { countsOf, inboxOf } from "campanile/svelte";
import { useInbox as useVueInbox } from "campanile/vue";

type Alarms = {
  ORDER_SHIPPED: { title: string; parcels: number };
  NEW_COMMENT: { text: string };
};

const campanile = createCampanile<Alarms>({ hub: "https://hub.example.com", token: async () => null });

campanile.onAlarm((alarm, { replayed }) => {
  if (alarm.alarmType === "ORDER_SHIPPED") alarm.data.parcels.toFixed(replayed ? 0 : 1);
  else alarm.data.text.trim();
  // @ts-expect-error: only one of the two has it
  alarm.data.parcels;
});
campanile.inbox({ alarmType: "NEW_COMMENT" }).value.items.map(({ id, data }) => `${id.toFixed()} ${data.text}`);
campanile.inbox({ alarmType: ["ORDER_SHIPPED", "NEW_COMMENT"], status: "unread" });
campanile.countsOf("ORDER_SHIPPED").value.unread.toFixed();
// @ts-expect-error: there is no such type
campanile.inbox({ alarmType: "ORDER_SHIPED" });
// @ts-expect-error: there is no such type
campanile.countsOf("ORDER_SHIPED");

useAlarm(campanile, (alarm) => alarm.alarmType === "NEW_COMMENT" && alarm.data.text);
useCounts(campanile, "NEW_COMMENT").unseen.toFixed();
useToasts(campanile).toasts.map(({ alarmType }) => alarmType.toLowerCase());
useInbox(campanile, { alarmType: "ORDER_SHIPPED" }).items.map(({ data }) => data.parcels);
useVueInbox(campanile).state.value.items.map(({ alarmType }) => alarmType.toLowerCase());
countsOf(campanile).subscribe(({ unread }) => unread.toFixed());
inboxOf(campanile, { alarmType: "NEW_COMMENT" }).subscribe(({ items }) => items[0]?.data.text);

// Without a map any type and any data will do.
createCampanile().onAlarm(({ alarmType, data }) => alarmType + data.whatever);
connect({ onCounts: ({ unread }) => unread.toFixed() }).close();
new RequestError(404).status.toFixed();
