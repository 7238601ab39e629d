/** @file A hospital's verbs about who it is and what it can prove: `tessera site rotate-key` and `tessera site proof`. */
import { systemClock } from '@tessera/shared/clock'
import { writeDurably } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { print } from '@tessera/shared/print'
import { fingerprint } from '@tessera/shared/security'
import { untilStopped } from '@tessera/shared/until-stopped'
import type { Command } from 'commander'
import { siteProof } from './session/proof.ts'
import { rotateSiteKey } from './session/rotate-key.ts'

const withDir = (command: Command): Command =>
  command.option('-d, --dir <folder>', "the site's folder", 'site-data')

/** What the verbs need of the program around them. */
export interface Surroundings {
  readonly log: () => Log
  readonly whole: (text: string) => number
}

/** Adds `rotate-key` and `proof` to the group `site`. */
export function addIdentityVerbs(group: Command, surroundings: Surroundings): void {
  addRotateKey(group, surroundings)
  addProof(group, surroundings)
}

function addRotateKey(group: Command, { log }: Surroundings): void {
  withDir(group.command('rotate-key'))
    .description(
      "replace this site's key: the old key signs the new one, and is refused from then on; stop the agent first",
    )
    .option('--coordinator <url>', "another address than the kit's; the coordinator's key stays pinned")
    .action(async ({ dir, coordinator: coordinatorUrl }: { dir: string; coordinator?: string }) => {
      const { from, to } = await untilStopped((signal) =>
        rotateSiteKey({ dir, coordinatorUrl, signal, clock: systemClock, log: log() }),
      )
      print(`Fingerprint until now: ${fingerprint(from)}`)
      print(`Fingerprint from now:  ${fingerprint(to)}`)
    })
    .addHelpText('after', '\nExample:\n  $ tessera site rotate-key --dir site-data')
}

function addProof(group: Command, { whole }: Surroundings): void {
  withDir(group.command('proof'))
    .description(
      "prove that this site's update of a round went in: its receipt, and the record that counts it",
    )
    .requiredOption('--study <id>', 'the study')
    .option('--round <round>', 'the round (default: the latest that counts this site)', whole)
    .option('--out <file>', 'write it to a file instead of the screen')
    .action(async (options: { dir: string; study: string; round?: number; out?: string }) => {
      const proof = await siteProof(options)
      const text = `${JSON.stringify(proof, null, 2)}\n`
      if (options.out === undefined) process.stdout.write(text)
      else {
        await writeDurably(options.out, text, 0o644)
        print(
          `Proof for round ${proof.round}: ${options.out}. Anyone can check it: tessera ledger check-receipt`,
        )
      }
    })
    .addHelpText('after', '\nExample:\n  $ tessera site proof --study colon --round 3 --out proof.json')
}
