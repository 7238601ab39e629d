/**
 * @file What an operator does on the page. Each act calls the function that its verb on the command line calls, is asked for by POST only, by an operator only, and is logged
 * with who has done it.
 */

import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { name } from '@tessera/shared/protocol'
import { readJson, type Session, type WebApp, type WebContext } from '@tessera/shared/web'
import type { z } from 'zod'
import type { OpenCoordinator } from '../in-process.ts'
import type { SigningIn } from './signing-in.ts'

/** What an act is about. */
export interface About {
  /** Of its address; `''` where that names none. */
  readonly study: string
  readonly site: string
  readonly person: Session
}

/** Mounts an act. `path`: below the dashboard's `api/`; its last part, or its only one, names it in the log. */
export type AddAct = <B>(
  path: string,
  body: z.ZodType<B>,
  act: (body: B, about: About) => Promise<object>,
) => void

export interface ActingOptions {
  readonly signing: SigningIn
  readonly coordinator: Pick<OpenCoordinator, 'obey'>
  readonly clock: Clock
  readonly log: Log
}

/** Gives how acts are mounted below `base`. */
export function actsOn(
  app: WebApp,
  base: string,
  { signing, coordinator, clock, log }: ActingOptions,
): AddAct {
  return (path, body, act) => {
    app.post(`${base}${path}`, (c) =>
      logged(c, path, signing, log, async (about) => {
        const asked = await readJson(c, clock, body)
        // Again: a body may take its time, and who has signed out meanwhile does nothing more.
        signing.person(c)
        return c.json(await coordinator.obey(() => act(asked, about)))
      }),
    )
  }
}

/** Does something in an operator's name and logs it, whatever becomes of it. */
export async function logged(
  c: WebContext,
  path: string,
  signing: SigningIn,
  log: Log,
  work: (about: About) => Promise<Response>,
): Promise<Response> {
  const person = signing.operator(c)
  const study = named(c, 'study')
  const site = named(c, 'site')
  const fields = {
    operator: person.name,
    act: path.split('/').at(-1) ?? path,
    ...(study && { study }),
    ...(site && { site }),
  }
  try {
    const response = await work({ study, site, person })
    log.info('operator.acted', fields)
    return response
  } catch (thrown) {
    const { code, message } = asTesseraError(thrown)
    log.warn('operator.refused', { ...fields, code, reason: message })
    throw thrown
  }
}

/** A part of the address; `''` when it has none. @throws {TesseraError} ERR_USAGE if it is no name */
function named(c: WebContext, part: 'study' | 'site'): string {
  const value = c.req.param(part)
  if (value === undefined) return ''
  if (name.safeParse(value).success) return value
  throw new TesseraError('ERR_USAGE', `${part} must be 1 to 63 of a-z, 0-9, - and _, got another`)
}
