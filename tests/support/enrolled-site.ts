/** @file A site's folder as enrolment leaves it, tiles, and a trainer that costs nothing. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Weights } from '@tessera/shared/model'
import { generateKeyPair, type KeyPair, savePrivateKey } from '@tessera/shared/security'
import type { TrainerFactory } from '@tessera/site-agent'
import { writePolicy } from './site-policy.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { noiseFolder } from './tile-files.ts'

export interface EnrolledSite {
  readonly dir: string
  readonly dataDir: string
  readonly keys: KeyPair
}

/** Makes one, with six tiles of each class of the tiny study. */
export async function enrolledSite(url: string, coordinator: KeyPair, site = 'north'): Promise<EnrolledSite> {
  const dir = join(await temporaryFolder(), 'site')
  await mkdir(dir)
  const keys = await generateKeyPair()
  await savePrivateKey(join(dir, 'keys', 'site.jwk'), keys)
  const identity = {
    version: 1,
    site,
    coordinatorUrl: url,
    coordinatorKey: coordinator.publicKey,
    publicKey: keys.publicKey,
  }
  await writeFile(join(dir, 'site.json'), JSON.stringify(identity))
  await writePolicy(dir, { site, keys, coordinator: coordinator.publicKey })
  return { dir, dataDir: await noiseFolder({ normal: 6, tumor: 6 }, 16), keys }
}

/** What {@link additiveTrainer} was asked to do. */
export interface TrainingLog {
  /** Rounds, each time one was trained. */
  readonly rounds: number[]
  /** Called in the middle of a round. */
  during?: (round: number, signal: AbortSignal | undefined) => void | Promise<void>
  /** Replaces the trained student. */
  result?: (student: Weights) => Weights
}

/**
 * A trainer whose rounds hang on the state before them: round r adds (0.001 · the number of rounds so far) to every value. Trained
 * from a wrong state it gives other bits.
 */
export function additiveTrainer(log: TrainingLog): TrainerFactory {
  return ({ state, study, site, tiles }) => {
    let count = state?.counters['rounds'] ?? 0
    return {
      async trainRound({ round, student, signal, onProgress }) {
        log.rounds.push(round)
        onProgress?.({ step: 1, steps: 2, loss: 1 })
        await log.during?.(round, signal)
        signal?.throwIfAborted()
        onProgress?.({ step: 2, steps: 2, loss: 0.5 })
        count++
        const step = 0.001 * count
        const trained = new Map([...student].map(([name, values]) => [name, values.map((x) => x + step)]))
        return {
          student: log.result?.(trained) ?? trained,
          samples: tiles.count,
          metrics: {
            loss: 0.5,
            ce: 0.5,
            kl: null,
            nce: null,
            correct: 6,
            seen: tiles.count,
            skippedTiles: 0,
          },
        }
      },
      state: async () => ({
        version: 1,
        study: study.id,
        site,
        tensors: new Map(),
        counters: { rounds: count },
      }),
      dispose() {},
    }
  }
}
