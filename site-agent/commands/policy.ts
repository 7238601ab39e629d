/** @file `tessera site policy …`: write it, look at it, sign it. */
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import type { Command } from 'commander'
import { loadPolicy, readPolicy, signPolicy, writeDefaultPolicy } from '../policy/index.ts'
import { policyLines } from '../screen/policy-lines.ts'
import { loadSite } from '../session/site-folder.ts'
import { example, withDir } from './command.ts'

interface Flags {
  dir: string
}

export function addPolicy(group: Command): void {
  const policy = group
    .command('policy')
    .description("the site's rules for what may leave: policy.yaml in its folder")
  const show = withDir(policy.command('show'))
    .description('say in words what policy.yaml allows, and whether it is signed')
    .action(async ({ dir }: Flags) => {
      const site = await loadSite(dir)
      const { policy, hash } = await readPolicy(dir, site.site)
      print(policyLines(policy).join('\n'))
      const state = await loadPolicy(dir, site).then(
        () => 'signed by this site',
        (thrown: unknown) => `NOT in force: ${asTesseraError(thrown).message}`,
      )
      print(`\npolicy ${hash}\n${state}`)
    })
  example(show, '$ tessera site policy show --dir site-data')

  const sign = withDir(policy.command('sign'))
    .description(
      "sign policy.yaml as it stands, with the site's key; it counts from the next round, or the next start",
    )
    .action(async ({ dir }: Flags) => {
      const { policy, hash } = await signPolicy(dir, await loadSite(dir), systemClock.now())
      print(policyLines(policy).join('\n'))
      print(`\nSigned. policy ${hash}`)
    })
  example(sign, '$ tessera site policy sign --dir site-data')

  const write = withDir(policy.command('write'))
    .description('write the default policy.yaml, with a comment on each rule, where there is none')
    .action(async ({ dir }: Flags) => {
      const written = await writeDefaultPolicy(dir, await loadSite(dir))
      print(
        written
          ? 'policy.yaml is written. Read it, then sign it.'
          : 'policy.yaml is there; nothing is changed.',
      )
    })
  example(write, '$ tessera site policy write --dir site-data')
  example(policy, '$ tessera site policy show && tessera site policy sign')
}
