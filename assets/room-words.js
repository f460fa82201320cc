// The texts of a room's script; those that the page has as well are the same as in src/pages/words.

import { wordsOf } from "./campanile.js";

const en = {
  admin: "Admin",
  open: "Open",
  /** @param {string} who */
  rings: (who) => `${who} rings the room`,
  /** @param {string} who */
  adminRings: (who) => `The administrator ${who} calls everybody`,
  since: "New since you left",
  /** @param {number} count */
  below: (count) => (count === 1 ? "1 new message" : `${count} new messages`),
  earlier: "Load earlier",
  loading: "Loading…",
  earlierFailed: "That did not work. Load earlier",
  notSent: "Not sent.",
  again: "Try again",
  discard: "Discard",
};

/** @type {typeof en} */
const ko = {
  admin: "관리자",
  open: "열기",
  rings: (who) => `${who} 님이 종을 울렸습니다`,
  adminRings: (who) => `관리자 ${who} 님이 모두를 부릅니다`,
  since: "자리를 비운 뒤의 메시지",
  below: (count) => `새 메시지 ${count}개`,
  earlier: "이전 메시지 보기",
  loading: "불러오는 중…",
  earlierFailed: "불러오지 못했습니다. 이전 메시지 보기",
  notSent: "보내지 못했습니다.",
  again: "다시 보내기",
  discard: "지우기",
};

export const words = wordsOf({ en, ko });
