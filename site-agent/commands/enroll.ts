/** @file `tessera site enroll`. */
import { systemClock } from '@tessera/shared/clock'
import { fingerprint } from '@tessera/shared/security'
import type { Command } from 'commander'
import { enroll } from '../session/enroll.ts'
import { example, print, stderrLog, untilStopped, withDir } from './command.ts'

interface EnrollFlags {
  dir: string
  acceptPolicy?: true
}

export function addEnroll(group: Command): void {
  const command = withDir(group.command('enroll <kit>'))
    .description(
      'use up an enrolment kit: makes a key pair here, pins the coordinator; the private key never leaves',
    )
    .option('--accept-policy', 'sign the default policy.yaml unread: for demonstrations')
    .action(async (kitFile: string, { dir, acceptPolicy }: EnrollFlags) => {
      const { site, coordinatorUrl, coordinatorKey, publicKey } = await untilStopped((signal) =>
        enroll({ kitFile, dir, signal, acceptPolicy, clock: systemClock, log: stderrLog(systemClock) }),
      )
      print(`Enrolled as ${site} with ${coordinatorUrl}.`)
      print(`Fingerprint of the coordinator, to compare by phone: ${fingerprint(coordinatorKey)}`)
      print(`Fingerprint of this site:                            ${fingerprint(publicKey)}`)
      if (!acceptPolicy)
        print("Next: read policy.yaml in the site's folder, then `tessera site policy sign`.")
    })
  example(command, '$ tessera site enroll hospital-a.kit.json --dir site-data')
}
