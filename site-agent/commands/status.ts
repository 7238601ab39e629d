/** @file `tessera site status`: how this site stands, from its folder, whether or not its agent runs. */
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import { readableBytes } from '@tessera/shared/readable'
import { fingerprint } from '@tessera/shared/security'
import type { Command } from 'commander'
import { createTotals, loadPolicy, pausedSince, readPolicy } from '../policy/index.ts'
import { table } from '../screen/table.ts'
import { auditFile, loadSite } from '../session/site-folder.ts'
import { verifyAudit } from '../uplink/audit.ts'
import { example, withDir } from './command.ts'

interface Flags {
  dir: string
  json?: true
}

export function addStatus(group: Command): void {
  const command = withDir(group.command('status'))
    .description('who this site is, whether it is paused, its policy, and what left today')
    .option('--json', 'as JSON')
    .action(async ({ dir, json }: Flags) => {
      const status = await readStatus(dir, systemClock.now())
      print(json ? JSON.stringify(status) : statusLines(status).join('\n'))
    })
  example(command, '$ tessera site status --dir site-data')
}

async function readStatus(dir: string, nowMs: number) {
  const site = await loadSite(dir)
  const { policy, hash } = await readPolicy(dir, site.site)
  const fault = await loadPolicy(dir, site).then(
    () => null,
    (thrown: unknown) => asTesseraError(thrown),
  )
  const totals = createTotals(policy.timeZone)
  const { entries } = await verifyAudit(auditFile(dir), (entry) => totals.add(entry))
  return {
    site: site.site,
    coordinator: site.coordinatorUrl,
    fingerprint: fingerprint(site.publicKey),
    pausedSince: await pausedSince(dir),
    policy: { hash, inForce: fault === null, fault: fault?.code ?? null },
    today: totals.day(nowMs),
    limits: { bytes: policy.largestUpload.dayBytes, rounds: policy.roundsPerDay },
    auditLines: entries,
  }
}

function statusLines(status: Awaited<ReturnType<typeof readStatus>>): string[] {
  const { pausedSince, policy, today, limits } = status
  return table([
    ['what', 'how it is'],
    ['site', status.site],
    ['fingerprint', status.fingerprint],
    ['coordinator', status.coordinator],
    ['paused', pausedSince === null ? 'no' : `since ${pausedSince}`],
    ['policy', policy.inForce ? `signed, ${policy.hash.slice(0, 12)}` : `not in force: ${policy.fault}`],
    ['updates today', `${readableBytes(today.bytes)} of ${readableBytes(limits.bytes)}`],
    ['rounds today', `${today.rounds} of ${limits.rounds}`],
    ['audit log', `${status.auditLines} lines, chain whole`],
  ])
}
