/** @file The operator's verbs about sites, `tessera coordinator site …`, and about the coordinator's own key. */
import { systemClock } from '@tessera/shared/clock'
import { print } from '@tessera/shared/print'
import type { Command } from 'commander'
import { approve, invite, listSites, revoke, type SiteEntry, withdraw } from './enrolment/index.ts'
import { rotateCoordinatorKey } from './rotate-key.ts'

const withDir = (command: Command): Command =>
  command.option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${text}`)

/** Adds `site …`, `approve` and `rotate-key` to the group `coordinator`. */
export function addSiteVerbs(group: Command): void {
  const site = group.command('site').description('list, approve, rotate, withdraw, revoke')
  addList(site)
  addApprove(site)
  addRotate(site)
  addWithdraw(site)
  addRevoke(site)
  example(site, '$ tessera coordinator site list')
  addApprove(group)
  addRotateKey(group)
}

function addList(group: Command): void {
  const command = withDir(group.command('list'))
    .description('show each site, its state and the fingerprint of its key')
    .option('--json', 'as JSON')
    .action(async ({ dir, json }: { dir: string; json?: true }) => {
      const sites = await listSites({ dir, clock: systemClock })
      if (json) print(JSON.stringify({ sites }))
      else print(sites.length === 0 ? 'no site yet' : sites.map(siteLine).join('\n'))
    })
  example(command, '$ tessera coordinator site list')
}

function siteLine({ site, state, fingerprint, former }: SiteEntry): string {
  const replaced = former === 0 ? '' : `  (replaces ${former} earlier ${former === 1 ? 'key' : 'keys'})`
  return `${site}  ${state}${fingerprint === null ? '' : `  ${fingerprint}`}${replaced}`
}

function addApprove(group: Command): void {
  const command = withDir(group.command('approve <site>'))
    .summary('let an enrolled site take part')
    .description('let an enrolled site take part, once its fingerprint was compared by phone')
    .option('--fingerprint <print>', 'as the site said it; refused if its key has another')
    .action(async (site: string, options: { dir: string; fingerprint?: string }) => {
      const shown = await approve({ ...options, site })
      print(`Site ${site} is approved, with the key of fingerprint ${shown}.`)
      if (options.fingerprint === undefined) {
        print(`Compare it by phone. If it differs: tessera coordinator site revoke ${site}`)
      }
    })
  example(
    command,
    "$ tessera coordinator approve radboud --fingerprint '0a1b 2c3d 4e5f 6071 8293 a4b5 c6d7 e8f9'",
  )
}

function addRotate(group: Command): void {
  const command = withDir(group.command('rotate <site>'))
    .description(
      'write a kit with which a site replaces a key that it has lost; until then the old one holds',
    )
    .option('--out <file>', 'where the kit goes (default: kits/<site>.json in the folder)')
    .action(async (site: string, { dir, out: file }: { dir: string; out?: string }) => {
      const made = await invite({ dir, site, file })
      print(
        `Kit for ${site}: ${made.file}. The site enrols with it in a new folder; then approve its new key.`,
      )
    })
  example(command, '$ tessera coordinator site rotate radboud --out radboud-kit.json')
}

function addWithdraw(group: Command): void {
  const command = withDir(group.command('withdraw <site>'))
    .description("take a site's kit back, if nobody has used it; the site itself stays as it is")
    .action(async (site: string, { dir }: { dir: string }) => {
      await withdraw({ dir, site })
      print(`The kit of ${site} is void.`)
    })
  example(command, '$ tessera coordinator site withdraw radboud')
}

function addRevoke(group: Command): void {
  const command = withDir(group.command('revoke <site>'))
    .description('shut a site out: its sessions end, its open update does not count, its kits are void')
    .action(async (site: string, { dir }: { dir: string }) => {
      await revoke({ dir, site })
      print(`Site ${site} is revoked. A coordinator that runs shuts it out within seconds.`)
    })
  example(command, '$ tessera coordinator site revoke radboud')
}

function addRotateKey(group: Command): void {
  const command = withDir(group.command('rotate-key'))
    .summary("replace the coordinator's key")
    .description(
      "replace the coordinator's key; stop it first, then start it again: sites follow by themselves",
    )
    .action(async ({ dir }: { dir: string }) => {
      const { from, to } = await rotateCoordinatorKey({ dir })
      print(`Fingerprint until now: ${from}`)
      print(`Fingerprint from now:  ${to}`)
      print('Each site says both when it follows. Kits that nobody has used still hold.')
    })
  example(command, '$ tessera coordinator rotate-key --dir /srv/tessera')
}
