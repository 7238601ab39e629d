/** @file What the border knows when it judges an update: the study, its rounds, the sites, and the time. Read-only. */
import type { Layout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import type { Registry } from '../enrolment/registry.ts'
import type { RoundsState } from '../rounds/index.ts'

export interface Border {
  readonly study: Study
  /** The student's. */
  readonly layout: Layout
  readonly layoutHash: string
  readonly rounds: RoundsState
  readonly registry: Registry
  /** The site whose session this is. */
  readonly site: string
  readonly nowMs: number
}
