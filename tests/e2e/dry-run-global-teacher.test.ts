/** @file A dry run where the teacher follows the published students: it fetches those that the site has missed, and trains as the round then does. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import type { StudyInput } from '@tessera/shared/protocol'
import { readUnverified } from '@tessera/shared/security'
import type { AgentOptions } from '@tessera/site-agent'
import { expect, test } from 'vitest'
import { tellStudy } from '../../coordinator/studies/index.ts'
import { pause, resume } from '../../site-agent/policy/index.ts'
import { dryRun } from '../../site-agent/session/dry-run.ts'
import { SMALL_STUDY, smallFederation } from '../support/federation.ts'

const PATIENCE_MS = 300_000

test(
  'a dry run with a global teacher names the very delta of the coming round, at a site that has missed the two before',
  async () => {
    const federation = await smallFederation({
      ...SMALL_STUDY,
      teacher: { ...SMALL_STUDY.teacher, momentum: 'global' } as NonNullable<StudyInput['teacher']>,
      method: { ...SMALL_STUDY.method, momentum: 0.5 } as StudyInput['method'],
      training: { ...SMALL_STUDY.training, rounds: 3 },
      federation: { minSites: 2, quorum: 2, deadlineMs: PATIENCE_MS },
    })
    const { dir } = federation
    const coordinator = await federation.start()
    const { url } = coordinator
    const stop = new AbortController()
    const events: string[] = []
    const agents = (['south', 'west'] as const).map((site) => {
      const onProgress: AgentOptions['onProgress'] = (event) =>
        void events.push(`${site} ${event.kind} ${'round' in event ? event.round : ''}`)
      return federation.agent(site, url, { onProgress, signal: stop.signal }).catch(() => undefined)
    })
    const heard = (event: string): Promise<void> => expect.poll(() => events).toContain(event)

    // Rounds 1 and 2 without north: each is held at west until the study is paused, so that none follows before it is wanted.
    for (const round of [1, 2]) {
      await pause(federation.siteDir('west'), systemClock.now())
      if (round > 1) await tellStudy({ dir, study: 'small' }, 'resume')
      await heard(`west waiting ${round}`)
      await tellStudy({ dir, study: 'small' }, 'pause')
      await expect.poll(() => coordinator.progress()[0]?.paused).toBe(true)
      await resume(federation.siteDir('west'))
      await heard(`south published ${round}`)
    }
    stop.abort()
    await Promise.all(agents)

    const found = await dryRun({
      dir: federation.siteDir('north'),
      dataDir: federation.tilesDir('north'),
      study: 'small',
      coordinatorUrl: url,
      signal: AbortSignal.timeout(PATIENCE_MS),
      log: silentLog,
      clock: systemClock,
    })
    expect(found.manifest.round).toBe(3)

    await tellStudy({ dir, study: 'small' }, 'resume')
    await Promise.all([federation.agent('north', url), federation.agent('south', url)])
    await coordinator.close()
    const file = join(federation.siteDir('north'), 'receipts', 'small', 'round-3-attempt-1.json')
    const { payload, base } = readUnverified('manifest', JSON.parse(await readFile(file, 'utf8')).manifest)
    expect({ payload, base }).toEqual({ payload: found.manifest.payload, base: found.manifest.base })
  },
  PATIENCE_MS,
)
