/** @file `tessera site audit`. */
import { print } from '@tessera/shared/print'
import { readableBytes } from '@tessera/shared/readable'
import { type Command, InvalidArgumentError } from 'commander'
import { localDay, readPolicy } from '../policy/index.ts'
import { auditTable } from '../screen/audit-table.ts'
import { auditFile, loadSite } from '../session/site-folder.ts'
import { type AuditEntry, verifyAudit } from '../uplink/audit.ts'
import { example, withDir } from './command.ts'

interface AuditFlags {
  dir: string
  since?: string
  json?: true
}

export function addAudit(group: Command): void {
  const command = withDir(group.command('audit'))
    .description(
      'show every byte that ever left this site, when and why, and check that the log is untouched',
    )
    .option('--since <day>', 'show lines of this day (2026-11-25) and later; all are checked', day)
    .option('--json', 'one JSON line a frame, as stored')
    .action(audit)
  example(command, '$ tessera site audit --since 2026-11-25 --dir site-data')
}

async function audit({ dir, since, json }: AuditFlags): Promise<void> {
  const { site } = await loadSite(dir)
  // The log can be read whatever became of the policy; without one, days are UTC's.
  const timeZone = await readPolicy(dir, site).then(
    ({ policy }) => policy.timeZone,
    () => 'UTC',
  )
  const dayOf = (time: string): string => localDay(Date.parse(time), timeZone)
  const shown = auditTable(dayOf)
  let [frames, bytes] = [0, 0]
  const show = (entry: AuditEntry): void => {
    if (since !== undefined && dayOf(entry.time) < since) return
    frames++
    bytes += entry.bytes
    if (json) print(JSON.stringify(entry))
    else shown.add(entry)
  }
  const summary = await verifyAudit(auditFile(dir), show)
  if (json) return
  print(shown.lines().join('\n'))
  print(`\nThe chain of ${summary.entries} lines is whole: ${readableBytes(summary.bytes)} have left.`)
  if (since !== undefined) print(`Frames since ${since}: ${frames}, ${readableBytes(bytes)}.`)
  print(`Days are those of ${timeZone}. Last line: ${summary.head || 'none'}`)
  if (summary.unfinished) print('One more line was cut off while it was written; nothing was sent for it.')
}

function day(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) return text
  throw new InvalidArgumentError('must be a day, for instance 2026-11-25.')
}
