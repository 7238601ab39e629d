/** @file `tessera site pause`, `resume`, `approve`, `leave` and `rejoin`: what a person says to an agent that runs. */
import { systemClock } from '@tessera/shared/clock'
import { print } from '@tessera/shared/print'
import { name } from '@tessera/shared/protocol'
import { type Command, InvalidArgumentError } from 'commander'
import { approve, leave, pause, rejoin, resume } from '../policy/index.ts'
import { loadSite } from '../session/site-folder.ts'
import { example, whole, withDir } from './command.ts'

interface Flags {
  dir: string
}

export function addPause(group: Command): void {
  const hold = withDir(group.command('pause'))
    .description(
      'let nothing of any study leave until `resume`, also over restarts; the agent may go on training',
    )
    .action(async ({ dir }: Flags) => {
      await loadSite(dir)
      await pause(dir, systemClock.now())
      print('Paused: no frame with anything of a study leaves. Go on with: tessera site resume')
    })
  example(hold, '$ tessera site pause --dir site-data')

  const go = withDir(group.command('resume'))
    .description('end the pause; a running agent goes on within a second')
    .action(async ({ dir }: Flags) => {
      await loadSite(dir)
      await resume(dir)
      print('Resumed.')
    })
  example(go, '$ tessera site resume --dir site-data')

  const yes = withDir(group.command('approve').argument('<round>', 'its number', whole))
    .description('let the update of a round leave, where the policy asks for it (approval: each-round)')
    .requiredOption('--study <id>', 'the study of the round', studyName)
    .action(async (round: number, { dir, study }: Flags & { study: string }) => {
      await loadSite(dir)
      await approve(dir, study, round, systemClock.now())
      print(`Round ${round} of ${study} is approved.`)
    })
  example(yes, '$ tessera site approve 3 --study colon --dir site-data')

  const off = withDir(group.command('leave'))
    .description(
      'leave a study: a running agent ends within a second, and nothing of the study leaves any more',
    )
    .requiredOption('--study <id>', 'the study', studyName)
    .action(async ({ dir, study }: Flags & { study: string }) => {
      await loadSite(dir)
      await leave(dir, study, systemClock.now())
      print(
        `Left ${study}: what it got from this site before stays in it. Take part again with: tessera site rejoin`,
      )
    })
  example(off, '$ tessera site leave --study colon --dir site-data')

  const back = withDir(group.command('rejoin'))
    .description('take part again in a study that this site has left, from the next `tessera site start`')
    .requiredOption('--study <id>', 'the study', studyName)
    .action(async ({ dir, study }: Flags & { study: string }) => {
      await loadSite(dir)
      await rejoin(dir, study)
      print(`This site may take part in ${study} again: tessera site start --study ${study}`)
    })
  example(back, '$ tessera site rejoin --study colon --dir site-data')
}

/** It becomes a folder's name. */
function studyName(text: string): string {
  if (name.safeParse(text).success) return text
  throw new InvalidArgumentError('must be the name of a study.')
}
