/** @file A dry run against a real coordinator, with the real trainer: what it says would leave is what then leaves, to the bit. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { readUnverified } from '@tessera/shared/security'
import { expect, test } from 'vitest'
import { dryRun } from '../../site-agent/session/dry-run.ts'
import { SITES, SMALL_STUDY, smallFederation } from '../support/federation.ts'

const PATIENCE_MS = 300_000

test(
  'a dry run names the very delta that the site delivers in its first round',
  async () => {
    // The first attempt is the one that is compared: on a busy machine it must not run out.
    const federation = await smallFederation({
      ...SMALL_STUDY,
      federation: { ...SMALL_STUDY.federation, deadlineMs: PATIENCE_MS },
    })
    const coordinator = await federation.start()
    const dir = federation.siteDir('north')
    const found = await dryRun({
      dir,
      dataDir: federation.tilesDir('north'),
      study: 'small',
      coordinatorUrl: coordinator.url,
      signal: AbortSignal.timeout(PATIENCE_MS),
      log: silentLog,
      clock: systemClock,
    })
    expect(await readdir(dir)).not.toContain('receipts')
    expect(found.refusal).toBeNull()

    await Promise.all(SITES.map((site) => federation.agent(site, coordinator.url)))
    await coordinator.close()
    const file = join(dir, 'receipts', 'small', 'round-1-attempt-1.json')
    const { attempt, nonce, issuedAtMs, metrics, ...sent } = readUnverified(
      'manifest',
      JSON.parse(await readFile(file, 'utf8')).manifest,
    )
    expect([attempt, nonce.length > 0, issuedAtMs > 0]).toEqual([1, true, true])
    const { metrics: told, ...would } = found.manifest
    expect(sent).toEqual(would)
    // How long it took is the one thing that differs.
    expect({ ...metrics, seconds: 0 }).toEqual({ ...told, seconds: 0 })
  },
  PATIENCE_MS,
)
