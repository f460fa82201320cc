// The reason of a refused request as a sentence. The hub answers in English; in another language the error code selects
// the sentence (docs/reference/api.md lists the codes).

import { RequestError, wordsOf } from "./campanile.js";

const en = {
  unreachable: "The hub cannot be reached.",
  /** @param {RequestError} error */
  refused: (error) => error.message,
};

/** @type {Record<string, string>} the same sentences as in src/pages/words/korean.rs, where both say one */
const KOREAN = {
  unauthorized: "로그인되어 있지 않습니다. 다시 로그인하세요.",
  invalid_token: "로그인이 끝났습니다. 다시 로그인하세요.",
  unknown_user: "이 계정은 더 이상 없습니다. 다시 로그인하세요.",
  account_disabled: "사용이 중지된 계정입니다.",
  forbidden: "이 일을 할 권한이 없습니다.",
  other_user: "지금은 다른 사용자가 로그인되어 있습니다. 페이지를 새로 여세요.",
  cross_origin: "다른 사이트에서 보낸 요청이라 처리하지 않았습니다.",
  room_not_found: "그런 대화방은 없습니다.",
  alarm_not_found: "그런 알림은 없습니다.",
  connection_not_found: "그런 연결은 없습니다. 이미 끊어졌을 수 있습니다.",
  request_timeout: "도착하는 데 너무 오래 걸렸습니다. 다시 시도하세요.",
  body_too_large: "내용이 너무 큽니다. 줄여서 다시 보내세요.",
  too_many_attempts: "요청이 너무 많습니다. 잠시 후 다시 시도하세요.",
  too_many_streams: "열린 연결이 너무 많습니다. 다른 탭을 닫고 다시 시도하세요.",
  unavailable: "데이터베이스가 응답하지 않습니다. 잠시 후 다시 시도하세요.",
  overloaded: "지금은 허브에 일이 너무 많습니다. 잠시 후 다시 시도하세요.",
  shutting_down: "허브가 다시 시작되고 있습니다. 잠시 후 다시 시도하세요.",
  storage_full: "저장할 공간이 남아 있지 않습니다. 관리자에게 알려 주세요.",
};

/** @type {typeof en} */
const ko = {
  unreachable: "허브에 연결할 수 없습니다.",
  refused: ({ status, code }) => KOREAN[code] ?? byStatus(status),
};

/** @param {number} status of an answer without a code, such as a proxy's, or with one that is not a person's doing */
function byStatus(status) {
  if (status >= 500) return "허브에 문제가 생겼습니다. 잠시 후 다시 시도하세요.";
  if (status === 422) return "내용이 규칙에 맞지 않습니다. 고쳐서 다시 보내세요.";
  return "허브가 이 요청을 받아들이지 않았습니다. 페이지를 새로 열어 보세요.";
}

const words = wordsOf({ en, ko });

/** @param {unknown} error what a request to the hub was rejected with */
export function whyOf(error) {
  return error instanceof RequestError ? words.refused(error) : words.unreachable;
}
