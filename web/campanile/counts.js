// The numbers of unseen and unread alarms, as of an id of the log.

/** @import { Alarm, AlarmId, Counts } from "./wire.d.ts" */

export class Tally {
  /** @type {Counts | null} */
  counts = null;
  /** @type {AlarmId} the last id that they count */
  head = 0;
  #tell;

  /** @param {(counts: Counts) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /**
   * @param {Counts} counts
   * @param {AlarmId} head
   */
  put({ unseen, unread }, head) {
    this.head = head;
    this.counts = { unseen, unread };
    this.#tell(this.counts);
  }

  /**
   * Takes counts unless they were taken before an alarm that was already added here: that one they would lose.
   * @param {Counts & { head: AlarmId }} counts
   */
  take(counts) {
    if (counts.head < this.head) return false;
    this.put(counts, counts.head);
    return true;
  }

  /**
   * @param {AlarmId} id
   * @param {Alarm} alarm
   */
  arrived(id, { seenAt, readAt }) {
    if (id <= this.head || !this.counts) return;
    const { unseen, unread } = this.counts;
    this.put({ unseen: unseen + (seenAt ? 0 : 1), unread: unread + (readAt ? 0 : 1) }, id);
  }

  forget() {
    this.counts = null;
  }
}
