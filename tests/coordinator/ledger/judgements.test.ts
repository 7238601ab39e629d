import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportLedger, openLedgers, verifyLedger } from '@tessera/coordinator/ledger'
import { readUnverified, sha256Hex, signPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { loadCoordinator } from '../../../coordinator/config.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'
import { ask, codeOf } from '../raw-site.ts'

type Line = Record<string, unknown> & { type: string }

/** The exported ledger of a study of two rounds, whose students both sites have judged. */
async function judgedLedger() {
  const run = await federation({}, { judging: {} })
  const { dir, north, south, coordinator, keys } = run
  for (const values of [
    [0.01, 0.02],
    [0.03, 0.04],
  ]) {
    await wholeRound([north, south], values)
    await south.published()
    const record = await north.published()
    for (const site of [north, south])
      await ask(site.socket, 'round:judge', { judgement: await site.judgement(record) })
  }
  await coordinator.ended
  await coordinator.close()
  const out = join(await temporaryFolder(), 'ledger')
  await exportLedger({ dir, study: 'tiny', out })
  return { dir, out, keys }
}
const verify = async (dir: string) => {
  const [ledger] = await openLedgers(dir)
  if (ledger === undefined) throw new Error('a ledger must be there')
  return verifyLedger(ledger)
}
const edit = async (out: string, change: (lines: Line[]) => Line[] | Promise<Line[]>): Promise<void> => {
  const file = join(out, 'events.jsonl')
  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  await writeFile(file, (await change(lines)).map((line) => `${JSON.stringify(line)}\n`).join(''))
}
const isJudgement = (line: Line, round: number, site: string): boolean =>
  line.type === 'judgement.accepted' && line['round'] === round && line['site'] === site
const faultOf = async (dir: string): Promise<string> =>
  verify(dir).then(
    () => 'no fault',
    (thrown: Error) => thrown.message,
  )

describe('the ledger of a study that judges', () => {
  test('holds, in the folder and exported, with what was said of the last student', async () => {
    const { dir, out } = await judgedLedger()
    expect(await verify(dir)).toMatchObject({ rounds: 2, recomputed: 2, final: true })
    expect(await verify(out)).toMatchObject({ rounds: 2, recomputed: 2, final: true })
    const said = (await readFile(join(out, 'events.jsonl'), 'utf8')).match(/judgement\.accepted/g)
    expect(said).toHaveLength(4)
  })
  test.each<[string, (line: Line) => Line, string]>([
    [
      'other counts in its entry',
      (line) => ({
        ...line,
        counts: [
          [20, 0],
          [0, 20],
        ],
      }),
      'have a judgement of north with the counts of its entry, got another signed',
    ],
    [
      'a reason to withhold in its entry',
      (line) => ({ ...line, counts: null, withheld: 'policy' }),
      'have a judgement of north with the counts of its entry, got another signed',
    ],
    [
      'a text that its hash is not of',
      (line) => ({ ...line, judgementSha256: 'a'.repeat(64) }),
      'have the judgement of north that its entry names, got another',
    ],
  ])('does not hold with %s', async (_, change, fault) => {
    const { out } = await judgedLedger()
    await edit(out, (lines) => lines.map((line) => (isJudgement(line, 1, 'north') ? change(line) : line)))
    expect(await faultOf(out)).toBe(`round 1 must ${fault}`)
  })
  test('does not hold with a judgement that another site signed', async () => {
    const { out, keys } = await judgedLedger()
    await edit(out, (lines) =>
      Promise.all(
        lines.map(async (line) => {
          if (!isJudgement(line, 2, 'north')) return line
          const judgement = await signPayload(
            'judgement',
            readUnverified('judgement', line['judgement']),
            keys.south.privateKey,
          )
          return { ...line, judgement, judgementSha256: sha256Hex(judgement) }
        }),
      ),
    )
    expect(await faultOf(out)).toBe(
      'round 2 must have a judgement signed by north, got ERR_SIGNATURE_INVALID',
    )
  })
  test('does not hold without a judgement that the next record lists', async () => {
    const { out } = await judgedLedger()
    await edit(out, (lines) => lines.filter((line) => !isJudgement(line, 1, 'south')))
    expect(await faultOf(out)).toMatch(/^round 2 must list the judgements .*"site":"north".*, got .*"south"/)
  })
  test('does not hold when the coordinator itself signs a record that leaves one out, or ends the study too soon', async () => {
    const { dir, out } = await judgedLedger()
    const { key } = await loadCoordinator(dir)
    const signedAgain = async (round: number, changes: object): Promise<string> => {
      const forged = join(await temporaryFolder(), 'ledger')
      await exportLedger({ dir, study: 'tiny', out: forged })
      await edit(forged, (lines) =>
        Promise.all(
          lines.map(async (line) => {
            if (line.type !== 'round.published' || line['round'] !== round) return line
            const said = readUnverified('published', line['record'])
            const record = await signPayload('published', { ...said, ...changes }, key.privateKey)
            return { ...line, record, recordSha256: sha256Hex(record) }
          }),
        ),
      )
      return faultOf(forged)
    }
    expect(await signedAgain(2, { judged: { round: 1, judgements: [] } })).toMatch(
      /^round 2 must list the judgements/,
    )
    expect(await signedAgain(1, { judged: { round: 1, judgements: [] } })).toMatch(
      /^round 1 must list the judgements undefined/,
    )
    expect(await signedAgain(1, { final: true })).toBe('round 1 must have final false, got true')
    expect(await codeOf(verify(out))).toBe('no refusal')
  })
})
