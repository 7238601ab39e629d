/** @file The operator's verbs about the dashboard: `tessera coordinator dashboard …`. */
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import { LINK_LIFETIME_MS, person, type Role, role } from '@tessera/shared/web'
import { type Command, Option } from 'commander'
import { loadCoordinator } from './config.ts'
import { signInLink } from './dashboard/index.ts'

interface LinkOptions {
  readonly dir: string
  readonly role: Role
  readonly name?: string
  readonly url?: string
}

/** Adds the group `dashboard` to the group `coordinator`. */
export function addDashboardVerbs(group: Command): void {
  const dashboard = group
    .command('dashboard')
    .summary('sign in to the dashboard')
    .description('sign in to the dashboard that a running coordinator serves')
  const command = dashboard
    .command('link')
    .summary('make a link that signs one person in, once')
    .description(
      `make a link that signs one person in, once, within ${LINK_LIFETIME_MS / 60_000} minutes; whoever has it is let in, so give it on a way you trust`,
    )
    .option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
    .addOption(
      new Option('--role <role>', 'a viewer sees everything and changes nothing')
        .choices(role.options)
        .default('operator'),
    )
    .option('--name <name>', 'who it is for, as the log will name them (default: the role)')
    .option('--url <url>', 'address of the coordinator in the link (default: as set by init)')
    .action(async (options: LinkOptions) => {
      const { config } = await loadCoordinator(options.dir)
      const who = person.safeParse({ role: options.role, name: options.name ?? options.role })
      if (!who.success) throw new TesseraError('ERR_USAGE', 'name must have 1 to 128 characters, got another')
      const link = await signInLink(options.dir, who.data, systemClock)
      print(`${(options.url ?? config.url).replace(/\/$/, '')}/${link}`)
    })
  const text = '$ tessera coordinator dashboard link --role viewer --name "Dr Okafor"'
  command.addHelpText('after', `\nExample:\n  ${text}`)
  dashboard.addHelpText('after', `\nExample:\n  ${text}`)
}
