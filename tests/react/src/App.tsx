import type { AlarmOf } from "campanile";
import { useCounts, useInbox, useToasts } from "campanile/react";
import { type Alarms, campanile } from "./campanile";

const textOf = (alarm: AlarmOf<Alarms>) => (alarm.alarmType === "ORDER_SHIPPED" ? alarm.data.title : alarm.data.text);

export default function App() {
  const { unread } = useCounts(campanile);
  const { items, hasMore, more, setRead, remove, readAll } = useInbox(campanile);
  const { toasts } = useToasts(campanile);
  return (
    <main>
      <h1>Inbox ({unread})</h1>
      <button onClick={readAll}>Mark all as read</button>
      {items.map((alarm) => (
        <article key={alarm.id} onClick={() => setRead(alarm)} style={{ fontWeight: alarm.readAt ? 400 : 700 }}>
          {textOf(alarm)} <button onClick={() => remove(alarm)}>Delete</button>
        </article>
      ))}
      {hasMore && <button onClick={more}>Older</button>}
      <aside role="status">{toasts.map((alarm) => <p key={alarm.id}>{textOf(alarm)}</p>)}</aside>
    </main>
  );
}
