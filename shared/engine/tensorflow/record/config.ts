/**
 * @file The options of a session as TensorFlow wants them: a `ConfigProto` in protocol-buffer bytes.
 *
 * Source: tensorflow/core/protobuf/config.proto and rewriter_config.proto; the field numbers below are theirs.
 */

/** What is set; all else is TensorFlow's default. */
export interface SessionConfig {
  /** Threads that one op may spread over; absent: one a core. */
  readonly intraOpThreads?: number
  /** Ops that may run at the same time; absent: one a core. */
  readonly interOpThreads?: number
  /** Rewrites of the graph that are turned off, by the field number in `RewriterConfig`. */
  readonly rewritesOff?: readonly RewriteName[]
}

/** Fields of `RewriterConfig` whose value 2 turns a rewrite off. */
const REWRITES = {
  layout: 1,
  constantFolding: 3,
  arithmetic: 7,
  dependency: 8,
  loop: 9,
  function: 10,
  remapping: 14,
  shape: 13,
} as const
export type RewriteName = keyof typeof REWRITES
const OFF = 2

/** Encodes the options. */
export function encodeConfig({
  intraOpThreads,
  interOpThreads,
  rewritesOff = [],
}: SessionConfig): Uint8Array {
  const rewriter = rewritesOff.flatMap((name) => number(REWRITES[name], OFF))
  return Uint8Array.from([
    ...(intraOpThreads === undefined ? [] : number(2, intraOpThreads)),
    ...(interOpThreads === undefined ? [] : number(5, interOpThreads)),
    // graph_options (10) . rewrite_options (10)
    ...(rewriter.length === 0 ? [] : message(10, message(10, rewriter))),
  ])
}

/** Field of wire type 0. */
function number(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)]
}

/** Field of wire type 2. */
function message(field: number, bytes: readonly number[]): number[] {
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes]
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
