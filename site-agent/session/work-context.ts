/** @file What all work of a session goes by: a round, and the judging of a student. */
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import type { KeyPair } from '@tessera/shared/security'
import type { Permit } from '../policy/index.ts'
import type { Connection } from '../uplink/connection.ts'
import type { AgentEvent } from './events.ts'

export interface WorkContext {
  readonly site: string
  readonly keys: KeyPair
  readonly connection: Connection
  /** Takes over what a person has signed since, before each piece of work. @throws {TesseraError} ERR_POLICY_STUDY, ERR_POLICY_SAMPLES */
  readonly newestPolicy: () => Promise<void>
  /** The site's policy over each step. */
  readonly permit: Permit
  readonly clock: Clock
  readonly log: Log
  readonly onProgress: (event: AgentEvent) => void
}
