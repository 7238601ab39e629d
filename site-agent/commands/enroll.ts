/** @file `tessera site enroll`. */
import { resolve } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { print } from '@tessera/shared/print'
import { fingerprint } from '@tessera/shared/security'
import { untilStopped } from '@tessera/shared/until-stopped'
import type { Command } from 'commander'
import { enroll } from '../session/enroll.ts'
import { readIdentity } from '../session/site-folder.ts'
import { example, stderrLog, withDir } from './command.ts'

interface EnrollFlags {
  dir: string
  tlsCa?: string
  tlsCert?: string
  tlsKey?: string
  proxy?: string
  acceptPolicy?: true
  ifMissing?: true
}

export function addEnroll(group: Command): void {
  const command = withDir(group.command('enroll <kit>'))
    .description(
      'use up an enrolment kit: makes a key pair here, pins the coordinator; the private key never leaves',
    )
    .option(
      '--tls-ca <file>',
      "authority of the coordinator's certificate, PEM, when this machine does not know it",
    )
    .option('--tls-cert <file>', 'certificate of this site, PEM, where the coordinator asks for one')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--proxy <url>', 'HTTP proxy to go through (default: HTTPS_PROXY and NO_PROXY, each time)')
    .option('--accept-policy', 'sign the default policy.yaml unread: for demonstrations')
    .option('--if-missing', 'leave a folder that is enrolled as it is: for start scripts')
    .action(async (kitFile: string, options: EnrollFlags) => {
      const known = options.ifMissing && (await readIdentity(options.dir))
      if (known) {
        print(`Enrolled already, as ${known.site} with ${known.coordinatorUrl}.`)
        return
      }
      const { dir, acceptPolicy, tlsCa: ca, tlsCert: cert, tlsKey: key, proxy } = options
      const transport = {
        ...(ca && { ca: resolve(ca) }),
        ...(cert && { cert: resolve(cert) }),
        ...(key && { key: resolve(key) }),
        ...(proxy && { proxy }),
      }
      const log = stderrLog(systemClock)
      const { site, coordinatorUrl, coordinatorKey, publicKey } = await untilStopped((signal) =>
        enroll({ kitFile, dir, transport, signal, acceptPolicy, clock: systemClock, log }),
      )
      print(`Enrolled as ${site} with ${coordinatorUrl}.`)
      print(`Fingerprint of the coordinator, to compare by phone: ${fingerprint(coordinatorKey)}`)
      print(`Fingerprint of this site:                            ${fingerprint(publicKey)}`)
      print(
        'Tell the operator the second one, by phone: the site takes part once the operator has approved it.',
      )
      if (!acceptPolicy)
        print("Next: read policy.yaml in the site's folder, then `tessera site policy sign`.")
    })
  example(command, '$ tessera site enroll hospital-a.kit.json --dir site-data')
}
