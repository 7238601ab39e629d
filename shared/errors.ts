/**
 * @file Every failure Tessera can name, with its exit code and whether trying again can help.
 *
 * The phrase of a message is `<role> must <rule>, got <value>`. It never holds a key, a secret or a file path of a site's
 * data. docs/errors.md has one row per code; tests/docs holds both equal.
 */

/** `exit` follows BSD sysexits: 64 usage, 65 data, 69 unavailable, 70 software, 73 cannot create, 74 I/O, 77 permission, 78 config. */
export const ERROR_CODES = {
  // numbers and models
  ERR_TENSOR_SHAPE: { exit: 70, retry: false },
  ERR_LAYOUT_MISMATCH: { exit: 65, retry: false },
  ERR_MODEL_FILE: { exit: 65, retry: false },
  ERR_MODEL_HASH: { exit: 65, retry: true },
  ERR_ONNX_FILE: { exit: 65, retry: false },
  ERR_ONNX_UNCLEAR: { exit: 64, retry: false },
  ERR_ONNX_RUN: { exit: 70, retry: false },
  ERR_CASE_FILE: { exit: 65, retry: false },
  ERR_CASE_DIFFERS: { exit: 1, retry: false },
  ERR_ENGINE_UNAVAILABLE: { exit: 69, retry: false },
  ERR_ENGINE_THREAD: { exit: 70, retry: true },
  ERR_ENGINE_GRAPH: { exit: 70, retry: false },
  ERR_ENGINE_MANIFEST: { exit: 65, retry: false },
  ERR_ENGINE_PLATFORM: { exit: 69, retry: false },
  ERR_ENGINE_COMPILER: { exit: 69, retry: false },
  ERR_ENGINE_PIP: { exit: 69, retry: false },
  ERR_ENGINE_DISK: { exit: 73, retry: false },
  ERR_ENGINE_FETCH: { exit: 69, retry: true },
  ERR_ENGINE_ARCHIVE: { exit: 65, retry: false },
  ERR_ENGINE_BUILD: { exit: 70, retry: false },
  ERR_ENGINE_CHECK: { exit: 70, retry: false },
  ERR_TRAINING_DIVERGED: { exit: 70, retry: false },
  ERR_BENCH_PEER: { exit: 69, retry: false },
  ERR_EXPERIMENT_FILE: { exit: 78, retry: false },
  // the site's data
  ERR_DATA_FOLDER: { exit: 66, retry: false },
  ERR_DATA_CLASSES: { exit: 65, retry: false },
  ERR_DATA_CLASS_EMPTY: { exit: 65, retry: false },
  ERR_DATA_ONE_CLASS: { exit: 65, retry: false },
  ERR_DATA_TOO_MANY_BAD: { exit: 65, retry: false },
  ERR_DATA_TILE_UNREADABLE: { exit: 65, retry: false },
  ERR_DATA_TILE_NOT_RGB: { exit: 65, retry: false },
  ERR_DATA_TILE_TOO_LARGE: { exit: 65, retry: false },
  ERR_DATA_MANIFEST: { exit: 65, retry: false },
  ERR_DATA_NPZ: { exit: 65, retry: false },
  ERR_DATA_SPLIT: { exit: 65, retry: false },
  ERR_DATA_LEAKAGE: { exit: 65, retry: false },
  ERR_DATA_STAIN: { exit: 65, retry: false },
  ERR_DATA_WORKER: { exit: 70, retry: true },
  ERR_SLIDE_LIBRARY: { exit: 69, retry: false },
  ERR_SLIDE_UNREADABLE: { exit: 65, retry: false },
  ERR_SLIDE_SCALE: { exit: 65, retry: false },
  ERR_SLIDE_TOO_LARGE: { exit: 65, retry: false },
  ERR_SLIDE_ANNOTATION: { exit: 65, retry: false },
  ERR_SLIDE_CLASS: { exit: 65, retry: false },
  // the wire
  ERR_FRAME_TOO_LARGE: { exit: 76, retry: false },
  ERR_FRAME_MALFORMED: { exit: 76, retry: false },
  ERR_MESSAGE_INVALID: { exit: 76, retry: false },
  ERR_PROTOCOL_VERSION: { exit: 76, retry: false },
  ERR_VERSION_SKEW: { exit: 76, retry: false },
  ERR_COORDINATOR_UNREACHABLE: { exit: 69, retry: true },
  ERR_CONNECTION_LOST: { exit: 69, retry: true },
  ERR_TIMED_OUT: { exit: 69, retry: true },
  ERR_WINDOW_FULL: { exit: 76, retry: false },
  ERR_RATE_LIMIT: { exit: 75, retry: true },
  ERR_SESSIONS_FULL: { exit: 75, retry: true },
  // pages
  ERR_PAGE_UNKNOWN: { exit: 66, retry: false },
  ERR_BODY_TOO_LARGE: { exit: 65, retry: false },
  ERR_ORIGIN: { exit: 77, retry: false },
  ERR_SIGN_IN: { exit: 77, retry: false },
  ERR_LINK_INVALID: { exit: 77, retry: false },
  ERR_DASHBOARD_PORT: { exit: 69, retry: true },
  ERR_ROLE: { exit: 77, retry: false },
  ERR_SIGN_IN_PROVIDER: { exit: 75, retry: true },
  // identity
  ERR_KIT_UNKNOWN: { exit: 77, retry: false },
  ERR_KIT_USED: { exit: 77, retry: false },
  ERR_KIT_EXPIRED: { exit: 77, retry: false },
  ERR_KIT_PROOF: { exit: 77, retry: false },
  ERR_KIT_FILE: { exit: 65, retry: false },
  ERR_SITE_UNKNOWN: { exit: 77, retry: false },
  ERR_SITE_PENDING: { exit: 77, retry: true },
  ERR_SITE_REVOKED: { exit: 77, retry: false },
  ERR_SITE_BUSY: { exit: 75, retry: true },
  ERR_METRICS_TOKEN: { exit: 77, retry: false },
  ERR_NOT_JOINED: { exit: 77, retry: false },
  ERR_COORDINATOR_KEY: { exit: 77, retry: false },
  ERR_SITE_KEY: { exit: 77, retry: false },
  ERR_FINGERPRINT: { exit: 77, retry: false },
  ERR_PROXY_TUNNEL: { exit: 69, retry: true },
  ERR_TLS_REQUIRED: { exit: 77, retry: false },
  ERR_TLS_PIN: { exit: 77, retry: false },
  ERR_SIGNATURE_INVALID: { exit: 77, retry: false },
  ERR_KEY_FILE: { exit: 78, retry: false },
  // rounds and updates
  ERR_STUDY_UNKNOWN: { exit: 65, retry: false },
  ERR_STUDY_INVALID: { exit: 78, retry: false },
  ERR_STUDY_EXISTS: { exit: 73, retry: false },
  ERR_AGGREGATION_THREAD: { exit: 70, retry: true },
  ERR_ROUND_EMPTY: { exit: 65, retry: true },
  ERR_ROUND_CLOSED: { exit: 75, retry: false },
  ERR_ROUND_WRONG: { exit: 65, retry: false },
  ERR_ROUND_NOT_OFFERED: { exit: 65, retry: false },
  ERR_UPDATE_REPLAYED: { exit: 65, retry: false },
  ERR_UPDATE_DUPLICATE: { exit: 65, retry: false },
  ERR_UPDATE_EXPIRED: { exit: 65, retry: false },
  ERR_UPDATE_BASE: { exit: 65, retry: false },
  ERR_UPDATE_LAYOUT: { exit: 65, retry: false },
  ERR_UPDATE_ENCODING: { exit: 65, retry: false },
  ERR_UPDATE_SIZE: { exit: 65, retry: false },
  ERR_UPDATE_DIGEST: { exit: 65, retry: true },
  ERR_UPDATE_NOT_FINITE: { exit: 65, retry: false },
  ERR_UPDATE_NORM: { exit: 65, retry: false },
  ERR_UPDATE_SAMPLES: { exit: 65, retry: false },
  ERR_UPLOAD_UNKNOWN: { exit: 65, retry: true },
  ERR_UPLOAD_BUSY: { exit: 75, retry: true },
  ERR_UPLOAD_CHUNK: { exit: 65, retry: true },
  ERR_UPLOAD_INCOMPLETE: { exit: 65, retry: true },
  ERR_JUDGEMENT_CLOSED: { exit: 75, retry: false },
  ERR_JUDGEMENT_DUPLICATE: { exit: 65, retry: false },
  ERR_JUDGEMENT_FIT: { exit: 65, retry: false },
  ERR_MODEL_UNKNOWN: { exit: 65, retry: false },
  ERR_PLAN_CHANGED: { exit: 65, retry: false },
  ERR_LEDGER_BROKEN: { exit: 65, retry: false },
  ERR_LEDGER_BEHIND: { exit: 75, retry: true },
  ERR_RECEIPT_INVALID: { exit: 65, retry: false },
  // the site's gate
  ERR_GATE_MESSAGE: { exit: 77, retry: false },
  ERR_GATE_TENSOR: { exit: 77, retry: false },
  ERR_GATE_SIZE: { exit: 77, retry: false },
  ERR_AUDIT_BROKEN: { exit: 65, retry: false },
  // the site's policy
  ERR_POLICY_FILE: { exit: 78, retry: false },
  ERR_POLICY_UNSIGNED: { exit: 78, retry: false },
  ERR_POLICY_STUDY: { exit: 77, retry: false },
  ERR_POLICY_SAMPLES: { exit: 77, retry: false },
  ERR_POLICY_LIMIT: { exit: 75, retry: false },
  ERR_POLICY_HOURS: { exit: 75, retry: false },
  ERR_POLICY_APPROVAL: { exit: 75, retry: false },
  ERR_POLICY_PAUSED: { exit: 75, retry: false },
  ERR_POLICY_LEFT: { exit: 77, retry: false },
  // before a site starts
  ERR_PREFLIGHT: { exit: 69, retry: false },
  // store, configuration, program
  ERR_STORE_CORRUPT: { exit: 65, retry: false },
  ERR_STORE_WRITE: { exit: 74, retry: true },
  ERR_STORE_LOCKED: { exit: 75, retry: true },
  ERR_STORE_NEWER: { exit: 65, retry: false },
  ERR_STORE_FOREIGN: { exit: 78, retry: false },
  ERR_STORE_UNREACHABLE: { exit: 69, retry: true },
  ERR_BACKUP_FOLDER: { exit: 73, retry: false },
  ERR_BACKUP_BROKEN: { exit: 65, retry: false },
  ERR_CONFIG_INVALID: { exit: 78, retry: false },
  ERR_DASHBOARD_UNBUILT: { exit: 69, retry: false },
  ERR_USAGE: { exit: 64, retry: false },
  ERR_INTERRUPTED: { exit: 130, retry: true },
  ERR_INTERNAL: { exit: 70, retry: false },
} as const satisfies Record<string, { exit: number; retry: boolean }>

export type ErrorCode = keyof typeof ERROR_CODES

/** A failure with a code of {@link ERROR_CODES}. */
export class TesseraError extends Error {
  override readonly name: string = 'TesseraError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A tensor whose shape does not fit its role. */
export class TensorShapeError extends TesseraError {
  override readonly name = 'TensorShapeError'

  constructor(role: string, want: readonly (number | string)[], got: readonly number[]) {
    super('ERR_TENSOR_SHAPE', `${role} must have shape [${want.join(', ')}], got [${got.join(', ')}]`)
  }
}

/** True when `code` is a code of {@link ERROR_CODES}: what a peer sends is checked with this before it is believed. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}

/** Gives any thrown value as a {@link TesseraError}: itself, or an ERR_INTERNAL that keeps it as `cause`. */
export function asTesseraError(thrown: unknown): TesseraError {
  if (thrown instanceof TesseraError) return thrown
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return new TesseraError('ERR_INTERNAL', `internal: ${text}`, { cause: thrown })
}
