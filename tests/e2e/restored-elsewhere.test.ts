/** @file A coordinator whose machine is lost in the middle of a study, and restored on another one from a backup that was made while it ran: real agents. */
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { backupCoordinator, restoreCoordinator } from '@tessera/coordinator/backup'
import { expect, onTestFinished, test } from 'vitest'
import { federationAt, SITES, smallFederation } from '../support/federation.ts'
import { verifiedRounds } from '../support/ledger.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { UNTAUGHT_STUDY, watchedAgent } from '../support/watched-agent.ts'

test('agents find it at its new address, and the study ends with the undisturbed student', async () => {
  const federation = await smallFederation(UNTAUGHT_STUDY)
  const undisturbed = await temporaryFolder()
  await cp(federation.root, undisturbed, { recursive: true })

  const lost = await federation.start()
  onTestFinished(() => lost.close())
  // Round 2 is being trained when the machine is lost: a site that had seen its record would halt the study.
  const untilStopped = async (round: number, signal: AbortSignal | undefined): Promise<void> => {
    if (round > 1 && signal?.aborted === false) await once(signal, 'abort')
  }
  const before = SITES.map((site) => watchedAgent(federation, site, lost.url, untilStopped))
  await Promise.all(before.map(({ told }) => told('published', 1)))
  const root = await temporaryFolder()
  await backupCoordinator({ dir: federation.dir, out: join(root, 'backup') })
  await lost.close()
  for (const { stop } of before) stop()
  await Promise.allSettled(before.map(({ outcome }) => outcome))

  const elsewhere = federationAt(root, UNTAUGHT_STUDY.id)
  await restoreCoordinator({ backup: join(root, 'backup'), dir: elsewhere.dir, port: 0 })
  const restored = await elsewhere.start()
  onTestFinished(() => restored.close())
  const agents = SITES.map((site) => watchedAgent(federation, site, restored.url))
  const outcomes = await Promise.all(agents.map(({ outcome }) => outcome))
  expect(outcomes).toEqual(SITES.map(() => expect.objectContaining({ finished: true })))
  await restored.ended
  await restored.close()
  expect(await verifiedRounds(elsewhere.dir, UNTAUGHT_STUDY.id)).toBe(3)

  const same = federationAt(undisturbed, UNTAUGHT_STUDY.id)
  const coordinator = await same.start()
  onTestFinished(() => coordinator.close())
  await Promise.all(SITES.map((site) => watchedAgent(same, site, coordinator.url).outcome))
  await coordinator.close()
  expect(await elsewhere.result()).toEqual(await same.result())
})
