/** @file A pause that comes while an update is on its way, at the site and at the coordinator: both and the site's agent are processes of their own. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEvents } from '@tessera/coordinator/store'
import { deltaBytes } from '@tessera/shared/delta'
import { studentLayout } from '@tessera/shared/model'
import { CHUNK_BYTES, type StudyInput, study as studySchema, WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { expect, test } from 'vitest'
import { startProcess } from '../support/coordinator-process.ts'
import { type SmallFederation, smallFederation } from '../support/federation.ts'
import { type HoldingProxy, holdingProxy } from '../support/holding-proxy.ts'
import { verifiedRounds } from '../support/ledger.ts'
import { tesseraProcess } from '../support/tessera-process.ts'
import { UNTAUGHT_STUDY, watchedAgent } from '../support/watched-agent.ts'
import type { WatchedProcess } from '../support/watched-process.ts'

/** Its delta has more chunks than may be under way at once, so that a pause finds some that have not left. */
const STUDY: StudyInput = {
  ...UNTAUGHT_STUDY,
  student: { ...UNTAUGHT_STUDY.student, widthMultiplier: 1 },
  training: { ...UNTAUGHT_STUDY.training, rounds: 2 },
}
const DELTA_BYTES = deltaBytes(studentLayout(studySchema.parse(STUDY)))

interface Held {
  readonly federation: SmallFederation
  readonly proxy: HoldingProxy
  readonly agent: WatchedProcess
  /** Lines of the coordinator's progress. */
  readonly progress: readonly string[]
}

/** Runs the study; `meanwhile` does something while the first upload of north's agent stands still. */
async function run(meanwhile: (held: Held) => Promise<void>): Promise<SmallFederation> {
  const federation = await smallFederation(STUDY)
  const file = join(federation.dir, 'coordinator.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as object
  // A connection that is held must not pass for a dead one.
  await writeFile(file, JSON.stringify({ ...settings, heartbeatMs: 60_000 }))
  const { url, lines: progress } = await startProcess(federation.dir, '--progress-json')
  const proxy = await holdingProxy(url, 2 * CHUNK_BYTES)
  const [dir, data] = [federation.siteDir('north'), federation.tilesDir('north')]
  const [where, how] = [
    ['--dir', dir, '--data', data],
    ['--coordinator', proxy.url, '--progress-json'],
  ]
  const agent = tesseraProcess('site', 'start', '--study', STUDY.id, ...where, ...how)
  const others = (['south', 'west'] as const).map((site) => watchedAgent(federation, site, url))
  await Promise.race([proxy.held, agent.done])
  await meanwhile({ federation, proxy, agent, progress })
  await agent.done
  await Promise.all(others.map(({ outcome }) => outcome))
  expect(await verifiedRounds(federation.dir, STUDY.id)).toBe(2)
  return federation
}

const tessera = (...args: string[]): Promise<void> => tesseraProcess(...args).done
const said = (lines: readonly string[], ...words: string[]) =>
  expect.poll(() => lines.some((line) => words.every((word) => line.includes(word)))).toBe(true)
const accepted = async ({ dir }: SmallFederation) =>
  (await readEvents(dir)).flatMap((event) => (event.type === 'update.accepted' ? [event.site] : []))

let calm: ReturnType<SmallFederation['result']> | undefined
/** What a run without a pause ends with; run once. */
const undisturbed = (): NonNullable<typeof calm> => {
  calm ??= run(async ({ proxy }) => proxy.release()).then((federation) => federation.result())
  return calm
}

test('the study has more chunks than a window', () => {
  expect(DELTA_BYTES).toBeGreaterThan((WINDOW_CHUNKS + 2) * CHUNK_BYTES)
})

test('`site pause` in the middle of an upload stops it, and after `site resume` it ends to the same bits', async () => {
  const federation = await run(async ({ federation, proxy, agent }) => {
    const dir = federation.siteDir('north')
    await tessera('site', 'pause', '--dir', dir)
    proxy.release()
    await said(agent.lines, '"waiting"', 'ERR_POLICY_PAUSED')
    expect(await accepted(federation)).not.toContain('north')
    await tessera('site', 'resume', '--dir', dir)
  })
  expect(await federation.result()).toEqual(await undisturbed())
  expect((await accepted(federation)).filter((site) => site === 'north')).toHaveLength(2)
}, 300_000)

test('`study pause` in the middle of an upload lets it end and opens no round, and after `study resume` the bits are the same', async () => {
  const federation = await run(async ({ federation: { dir }, proxy, progress }) => {
    await tessera('coordinator', 'study', 'pause', STUDY.id, '--dir', dir)
    await said(progress, '"phase":"collecting"', '"paused":true')
    proxy.release()
    await said(progress, '"phase":"waiting"', '"paused":true', '"round":2')
    await tessera('coordinator', 'study', 'resume', STUDY.id, '--dir', dir)
  })
  expect(await federation.result()).toEqual(await undisturbed())
  const types = (await readEvents(federation.dir)).map(({ type }) => type)
  const paused = types.slice(types.indexOf('study.paused'), types.indexOf('study.unpaused'))
  expect(paused).toContain('update.accepted')
  expect(paused).toContain('round.published')
  expect(paused).not.toContain('round.opened')
}, 300_000)
