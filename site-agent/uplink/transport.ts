/** @file How a site reaches its coordinator: encrypted, unless the address is its own machine or the kit says otherwise. */
import { TesseraError } from '@tessera/shared/errors'
import { isLoopback } from '@tessera/shared/protocol'
import { z } from 'zod'

const file = z.string().min(1).max(1000)
export const transport = z.strictObject({
  /** Pin of the coordinator's TLS key, as spkiPin() gives it. Absent: an authority must have signed its certificate. */
  pin: z.string().optional(),
  /** PEM file of the authority, when it is not one that this machine trusts anyway. */
  ca: file.optional(),
  /** PEM files of this site's own certificate, where the coordinator asks for one. */
  cert: file.optional(),
  key: file.optional(),
  /**
   * HTTP proxy to go through, before what the environment says. Without a user and a password: those are for the environment, since this file
   * may be copied about.
   */
  proxy: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
      error: 'must have no user and no password: put those into HTTPS_PROXY',
    })
    .optional(),
  /** From the kit: plain http is allowed to another machine. */
  insecureHttp: z.literal(true).optional(),
})
export type Transport = z.infer<typeof transport>

/** Gives settings that somebody typed. @throws {TesseraError} ERR_CONFIG_INVALID */
export function checkTransport(settings: unknown): Transport {
  const result = transport.safeParse(settings)
  if (result.success) return result.data
  const [fault] = result.error.issues
  throw new TesseraError('ERR_CONFIG_INVALID', `${fault?.path.join('.')} must fit, got: ${fault?.message}`)
}

/** @throws {TesseraError} ERR_TLS_REQUIRED if what is said could be read on the way. */
export function assertEncrypted(url: string, { insecureHttp }: Transport): void {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:' || isLoopback(hostname) || insecureHttp) return
  throw new TesseraError('ERR_TLS_REQUIRED', `coordinator must be reached by https, got http to ${hostname}`)
}
