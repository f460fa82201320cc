// The words of the bell, its panel, its toasts and its notice.

/** @import { RequestError } from "./request.js" */

const en = {
  notifications: "Notifications",
  /** @param {number | string} count */
  bell: (count) => (count ? `Notifications, ${count} new` : "Notifications"),
  inbox: "Inbox",
  unread: "Unread",
  readAll: "Mark all as read",
  seeAll: "See all notifications",
  close: "Close",
  markRead: "Mark as read",
  markUnread: "Mark as unread",
  delete: "Delete",
  caughtUp: "You’re all caught up",
  atOnce: "New notifications appear here at once.",
  offline: "You are offline",
  mayBeOld: "What is shown may be old.",
  failed: "That did not work",
  unreachable: "The hub cannot be reached.",
  /** @param {RequestError} error */
  refused: (error) => error.message,
  again: "Try again",
  /** @param {number} count */
  pill: (count) => `${count} new`,
  /**
   * @param {number} count
   * @param {string} what
   */
  announce: (count, what) => (count === 1 ? `New notification: ${what}` : `${count} new notifications`),
  /** @param {number} count */
  missed: (count) => `${count} new while you were away`,
  /**
   * @param {string} who
   * @param {string} room
   */
  rings: (who, room) => `${who} rings ${room}`,
  /**
   * @param {string} who
   * @param {string} room
   */
  says: (who, room) => `${who} in ${room}`,
  reconnecting: "Reconnecting…",
  noUpdates: "No live updates.",
  /** @param {number} seconds */
  retrying: (seconds) => (seconds ? `Retrying in ${seconds} s` : "Retrying…"),
  retryNow: "Retry now",
  backOnline: "Back online",
  otherUser: "Somebody else has signed in.",
  shutOut: "This account can no longer connect.",
  signedOut: "You are signed out.",
  signIn: "Sign in",
  deletedUser: "deleted user",
};

/** @type {typeof en} */
const ko = {
  notifications: "알림",
  bell: (count) => (count ? `알림, 새 알림 ${count}개` : "알림"),
  inbox: "알림함",
  unread: "읽지 않음",
  readAll: "모두 읽음으로 표시",
  seeAll: "모든 알림 보기",
  close: "닫기",
  markRead: "읽음으로 표시",
  markUnread: "읽지 않음으로 표시",
  delete: "삭제",
  caughtUp: "모두 확인했습니다",
  atOnce: "새 알림은 이곳에 바로 나타납니다.",
  offline: "오프라인 상태입니다",
  mayBeOld: "표시된 내용이 최신이 아닐 수 있습니다.",
  failed: "처리하지 못했습니다",
  unreachable: "허브에 연결할 수 없습니다.",
  // The hub explains itself in English.
  refused: ({ status }) => {
    if (status >= 500 || status === 429) return "허브가 처리하지 못했습니다. 잠시 후 다시 시도하세요.";
    if (status === 404) return "이미 없는 알림입니다.";
    return status === 401 ? "다시 로그인하세요." : "허용되지 않은 요청입니다.";
  },
  again: "다시 시도",
  pill: (count) => `새 알림 ${count}개`,
  announce: (count, what) => (count === 1 ? `새 알림: ${what}` : `새 알림 ${count}개`),
  missed: (count) => `자리를 비운 사이 새 알림 ${count}개`,
  rings: (who, room) => `${who} 님이 ${room}에서 종을 울렸습니다`,
  says: (who, room) => `${who} · ${room}`,
  reconnecting: "다시 연결하는 중…",
  noUpdates: "실시간 업데이트가 끊겼습니다.",
  retrying: (seconds) => (seconds ? `${seconds}초 후 다시 시도합니다` : "다시 시도하는 중…"),
  retryNow: "지금 다시 시도",
  backOnline: "다시 연결되었습니다",
  otherUser: "다른 사용자가 로그인했습니다.",
  shutOut: "이 계정은 더 이상 연결할 수 없습니다.",
  signedOut: "로그아웃되었습니다. 다시 로그인하세요.",
  signIn: "로그인",
  deletedUser: "삭제된 사용자",
};

/** @typedef {typeof en} Words */

/** @type {Record<string, Words>} */
export const WORDS = { en, ko };

/**
 * Returns the reason of the end, in words for a visitor.
 * @param {Words} words
 * @param {string} code
 */
export function ending(words, code) {
  if (code === "other_user") return words.otherUser;
  return code === "kicked" || code === "account_disabled" ? words.shutOut : words.signedOut;
}
