/** @file What an operator does about sites on the page. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { Kit } from '@tessera/shared/dashboard/coordinator-api'
import { z } from 'zod'
import { approve, invite, revoke, withdraw } from '../enrolment/index.ts'
import type { AddAct } from './acting.ts'
import type { KeptFolders } from './kept-folders.ts'

const DAY_MS = 24 * 3600 * 1000
const nothing = z.strictObject({})
/** A year, as long as anybody plans a consortium's next meeting. */
const invitation = z.strictObject({
  days: z.int().min(1).max(366).optional(),
  autoApprove: z.boolean().optional(),
})
const approval = z.strictObject({ fingerprint: z.string().min(1).max(128) })

/** Mounts them. */
export function addActsOnSites(add: AddAct, dir: string, kits: KeptFolders, clock: Clock): void {
  add('sites/:site/invite', invitation, async ({ days, autoApprove }, { site }): Promise<Kit> => {
    const { id, made } = await kits.make(async (folder): Promise<Kit> => {
      const file = join(folder, `${site}.json`)
      const lifetimeMs = days && days * DAY_MS
      const { kit } = await invite({ dir, site, file, lifetimeMs, autoApprove, clock })
      return { file: `${site}-kit.json`, kit: await readFile(file, 'utf8'), expiresAtMs: kit.expiresAtMs }
    })
    // Its secret goes to whoever has asked, and stays nowhere else.
    await kits.drop(id)
    return made
  })
  add('sites/:site/approve', approval, async ({ fingerprint }, { site }) => {
    await approve({ dir, site, fingerprint, clock })
    return {}
  })
  add('sites/:site/revoke', nothing, async (_, { site }) => {
    await revoke({ dir, site, clock })
    return {}
  })
  add('sites/:site/withdraw', nothing, async (_, { site }) => {
    await withdraw({ dir, site, clock })
    return {}
  })
}
