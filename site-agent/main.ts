/** @file A hospital's verbs: `tessera site …`. Results go to standard output, logs and progress to standard error. */
import { systemClock } from '@tessera/shared/clock'
import type { Command } from 'commander'
import { addAudit } from './commands/audit.ts'
import { addCheck } from './commands/check.ts'
import { example, stderrLog, whole } from './commands/command.ts'
import { addDashboard } from './commands/dashboard.ts'
import { addEnroll } from './commands/enroll.ts'
import { addPause } from './commands/pause.ts'
import { addPolicy } from './commands/policy.ts'
import { addStart } from './commands/start.ts'
import { addStatus } from './commands/status.ts'
import { addIdentityVerbs } from './main-identity.ts'

/** Adds the group `site` to the program. */
export function addSiteCommands(program: Command): void {
  const group = program
    .command('site')
    .description("run a hospital's agent: train on its tiles, send signed deltas")
  for (const add of [addEnroll, addCheck, addPolicy, addStart, addStatus, addDashboard, addAudit, addPause])
    add(group)
  addIdentityVerbs(group, { log: () => stderrLog(systemClock), whole })
  example(group, '$ tessera site enroll hospital-a.kit.json && tessera site start --study colon --data tiles')
}
