/**
 * @file What a site keeps between rounds, on its disk: queue, momentum teacher, optimiser slots. It never leaves.
 *
 * Training round r starts from the state after the last delivered round before r. The state after r is held aside while its delta is under
 * way and counts only once r is delivered: a round that is trained again after a crash gives the same bits. The delta is held beside it, so
 * that after a crash within the upload there is nothing to train again.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, renameDurably, TEMPORARY_PREFIX, writeDurably } from '@tessera/shared/files'
import type { SiteMetrics } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import type { LocalState } from '../distill/index.ts'

/** A state and the delta that was trained together with it. */
interface Held {
  readonly payload: string
  readonly state: LocalState
}

/** A delta that is trained and not delivered, and what its manifest says of it. */
export interface HeldDelta {
  /** SHA-256 of the student it was trained from. */
  readonly base: string
  readonly samples: number
  readonly metrics: SiteMetrics
  /** As the gate encoded them. */
  readonly bytes: Uint8Array
}

export interface LocalStates {
  /** Latest delivered round before `round`; 0 when there is none. */
  lastBefore(round: number): Promise<number>
  /** State after a delivered round. @throws {TesseraError} ERR_STORE_CORRUPT */
  after(round: number): Promise<LocalState>
  /** Keeps the state after `round` aside, and the round's delta. @param payload SHA-256 of the delta's bytes. */
  hold(round: number, payload: string, state: LocalState, delta: HeldDelta): Promise<void>
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
const DIGEST_BYTES = 64

/** Opens `dir`, which need not exist. */
export function openLocalStates(dir: string): LocalStates {
  const fileOf = (kind: 'after' | 'held', round: number): string => join(dir, `${kind}-${round}.state`)
  const roundsOf = async (kind: 'after' | 'held'): Promise<number[]> => {
    const names = await readdir(dir).catch(() => [])
    const rounds = names.flatMap((name) => new RegExp(`^${kind}-(\\d+)\\.state$`).exec(name)?.[1] ?? [])
    return rounds.map(Number).toSorted((a, b) => a - b)
  }
  const deltaFile = (round: number): string => join(dir, `held-${round}.delta`)
  const held = async (round: number): Promise<string | null> => {
    const found = await read<Held>(fileOf('held', round)).catch(() => null)
    return found?.payload ?? null
  }
  const rename = async (round: number): Promise<void> => {
    try {
      await renameDurably(fileOf('held', round), fileOf('after', round))
    } catch (thrown) {
      // The record of the round may have committed it a moment ago.
      if (!(await roundsOf('after')).includes(round)) throw thrown
    }
  }
  return {
    async lastBefore(round) {
      return (await roundsOf('after')).findLast((earlier) => earlier < round) ?? 0
    },
    async after(round) {
      return (await read<Held>(fileOf('after', round))).state
    },
    async hold(round, payload, state, delta) {
      await explained(() => mkdir(dir, { recursive: true, mode: 0o700 }))
      // The delta first: what has no state beside it is not looked at.
      await write(deltaFile(round), delta)
      await write(fileOf('held', round), { payload, state } satisfies Held)
    },
    held,
    async heldDelta(round) {
      const payload = await held(round)
      const delta = await read<HeldDelta>(deltaFile(round)).catch(() => null)
      return delta !== null && sha256Hex(delta.bytes) === payload ? delta : null
    },
    heldRounds: () => roundsOf('held'),
    async commit(round) {
      if ((await roundsOf('held')).includes(round)) await rename(round)
      for (const old of (await roundsOf('after')).slice(0, -KEPT))
        await rm(fileOf('after', old), { force: true })
      for (const old of await roundsOf('held'))
        if (old < round) await rm(fileOf('held', old), { force: true })
      // Deltas of rounds that are over, and what a crash left half written; both are large.
      for (const name of await readdir(dir)) {
        const of = Number(/^held-(\d+)\.delta$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY)
        if (of <= round || name.startsWith(TEMPORARY_PREFIX)) await rm(join(dir, name), { force: true })
      }
    },
  }
}

async function write(file: string, value: Held | HeldDelta): Promise<void> {
  const body = serialize(value)
  await writeDurably(file, Buffer.concat([Buffer.from(sha256Hex(body)), body]))
}

async function read<T extends Held | HeldDelta>(file: string): Promise<T> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw corrupt(isMissing(cause) ? 'none' : 'an unreadable file', cause)
  })
  const body = bytes.subarray(DIGEST_BYTES)
  if (bytes.toString('latin1', 0, DIGEST_BYTES) !== sha256Hex(body)) throw corrupt('other bytes')
  return deserialize(body) as T
}

function corrupt(got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_STORE_CORRUPT', `local state must be as it was written, got ${got}`, { cause })
}
