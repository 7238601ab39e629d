/**
 * @file What a site keeps between rounds, on its disk: queue, momentum teacher, optimiser slots. It never leaves.
 *
 * Training round r starts from the state after the last delivered round before r. The state after r is held aside while its delta is under
 * way and counts only once r is delivered: a round that is trained again after a crash gives the same bits. The delta is held beside it, so
 * that after a crash within the upload there is nothing to train again.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  readStored,
  renameDurably,
  SEAL_BYTES,
  seal,
  TEMPORARY_PREFIX,
  unseal,
  writeDurably,
  writeSealed,
} from '@tessera/shared/files'
import type { Weights } from '@tessera/shared/model'
import type { SiteMetrics } from '@tessera/shared/protocol'
import { listChunks, listHash } from '@tessera/shared/transfer'
import type { LocalState } from '../distill/index.ts'

/** A state and the delta that was trained together with it. */
interface Held {
  readonly payload: string
  readonly state: LocalState
  /** What the delta's encoding has lost, by tensor: added to the next delta. Absent when it loses nothing. */
  readonly residual?: Weights | undefined
}

/** A delta that is trained and not delivered, and what its manifest says of it. */
export interface HeldDelta {
  /** SHA-256 of the student it was trained from. */
  readonly base: string
  readonly samples: number
  readonly metrics: SiteMetrics
  /** As the gate encoded them. */
  readonly bytes: Uint8Array
  /** As `f32`, where `bytes` is another encoding: what the gate is given to encode it again. */
  readonly exact?: Uint8Array | undefined
}

/** What stands before a held delta's bytes. */
type DeltaHead = Omit<HeldDelta, 'bytes'> & Pick<Held, 'payload'>

export interface LocalStates {
  /** Latest delivered round before `round`; 0 when there is none. */
  lastBefore(round: number): Promise<number>
  /** State after a delivered round. @throws {TesseraError} ERR_STORE_CORRUPT */
  after(round: number): Promise<LocalState>
  /** What the delta of a delivered round has lost to its encoding; null: nothing. @throws {TesseraError} ERR_STORE_CORRUPT */
  residualAfter(round: number): Promise<Weights | null>
  /**
   * Keeps the state after `round` aside, and the round's delta.
   * @param payload What names the delta's bytes.
   * @param residual What its encoding has lost.
   */
  hold(round: number, payload: string, state: LocalState, delta: HeldDelta, residual?: Weights): Promise<void>
  /** The delta that is held for `round`; null when there is none, or not the one that its state was trained with. */
  heldDelta(round: number): Promise<HeldDelta | null>
  /** Payload of the state that is held for `round`; null when there is none. */
  held(round: number): Promise<string | null>
  /** Rounds that have a held state. */
  heldRounds(): Promise<number[]>
  /** The round is delivered: what was held for it counts. Again: nothing happens. */
  commit(round: number): Promise<void>
}

/** Two: the state after the last round, and the one before it, from which that round would be trained again. */
const KEPT = 2
const LENGTH_BYTES = 8
const ROLE = 'local state'

/** Opens `dir`, which need not exist. */
export function openLocalStates(dir: string): LocalStates {
  const nameOf = (kind: 'after' | 'held', round: number): string => `${kind}-${round}.state`
  const deltaName = (round: number): string => `held-${round}.delta`
  /** What is in the folder, read once: it has one writer at a time. */
  let listing: Promise<Set<string>> | null = null
  const names = (): Promise<Set<string>> => {
    listing ??= readdir(dir).then(
      (found) => new Set(found),
      () => new Set(),
    )
    return listing
  }
  const roundsOf = async (kind: 'after' | 'held'): Promise<number[]> => {
    const pattern = new RegExp(`^${kind}-(\\d+)\\.state$`)
    const rounds = [...(await names())].flatMap((name) => pattern.exec(name)?.[1] ?? [])
    return rounds.map(Number).toSorted((a, b) => a - b)
  }
  const stateOf = async (kind: 'after' | 'held', round: number): Promise<Held> =>
    unseal(ROLE, await readStored(ROLE, join(dir, nameOf(kind, round)))) as Held
  const held = async (round: number): Promise<string | null> => {
    if (!(await names()).has(nameOf('held', round))) return null
    const found = await stateOf('held', round).catch(() => null)
    return found?.payload ?? null
  }
  const remove = async (name: string): Promise<void> => {
    await rm(join(dir, name), { force: true })
    ;(await names()).delete(name)
  }
  const rename = async (round: number): Promise<void> => {
    const [from, to] = [nameOf('held', round), nameOf('after', round)]
    try {
      await renameDurably(join(dir, from), join(dir, to))
      const listed = await names()
      listed.delete(from)
      listed.add(to)
    } catch (thrown) {
      // The record of the round may have committed it a moment ago.
      listing = null
      if (!(await roundsOf('after')).includes(round)) throw thrown
    }
  }
  return {
    async lastBefore(round) {
      return (await roundsOf('after')).findLast((earlier) => earlier < round) ?? 0
    },
    async after(round) {
      return (await stateOf('after', round)).state
    },
    async residualAfter(round) {
      return (await stateOf('after', round)).residual ?? null
    },
    async hold(round, payload, state, delta, residual) {
      const listed = await names()
      // The delta first: what has no state beside it is not looked at.
      await writeDelta(join(dir, deltaName(round)), payload, delta)
      listed.add(deltaName(round))
      await writeSealed(join(dir, nameOf('held', round)), { payload, state, residual } satisfies Held)
      listed.add(nameOf('held', round))
    },
    held,
    async heldDelta(round) {
      const payload = await held(round)
      return payload === null ? null : readDelta(join(dir, deltaName(round)), payload).catch(() => null)
    },
    heldRounds: () => roundsOf('held'),
    async commit(round) {
      if ((await roundsOf('held')).includes(round)) await rename(round)
      for (const old of (await roundsOf('after')).slice(0, -KEPT)) await remove(nameOf('after', old))
      for (const old of await roundsOf('held')) if (old < round) await remove(nameOf('held', old))
      // Deltas of rounds that are over, and what a crash left half written; both are large.
      for (const name of await names()) {
        const of = Number(/^held-(\d+)\.delta$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY)
        if (of <= round || name.startsWith(TEMPORARY_PREFIX)) await remove(name)
      }
    },
  }
}

/**
 * The delta's bytes as they are, behind the rest: they are most of the file, and their hash is known.
 *
 *   length of the head, 8 bytes, little-endian | SHA-256 of the head in hex | head | bytes
 */
async function writeDelta(file: string, payload: string, { bytes, ...told }: HeldDelta): Promise<void> {
  const [digest, head] = seal({ ...told, payload } satisfies DeltaHead)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeBigUInt64LE(BigInt(head.length))
  await writeDurably(file, [length, digest, head, bytes])
}

/** Null: it is another delta than that of `payload`. */
async function readDelta(file: string, payload: string): Promise<HeldDelta | null> {
  const whole = await readStored(ROLE, file)
  const start = LENGTH_BYTES + SEAL_BYTES + Number(whole.readBigUInt64LE())
  const { payload: own, ...told } = unseal(ROLE, whole.subarray(LENGTH_BYTES, start)) as DeltaHead
  const bytes = whole.subarray(start)
  return own === payload && listHash(listChunks(bytes)) === payload ? { ...told, bytes } : null
}
