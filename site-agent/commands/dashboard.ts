/** @file `tessera site dashboard`: a new link to the page of the agent that runs. */
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import type { Command } from 'commander'
import { readAddress } from '../dashboard/address.ts'
import { loadSite } from '../session/site-folder.ts'
import { example, withDir } from './command.ts'

export function addDashboard(group: Command): void {
  const command = withDir(group.command('dashboard'))
    .description("print a link to the running agent's page: it signs in one browser of this machine, once")
    .action(async ({ dir }: { dir: string }) => {
      await loadSite(dir)
      const url = await readAddress(dir)
      if (url === null) {
        throw new TesseraError(
          'ERR_CONFIG_INVALID',
          'folder must have a running agent with a dashboard (tessera site start), got none',
        )
      }
      // Loaded late: the other verbs need nothing of the web.
      const { newLink } = await import('../dashboard/new-link.ts')
      const { link, expiresAtMs } = await newLink(dir, url, systemClock)
      print(link)
      const until = new Date(expiresAtMs).toISOString()
      process.stderr.write(`Works once, until ${until}, in a browser on this machine.\n`)
    })
  example(command, '$ tessera site dashboard --dir site-data')
}
