/** @file What a person may do on the page: each act calls what a verb of `tessera site` calls, and is logged. */
import { readFile } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import type {
  Approval,
  Leave,
  Leaving,
  PolicyInWords,
  PolicyText,
  PolicyToSign,
  SignedPolicy,
} from '@tessera/shared/dashboard/site-api'
import { deltaParts } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import {
  approve,
  leave,
  parseSitePolicy,
  pause,
  readPolicyText,
  resume,
  signPolicyText,
} from '../policy/index.ts'
import { policyRules } from '../screen/policy-lines.ts'
import type { Site } from '../session/site-folder.ts'
import { studyFile } from '../session/workplace.ts'
import type { Model } from './model.ts'
import type { Trained } from './watch.ts'

export interface ActsOptions {
  readonly dir: string
  readonly site: Site
  readonly study: string
  readonly model: Pick<Model, 'watch'>
  readonly clock: Clock
  readonly log: Log
}

export interface Acts {
  pause(): Promise<void>
  resume(): Promise<void>
  /** What waits to leave. @throws {TesseraError} ERR_ROUND_CLOSED when nothing does. */
  leaving(): Promise<Leaving>
  /** @throws {TesseraError} ERR_ROUND_CLOSED when another update waits than the one that was shown. */
  approve(approval: Approval): Promise<void>
  /** @throws {TesseraError} ERR_USAGE when it is another study than this agent's. */
  leave(leave: Leave): Promise<void>
  policy(): Promise<PolicyText>
  /** @throws {TesseraError} ERR_POLICY_FILE */
  readPolicy(text: string): PolicyInWords
  /** Writes and signs. @throws {TesseraError} ERR_POLICY_FILE; ERR_USAGE when the file was changed since it was shown. */
  signPolicy(toSign: PolicyToSign): Promise<SignedPolicy>
}

/** Builds them. */
export function createActs({ dir, site, study, model, clock, log }: ActsOptions): Acts {
  const acted = (reason: string, more = {}): void => log.info('person.acted', { reason, ...more })
  const shown = (): Trained => {
    const trained = model.watch.leaving()
    if (trained !== null) return trained
    throw new TesseraError('ERR_ROUND_CLOSED', 'round must be trained and not sent yet, got none that is')
  }
  return {
    async pause() {
      await pause(dir, clock.now())
      acted('pause')
    },
    async resume() {
      await resume(dir)
      acted('resume')
    },
    async leaving() {
      const { round, base: _, kind: __, metrics, ...told } = shown()
      const found = studySchema.parse(JSON.parse(await readFile(studyFile(dir, study), 'utf8')))
      const layout = studentLayout(found)
      const shapes = new Map(layout.tensors.map(({ name, shape }) => [name, shape]))
      return {
        study,
        round,
        ...told,
        metrics: { ...metrics },
        tensors: deltaParts(layout, told.encoding).map(({ name, kind, bytes }) => ({
          name,
          kind,
          shape: shapes.get(name) ?? [],
          bytes,
        })),
      }
    },
    async approve({ round, payload }) {
      const waiting = shown()
      if (waiting.round !== round || waiting.payload !== payload) {
        throw new TesseraError(
          'ERR_ROUND_CLOSED',
          'approval must be of the update that waits now, got another: look at it again',
        )
      }
      await approve(dir, study, round, clock.now())
      acted('approve', { round, sha256: payload })
    },
    async leave(said) {
      if (said.study !== study) {
        throw new TesseraError('ERR_USAGE', `study must be ${study}, to be left, got another name`)
      }
      await leave(dir, study, clock.now())
      acted('leave')
    },
    policy: () => readPolicyText(dir),
    readPolicy: (text) => ({ rules: policyRules(parseSitePolicy(text, site.site)) }),
    async signPolicy({ text, previous }) {
      const { hash } = await signPolicyText(dir, site, { text, previous }, clock.now())
      acted('sign policy', { sha256: hash })
      return { sha256: hash }
    },
  }
}
