import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rotateCoordinatorKey } from '@tessera/coordinator'
import { exportLedger, openLedgers, pruneDeltas, verifyLedger } from '@tessera/coordinator/ledger'
import type { Published, StudyInput } from '@tessera/shared/protocol'
import {
  type KeyPair,
  loadPrivateKey,
  readUnverified,
  sha256Hex,
  signPayload,
} from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'
import { codeOf, deltaOf } from '../raw-site.ts'

/** A coordinator's folder whose study has two published rounds of two sites; the coordinator is closed. */
async function finished(
  settings: StudyInput['federation'] = {},
): Promise<{ dir: string; keys: Record<'north' | 'south', KeyPair> }> {
  const { dir, coordinator, keys, north, south } = await federation(settings)
  await wholeRound([north, south], [0.01, 0.02])
  await north.published()
  await wholeRound([north, south], [0.03, 0.04])
  await coordinator.ended
  await coordinator.close()
  return { dir, keys }
}

async function exported(): Promise<{ dir: string; out: string }> {
  const { dir } = await finished()
  const out = join(await temporaryFolder(), 'ledger')
  await exportLedger({ dir, study: 'tiny', out })
  return { dir, out }
}

const verify = async (dir: string) => {
  const [ledger] = await openLedgers(dir)
  if (ledger === undefined) throw new Error('a ledger must be there')
  return verifyLedger(ledger)
}
const faultOf = async (dir: string): Promise<string> => {
  try {
    await verify(dir)
  } catch (thrown) {
    const { code, message } = thrown as { code: string; message: string }
    return `${code}: ${message}`
  }
  return 'no fault'
}

/** Files of the strategy's state after each published round. */
async function statesOf(dir: string): Promise<string[][]> {
  const [ledger] = await openLedgers(dir)
  return (ledger?.events ?? []).flatMap((event) =>
    event.type === 'round.published' ? [readUnverified('published', event.record).serverState] : [],
  )
}

type Line = Record<string, unknown> & { type: string; round?: number; site?: string }
/** Rewrites the events of an export. */
async function tamper(out: string, change: (lines: Line[]) => Line[]): Promise<void> {
  const file = join(out, 'events.jsonl')
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  const changed = change(lines.map((line) => JSON.parse(line) as Line))
  await writeFile(file, changed.map((line) => `${JSON.stringify(line)}\n`).join(''))
}
const not = (type: string, round: number, site?: string) => (line: Line) =>
  line.type !== type || line.round !== round || line.site !== site

/** Signs the records anew with the coordinator's own key, as a coordinator that lies would, from the first that `change` changes on. */
async function lie(
  dir: string,
  out: string,
  change: (record: Published) => Partial<Published>,
): Promise<void> {
  const { privateKey } = await loadPrivateKey(join(dir, 'keys', 'coordinator.jwk'))
  const file = join(out, 'events.jsonl')
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  let previous = ''
  const signed: string[] = []
  for (const line of lines) {
    const event = JSON.parse(line) as Line
    if (event.type !== 'round.published') {
      signed.push(line)
      continue
    }
    const record = readUnverified('published', event['record'])
    const token = await signPayload('published', { ...record, previous, ...change(record) }, privateKey)
    previous = sha256Hex(token)
    const { student } = readUnverified('published', token)
    signed.push(JSON.stringify({ ...event, student, record: token, recordSha256: previous }))
  }
  await writeFile(file, `${signed.join('\n')}\n`)
}

describe('verifyLedger()', () => {
  test("computes a coordinator's students again, beside it while it runs and afterwards", async () => {
    const { dir, coordinator, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    expect(await verify(dir)).toMatchObject({ rounds: 1, recomputed: 1, final: false })
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    const report = await verify(dir)
    expect(report).toMatchObject({ study: 'tiny', rounds: 2, recomputed: 2, final: true, pruned: null })
    expect([...report.keys.keys()]).toEqual(['north', 'south'])
    expect(report.head).toMatch(/^[0-9a-f]{64}$/)
  })

  test('an export verifies without the coordinator, and holds neither its key nor what is still open', async () => {
    const { dir, coordinator, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    const { nonce } = await north.offer()
    const out = join(await temporaryFolder(), 'ledger')
    expect(await exportLedger({ dir, study: 'tiny', out })).toEqual({ rounds: 1, updates: 2 })
    await coordinator.close()
    const head = (await verify(dir)).head
    await rm(dir, { recursive: true })
    expect(await verify(out)).toMatchObject({ rounds: 1, recomputed: 1, head })
    expect((await readdir(out)).toSorted()).toEqual(['events.jsonl', 'ledger.json', 'models', 'updates'])
    expect(await readFile(join(out, 'events.jsonl'), 'utf8')).not.toContain(nonce)
  })

  test('holds a late update against the offer that its site answered, and counts it where its entry says', async () => {
    const { dir, coordinator, clock, north, south } = await federation({
      late: { maxStaleness: 1 },
      graceMs: 1000,
    })
    const overtaken = await south.offer()
    await wholeRound([north], [0.01])
    clock.advance(1000)
    await north.published()
    const bytes = deltaOf(0.02)
    await south.deliver(await south.manifest(overtaken, bytes), bytes)
    await wholeRound([north], [0.03])
    await coordinator.ended
    await coordinator.close()
    expect(await verify(dir)).toMatchObject({ rounds: 2, recomputed: 2, final: true })

    const out = join(await temporaryFolder(), 'ledger')
    await exportLedger({ dir, study: 'tiny', out })
    expect(await verify(out)).toMatchObject({ rounds: 2, recomputed: 2 })
    // As one in time it would weigh more.
    await tamper(out, (lines) => lines.map((line) => ({ ...line, late: undefined })))
    expect(await faultOf(out)).toBe(
      'ERR_LEDGER_BROKEN: round 2 must have an update of south with round 2, got 1 signed',
    )
  })

  test.each<[string, (lines: Line[]) => Line[], string]>([
    [
      'an update that is gone',
      (lines) => lines.filter(not('update.accepted', 2, 'south')),
      'round 2 must have the update of south that its record counts, got none',
    ],
    [
      'a round that is gone',
      (lines) => lines.filter(({ round }) => round !== 1),
      'round 1 must have entries that follow from each other',
    ],
    [
      'a record that is gone',
      (lines) => lines.filter(not('round.published', 1)),
      'round 1 must have entries that follow from each other',
    ],
    [
      'an enrolment that is gone',
      (lines) => lines.filter((line) => line.type !== 'site.enrolled' || line.site !== 'south'),
      'round 1 must have updates of enrolled sites only, got south',
    ],
    [
      'another number of samples',
      (lines) =>
        lines.map((line) => (not('update.accepted', 1, 'north')(line) ? line : { ...line, samples: 50 })),
      'round 1 must have an update of north with samples 50, got 1 signed',
    ],
    [
      'another student in its entry',
      (lines) =>
        lines.map((line) => (not('round.published', 2)(line) ? line : { ...line, student: 'a'.repeat(64) })),
      `round 2 must have student ${'a'.repeat(64)}`,
    ],
    [
      'another study than the signed plan',
      (lines) =>
        lines.map((line) =>
          line.type === 'study.created'
            ? { ...line, study: { ...(line['study'] as object), seed: 'other' } }
            : line,
        ),
      'round 1 must be of the study of its plan, got another',
    ],
    [
      'updates of two sites exchanged',
      (lines) => {
        const [north, south] = ['north', 'south'].map((site) =>
          lines.find((line) => !not('update.accepted', 1, site)(line)),
        )
        return lines.map((line) => {
          if (line === north)
            return { ...north, manifest: south?.['manifest'], manifestSha256: south?.['manifestSha256'] }
          return line
        })
      },
      'round 1 must have a manifest signed by north, got ERR_SIGNATURE_INVALID',
    ],
  ])('names the first round with %s', async (_, change, fault) => {
    const { out } = await exported()
    await tamper(out, change)
    expect(await faultOf(out)).toContain(`ERR_LEDGER_BROKEN: ${fault}`)
  })

  test.each<[string, (record: Published) => Partial<Published>, string]>([
    [
      'another strategy',
      ({ round }) => (round === 2 ? { strategy: 'median' } : {}),
      'round 2 must have strategy fedavg, as it follows from its deltas, got median',
    ],
    [
      'a student that does not follow',
      ({ round, student }) =>
        round === 1 ? { student: student.replace(/^./, (c) => (c === '0' ? '1' : '0')) } : {},
      'round 1 must have student',
    ],
    [
      'a site left out that has a receipt',
      ({ round, contributors }) => (round === 2 ? { contributors: contributors.slice(1) } : {}),
      'round 2 must count the update of north that it has accepted, got a record without it',
    ],
    [
      'a site said to be absent',
      ({ round }) => (round === 2 ? { absent: [{ site: 'west', code: 'ERR_TIMED_OUT' }] } : {}),
      'round 2 must have absent []',
    ],
    ['another plan', ({ round }) => (round === 2 ? { plan: 'e'.repeat(64) } : {}), 'round 2 must be of plan'],
    [
      'another base',
      ({ round }) => (round === 2 ? { base: 'e'.repeat(64) } : {}),
      'round 2 must start from student',
    ],
    [
      'a chain that was begun anew',
      ({ round }) => (round === 2 ? { previous: '' } : {}),
      'round 2 must follow from the record before, got another hash',
    ],
  ])(
    'names the round of a record with %s, though the coordinator has signed it',
    async (_, change, fault) => {
      const { dir, out } = await exported()
      await lie(dir, out, change)
      expect(await faultOf(out)).toContain(`ERR_LEDGER_BROKEN: ${fault}`)
    },
  )

  test('a record that somebody else has signed', async () => {
    const { out } = await exported()
    const other = await finished()
    await lie(other.dir, out, () => ({}))
    expect(await faultOf(out)).toBe(
      'ERR_LEDGER_BROKEN: round 1 must have a record signed by the coordinator, got another signature',
    )
  })

  test.each([
    ['edited', 'a file with other bytes', (file: string) => writeFile(file, deltaOf(0.5))],
    ['taken away', 'no file', (file: string) => rm(file)],
  ])('a delta that was %s', async (_, got, change) => {
    const { dir, out } = await exported()
    for (const folder of [dir, out]) {
      await change(join(folder, 'updates', `${listHash(listChunks(deltaOf(0.03)))}.f32`))
      expect(await faultOf(folder)).toBe(
        `ERR_LEDGER_BROKEN: round 2 must have the delta that north has signed, got ${got}`,
      )
    }
  })

  test('a student that was edited', async () => {
    const { dir } = await finished()
    const [ledger] = await openLedgers(dir)
    const event = ledger?.events.find(({ type }) => type === 'round.published')
    const { student } = event as { student: string }
    await writeFile(join(dir, 'models', `${student}.safetensors`), 'another model')
    expect(await faultOf(dir)).toContain('round 1 must have its student, got a file with other bytes')
  })

  test('an initial student that was edited', async () => {
    const { dir } = await finished()
    const [ledger] = await openLedgers(dir)
    await writeFile(join(dir, 'models', `${ledger?.created.student}.safetensors`), 'another model')
    expect(await faultOf(dir)).toContain('round 1 must have the initial student, got a file with other bytes')
  })

  test("a coordinator's new key goes on with the chain, and the old one can sign nothing new", async () => {
    const { dir, out } = await exported()
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    expect(await verify(dir)).toMatchObject({ rounds: 2 })
    const after = join(await temporaryFolder(), 'after')
    await exportLedger({ dir, study: 'tiny', out: after })
    expect(await verify(after)).toMatchObject({ rounds: 2 })
    // The new key signs what the old one had signed: the change says which rounds were the old key's.
    await lie(dir, after, () => ({}))
    expect(await faultOf(after)).toContain('round 1 must have a record signed by the coordinator')
    expect(await verify(out)).toMatchObject({ rounds: 2 })
  })

  test('an empty ledger has nothing wrong', async () => {
    const { dir } = await federation()
    expect(await verify(dir)).toMatchObject({ rounds: 0, head: '', final: false })
  })
})

describe('exportLedger()', () => {
  test('refuses a study that is not there, and a folder with files', async () => {
    const { dir, out } = await exported()
    expect(await codeOf(exportLedger({ dir, study: 'other', out: `${out}-2` }))).toBe('ERR_STUDY_UNKNOWN')
    expect(await codeOf(exportLedger({ dir, study: 'tiny', out }))).toBe('ERR_USAGE')
  })
})

describe('pruneDeltas()', () => {
  test('removes old deltas, says so under the key, and leaves a chain that still verifies', async () => {
    const { dir } = await finished()
    expect(await pruneDeltas({ dir, study: 'tiny', keepRounds: 1, clock: fakeClock() })).toEqual({
      through: 1,
      removed: 2,
    })
    expect(await verify(dir)).toMatchObject({
      rounds: 2,
      recomputed: 1,
      pruned: { study: 'tiny', through: 1 },
    })
    const out = join(await temporaryFolder(), 'ledger')
    expect(await exportLedger({ dir, study: 'tiny', out })).toEqual({ rounds: 2, updates: 2 })
    expect(await verify(out)).toMatchObject({ rounds: 2, recomputed: 1 })
    // What was not removed on purpose is still missed.
    await rm(join(out, 'updates', `${listHash(listChunks(deltaOf(0.04)))}.f32`))
    expect(await faultOf(out)).toContain('round 2 must have the delta that south has signed, got no file')
  })

  test('a statement that the coordinator has not signed excuses nothing', async () => {
    const { dir, out } = await exported()
    const other = await finished()
    await pruneDeltas({ dir: other.dir, study: 'tiny', keepRounds: 0 })
    const statement = await readFile(join(other.dir, 'ledger', 'tiny.pruned.jws'), 'utf8')
    const about = JSON.parse(await readFile(join(out, 'ledger.json'), 'utf8')) as object
    await writeFile(join(out, 'ledger.json'), JSON.stringify({ ...about, pruned: statement }))
    expect(await faultOf(out)).toContain(
      'must have a statement about removed deltas signed by the coordinator',
    )
    expect(await verify(dir)).toMatchObject({ pruned: null })
  })

  test.each(['fedavgm', 'fedadam', 'fedyogi'] as const)(
    'of a study with %s, keeps what the first round with deltas goes on from, and removes what is older',
    async (name) => {
      const { dir } = await finished({ strategy: { name } })
      const [first = [], second = []] = await statesOf(dir)
      const there = async (states: readonly string[]): Promise<boolean[]> => {
        const files = new Set(await readdir(join(dir, 'models')))
        return states.map((state) => files.has(`${state}.safetensors`))
      }
      await pruneDeltas({ dir, study: 'tiny', keepRounds: 1 })
      expect([...(await there(first)), ...(await there(second))]).not.toContain(false)
      expect(await verify(dir)).toMatchObject({ rounds: 2, recomputed: 1 })
      const out = join(await temporaryFolder(), 'ledger')
      await exportLedger({ dir, study: 'tiny', out })
      expect(await verify(out)).toMatchObject({ rounds: 2, recomputed: 1 })

      expect(await pruneDeltas({ dir, study: 'tiny', keepRounds: 0 })).toEqual({
        through: 2,
        removed: 2 + first.length,
      })
      expect(await there(first)).not.toContain(true)
      expect(await there(second)).not.toContain(false)
      expect(await verify(dir)).toMatchObject({ rounds: 2, recomputed: 0 })
    },
  )

  test('keeps a delta whose bytes a later round has too', async () => {
    const { dir, coordinator, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    await wholeRound([north, south], [0.01, 0.04])
    await coordinator.ended
    await coordinator.close()
    expect(await pruneDeltas({ dir, study: 'tiny', keepRounds: 1 })).toEqual({ through: 1, removed: 1 })
    expect(await verify(dir)).toMatchObject({ recomputed: 1 })
  })
})
