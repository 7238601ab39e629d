import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportStudy } from '@tessera/coordinator'
import {
  backboneLayout,
  decodeModel,
  encodeSafetensors,
  headTensors,
  initialWeights,
  studentLayout,
} from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { expect, test } from 'vitest'
import { federate } from '../../simulations/in-process/federate.ts'
import { averagedWith } from '../../site-agent/distill/global-teacher.ts'
import { openLocalStates } from '../../site-agent/session/local-states.ts'
import { drawTiles, SITES, SMALL_STUDY } from '../support/federation.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PATIENCE_MS = 280_000
const MOMENTUM = 0.5

test(
  'a global teacher is the mean of the published students at every site, to the bit: also of one that missed rounds, and of one that was killed',
  async () => {
    const [root, tiles] = [await temporaryFolder(), await temporaryFolder()]
    const network = backboneLayout(SMALL_STUDY.student as never, SMALL_STUDY.classes.length)
    const given = initialWeights(network, 'teacher')
    const teacher = join(tiles, 'teacher.safetensors')
    const bytes = encodeSafetensors(network, given)
    await writeFile(teacher, bytes)
    const study = studySchema.parse({
      ...SMALL_STUDY,
      teacher: { ...SMALL_STUDY.teacher, sha256: sha256Hex(bytes), momentum: 'global' },
      method: { ...SMALL_STUDY.method, momentum: MOMENTUM },
      training: { ...SMALL_STUDY.training, rounds: 4, batchSize: 4 },
      federation: { minSites: 3, quorum: 2, cohort: { size: 2 }, maxNorm: 1000 },
    })
    for (const site of SITES) await drawTiles(join(tiles, site), site, 2)
    const sites = SITES.map((name) => ({ name, dataDir: join(tiles, name) }))
    const faults = SITES.map((_, i) => ({ do: 'kill' as const, sites: [i], rounds: [3] }))
    await federate({ root, study, sites, transport: 'memory', teacher, faults, onEvent: () => undefined })

    const dir = join(root, 'coordinator')
    const { card } = await exportStudy({ dir, study: study.id, out: join(root, 'card') })
    const layout = studentLayout(study)
    // θ by the round that trains with it: that of round 1 is the study's teacher, with a head of the study's seed.
    const head = { architecture: 'teacher_head', tensors: headTensors('teacher_head', 128, 16) }
    const pairs = [
      ...network.tensors
        .filter(({ kind }) => kind !== 'counter')
        .map(({ name }) => ({ teacher: `teacher.${name}`, student: name })),
      ...head.tensors.map(({ name }) => ({ teacher: name, student: name.replace('teacher', 'student') })),
    ]
    let theta = new Map([
      ...[...given].map(([name, values]) => [`teacher.${name}`, values] as const),
      ...initialWeights(head, `${study.seed}/site`),
    ])
    const thetas = [theta]
    for (const { student } of card.rounds) {
      const published = decodeModel(await readFile(join(dir, 'models', `${student}.safetensors`)), layout)
      theta = averagedWith(theta, published, { pairs, momentum: MOMENTUM })
      thetas.push(theta)
    }

    const missed = SITES.filter((name) => !card.rounds.every((round) => took(round, name)))
    expect(missed.length).toBeGreaterThan(0)
    for (const name of SITES) {
      const states = openLocalStates(join(root, 'sites', name, 'state', study.id))
      const last = await states.lastBefore(study.training.rounds + 1)
      expect(last).toBe(card.rounds.findLast((round) => took(round, name))?.round)
      const state = await states.after(last)
      expect(state.counters['averagedRounds']).toBe(last - 1)
      for (const { teacher: tensor } of pairs)
        expect(state.tensors.get(tensor), `${name} ${tensor}`).toEqual(thetas[last - 1]?.get(tensor))
    }
  },
  PATIENCE_MS,
)

function took(
  { contributors }: { readonly contributors: readonly { readonly site: string }[] },
  name: string,
): boolean {
  return contributors.some(({ site }) => site === name)
}
