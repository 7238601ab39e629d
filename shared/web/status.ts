/** @file Which HTTP status goes with a code. The code is what a client acts on; the status is for caches, proxies and people. */
import { ERROR_CODES, type ErrorCode } from '../errors.ts'

/** Of codes whose kind of failure, as their exit code has it, says too little. */
const BY_CODE: Partial<Record<ErrorCode, Status>> = {
  ERR_SIGN_IN: 401,
  ERR_LINK_INVALID: 401,
  ERR_PAGE_UNKNOWN: 404,
  ERR_MODEL_UNKNOWN: 404,
  ERR_SITE_UNKNOWN: 404,
  ERR_STUDY_UNKNOWN: 404,
  ERR_TIMED_OUT: 408,
  ERR_STUDY_EXISTS: 409,
  ERR_BODY_TOO_LARGE: 413,
  ERR_RATE_LIMIT: 429,
}

/** By exit code (sysexits.h): a wrong request, one that is not allowed, one that may succeed later, and a fault of ours. */
const BY_EXIT: Readonly<Record<number, Status>> = {
  64: 400,
  65: 400,
  66: 400,
  73: 409,
  75: 503,
  76: 400,
  77: 403,
  78: 400,
}

export type Status = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 429 | 500 | 503

/** Gives it; 500 for what no request can help. */
export function statusOf(code: ErrorCode): Status {
  return BY_CODE[code] ?? BY_EXIT[ERROR_CODES[code].exit] ?? 500
}
