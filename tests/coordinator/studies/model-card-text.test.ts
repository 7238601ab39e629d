import type { ModelCard } from '@tessera/coordinator/studies'
import { type Published, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { modelCardText } from '../../../coordinator/studies/model-card-text.ts'
import { TINY_STUDY } from '../raw-site.ts'

const round = (number: number, samples: Record<string, number>): Published => ({
  study: 'tiny',
  plan: 'e'.repeat(64),
  round: number,
  attempt: 1,
  base: 'a'.repeat(64),
  student: 'b'.repeat(64),
  strategy: 'fedavg',
  serverState: [],
  encoding: 'f32',
  previous: '',
  contributors: Object.entries(samples).map(([site, count]) => ({
    site,
    samples: count,
    staleness: 0,
    payload: 'c'.repeat(64),
    manifest: 'd'.repeat(64),
    norm: 1,
    scale: 1,
  })),
  offered: [],
  absent: [],
  final: number === 2,
  closedAtMs: 0,
})
const card: ModelCard = {
  format: 'tessera-model-card-1',
  study: studySchema.parse({ ...TINY_STUDY, classes: ['benign', 'odd | `name`'] }),
  layoutHash: 'e'.repeat(64),
  student: 'b'.repeat(64),
  round: 2,
  finished: true,
  batchNorms: 'federated',
  coordinator: { publicKey: 'key', fingerprint: 'AB:CD' },
  initialStudent: 'f'.repeat(64),
  rounds: [round(1, { north: 30, south: 10 }), round(2, { south: 40 })],
  records: ['first record', 'last record'],
}
const page = modelCardText(card, ['student.onnx'])

describe('modelCardText()', () => {
  test('says that it is no medical device', () => {
    expect(page).toContain('**Not a medical device.**')
  })
  test.each([
    [
      'normalisation',
      '(x / 255 − mean) / deviation, mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225',
    ],
    ['the student’s hash', `| SHA-256 of the published student | \`${'b'.repeat(64)}\` |`],
    ['the record’s hash', `| SHA-256 of the last record | \`${sha256Hex('last record')}\` |`],
    ['rounds', '| rounds | 2 of 2, finished |'],
    ['padding and epsilon', 'padding symmetric, batch norms with epsilon 0.00001'],
    ['the file', '- `student.onnx`'],
  ])('says %s', (_, text) => {
    expect(page).toContain(text)
  })
  test('gives each site’s tiles and share, the largest first', () => {
    const rows = page.split('\n').filter((line) => /^\| (north|south) /.test(line))
    expect(rows).toEqual(['| south | 2 | 50 | 62.5 % |', '| north | 1 | 30 | 37.5 % |'])
  })
  test('says of a study whose batch norms stay at the sites that it is not ready to use', () => {
    expect(page).not.toContain('Not ready to use')
    expect(modelCardText({ ...card, batchNorms: 'initial' }, [])).toContain('**Not ready to use.**')
  })
  test('lets no class name end its table', () => {
    expect(page).toContain('`benign`, `odd    name `')
  })
})
