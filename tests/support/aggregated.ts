/** @file A round's aggregation on real files: deltas are stored, the student is computed, and its difference to the base is read back. */
import type { Aggregator } from '@tessera/coordinator/aggregation'
import { partsOf } from '@tessera/coordinator/aggregation'
import { computeStudent } from '@tessera/coordinator/reducing'
import { type ContentStore, contentStore } from '@tessera/coordinator/store'
import { encodeDelta, l2Norm } from '@tessera/shared/delta'
import {
  decodeModel,
  elementCount,
  encodeSafetensors,
  type Layout,
  type Weights,
} from '@tessera/shared/model'
import { type Encoding, type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { temporaryFolder } from './temporary-folder.ts'

export interface SentDelta {
  readonly site: string
  readonly samples: number
  readonly delta: Weights
}

export interface AggregatedRound {
  /** The student; of a base of zeros, the step itself. */
  readonly student: Weights
  readonly sha256: string
  readonly strategy: Aggregator['name']
  readonly state: readonly string[]
  readonly diagnostics: Awaited<ReturnType<typeof computeStudent>>['diagnostics']
}

export interface Aggregation {
  readonly models: ContentStore
  readonly deltas: ContentStore
  /** Aggregates one round; the next begins with its student and its state. */
  round(updates: readonly SentDelta[]): Promise<AggregatedRound>
}

/** Stores in a fresh folder, and a study of a strategy. The base is zeros unless given. */
export async function aggregation(
  layout: Layout,
  federation: StudyInput['federation'],
  options: { base?: Weights; threads?: number; keepBase?: boolean } = {},
): Promise<Aggregation> {
  const dir = await temporaryFolder()
  const [models, deltas] = [
    contentStore(`${dir}/models`, '.safetensors'),
    contentStore(`${dir}/updates`, '.bin'),
  ]
  const study = studySchema.parse({
    id: 'aggregated',
    seed: 'tests',
    classes: ['a', 'b'],
    tile: { sizePx: 32 },
    student: {},
    method: { name: 'ce' },
    training: { rounds: 2 },
    federation,
  })
  const zeros = (): Weights =>
    new Map(layout.tensors.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]))
  const first = await models.save(encodeSafetensors(layout, options.base ?? zeros()))
  let [base, state]: [string, readonly string[]] = [first, []]
  const norms: number[][] = []
  return {
    models,
    deltas,
    async round(updates) {
      const { encoding } = study.federation
      const stored = []
      for (const { site, samples, delta } of updates) {
        const payload = await deltas.save(encoded(layout, delta, encoding))
        stored.push({ site, samples, norm: l2Norm(layout, delta), payload })
      }
      const { student: sha256, ...rest } = await computeStudent({
        study,
        layout,
        base,
        updates: partsOf(study, stored, norms),
        state,
        models,
        deltas,
        threads: options.threads,
      })
      norms.push(stored.map(({ norm }) => norm))
      ;({ state } = rest)
      if (options.keepBase !== true) base = sha256
      return { ...rest, sha256, student: decodeModel(await models.load(sha256), layout) }
    },
  }
}

function encoded(layout: Layout, delta: Weights, encoding: Encoding): Uint8Array {
  return encodeDelta(layout, delta, { encoding, random: createRandom('rounding') })
}
