/** @file A coordinator that is restored from a backup while its sites go on: real agents, with receipts and records that it does not know. */
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Coordinator } from '@tessera/coordinator'
import { readEvents } from '@tessera/coordinator/store'
import { cloneStudy } from '@tessera/coordinator/studies'
import { describe, expect, onTestFinished, test } from 'vitest'
import { federationAt, SITES, type SmallFederation, smallFederation } from '../support/federation.ts'
import { verifiedRounds } from '../support/ledger.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { UNTAUGHT_STUDY, type WatchedAgent, watchedAgent } from '../support/watched-agent.ts'

const STUDY = UNTAUGHT_STUDY.id
const FINISHED = { rounds: 3, finished: true }

/** What a run that nothing happens to ends with. */
async function undisturbed(): Promise<{ student: string; rounds: number }> {
  const federation = await smallFederation(UNTAUGHT_STUDY)
  const coordinator = await federation.start()
  const agents = SITES.map((site) => watchedAgent(federation, site, coordinator.url))
  await Promise.all(agents.map(({ outcome }) => outcome))
  await coordinator.close()
  return federation.result()
}

/** Trainings that wait until their round is let go. */
function latches() {
  const waiting = new Map<number, { opened: Promise<void>; open: () => void }>()
  const of = (round: number) => {
    let open: () => void = () => undefined
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const known = waiting.get(round) ?? { opened, open }
    waiting.set(round, known)
    return known
  }
  return {
    at: async (round: number, signal: AbortSignal | undefined): Promise<void> => {
      // A stop ends the wait; the trainer looks at it next.
      const stopped = signal && once(signal, 'abort')
      if (signal?.aborted !== true) await Promise.race([of(round).opened, stopped])
    },
    open: (round: number) => of(round).open(),
  }
}

/** What counts, or will. */
const updatesOf = async ({ dir }: SmallFederation) =>
  (await readEvents(dir)).filter((event) => event.type === 'update.accepted')

interface Scene {
  readonly federation: SmallFederation
  readonly agents: readonly WatchedAgent[]
  /** The same federation with its coordinator as it was in the backup. */
  readonly backup: SmallFederation
  /** Lets a round's trainings end. */
  readonly open: (round: number) => void
  readonly port: number
}

/** Closed with the test, unless it was before. */
async function started(federation: SmallFederation, port?: number): Promise<Coordinator> {
  const coordinator = await federation.start({ port })
  onTestFinished(() => coordinator.close())
  return coordinator
}

/** A copy of the coordinator's folder, taken while it does not run; the sites' folders are not in it. */
async function copyOf({ dir }: SmallFederation): Promise<SmallFederation> {
  const root = await temporaryFolder()
  await cp(dir, join(root, 'coordinator'), { recursive: true })
  return federationAt(root, STUDY)
}

/** Two rounds are published, the backup knows of the first, and the third is being trained; then the machine of the coordinator is lost. */
async function twoRoundsOneInBackup(): Promise<Scene> {
  const federation = await smallFederation(UNTAUGHT_STUDY)
  const { at, open } = latches()
  const before = await started(federation)
  const { port, url } = before
  const agents = SITES.map((site) => watchedAgent(federation, site, url, at))
  open(1)
  await Promise.all(agents.map(({ told }) => told('published', 1)))
  await before.close()
  const backup = await copyOf(federation)
  const lost = await started(federation, port)
  open(2)
  await Promise.all(agents.map(({ told }) => told('published', 2)))
  await Promise.all(agents.map(({ trains }) => trains(3)))
  await lost.close()
  return { federation, agents, backup, open, port }
}

/** The restored coordinator halts the study, and says why. */
async function halted({ backup, port }: Scene): Promise<Coordinator> {
  const restored = await started(backup, port)
  await expect(restored.ended).rejects.toMatchObject({
    code: 'ERR_LEDGER_BEHIND',
    message: `coordinator must know what it has published of study ${STUDY}, got a record of round 2 that it does not have`,
  })
  expect(restored.progress()).toMatchObject([{ study: STUDY, phase: 'halted' }])
  return restored
}

const waits = ({ log }: WatchedAgent) =>
  expect
    .poll(() =>
      log.filter(({ event, code }) => event === 'coordinator.waiting' && code === 'ERR_LEDGER_BEHIND'),
    )
    .toHaveLength(1)

describe('a coordinator that is restored from a backup of before a published round', () => {
  test('halts the study by name, and with a newer backup all goes on to the undisturbed student', async () => {
    const scene = await twoRoundsOneInBackup()
    const { federation, agents, backup, open, port } = scene
    const restored = await halted(scene)
    await Promise.all(agents.map(waits))
    // What is trained meanwhile has nowhere to go.
    open(3)
    await restored.close()
    expect((await updatesOf(backup)).map(({ round }) => round)).toEqual(SITES.map(() => 1))

    const newer = await started(federation, port)
    expect(await Promise.all(agents.map(({ outcome }) => outcome))).toEqual(SITES.map(() => FINISHED))
    await newer.ended
    await newer.close()
    expect(agents.map(({ rounds }) => rounds)).toEqual(SITES.map(() => [1, 2, 3]))
    expect(await federation.result()).toEqual(await undisturbed())
    expect(await verifiedRounds(federation.dir, STUDY)).toBe(3)
  })

  test('without a newer one, a clone from the last round that both have is the way out', async () => {
    const scene = await twoRoundsOneInBackup()
    const { federation, agents, backup, port } = scene
    const restored = await halted(scene)
    await Promise.all(agents.map(waits))
    await cloneStudy({ dir: backup.dir, study: STUDY, id: 'again', round: 1 })
    await expect.poll(() => restored.progress().map(({ study }) => study)).toEqual([STUDY, 'again'])
    // The sites' operators stop what waits, and start their agents for the new id.
    for (const { stop } of agents) stop()
    await Promise.allSettled(agents.map(({ outcome }) => outcome))
    const again = SITES.map((site) =>
      watchedAgent(federation, site, `http://127.0.0.1:${port}`, undefined, { study: 'again' }),
    )
    expect(await Promise.all(again.map(({ outcome }) => outcome))).toEqual(SITES.map(() => FINISHED))
    expect(await verifiedRounds(backup.dir, 'again')).toBe(3)
    // Of the halted study nothing counts after the round that the backup has.
    expect(await verifiedRounds(backup.dir, STUDY)).toBe(1)
  })
})

test('an update that a backup has forgotten is delivered again, the same bits, and counts once', async () => {
  const federation = await smallFederation(UNTAUGHT_STUDY)
  const [first, others] = [latches(), latches()]
  const before = await started(federation)
  const { port, url } = before
  const agents = SITES.map((site) =>
    watchedAgent(federation, site, url, site === 'north' ? first.at : others.at),
  )
  const [north] = agents as [WatchedAgent, ...WatchedAgent[]]
  await Promise.all(agents.map(({ trains }) => trains(1)))
  await before.close()
  const backup = await copyOf(federation)
  const lost = await started(federation, port)
  first.open(1)
  await north.told('delivered', 1)
  await lost.close()
  const [update] = await updatesOf(federation)
  expect(update).toMatchObject({ site: 'north', round: 1 })
  expect(await updatesOf(backup)).toEqual([])

  const restored = await started(backup, port)
  for (const round of [1, 2, 3]) for (const { open } of [first, others]) open(round)
  expect((await Promise.all(agents.map(({ outcome }) => outcome))).every(({ finished }) => finished)).toBe(
    true,
  )
  await restored.ended
  await restored.close()
  expect(north.log.map(({ event }) => event)).toContain('receipt.forgotten')
  expect(agents.map(({ rounds }) => rounds)).toEqual(SITES.map(() => [1, 2, 3]))
  const again = await updatesOf(backup)
  expect(again).toHaveLength(3 * SITES.length)
  expect(again.find(({ site, round }) => site === 'north' && round === 1)?.payload).toBe(update?.payload)
  expect(await backup.result()).toEqual(await undisturbed())
  expect(await verifiedRounds(backup.dir, STUDY)).toBe(3)
})
