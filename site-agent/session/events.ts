/** @file What an agent tells the program around it while it works: for a progress line, or as JSON for a parent process. */
import type { SiteMetrics } from '@tessera/shared/protocol'
import type { DataReport } from '../data/index.ts'

export type AgentEvent =
  /** In session; also after each cut. */
  | { readonly kind: 'joined'; readonly study: string; readonly site: string; readonly rounds: number }
  /** The tiles are checked and decoded. */
  | { readonly kind: 'data'; readonly report: DataReport }
  | { readonly kind: 'fetching'; readonly bytes: number; readonly totalBytes: number }
  | {
      readonly kind: 'training'
      readonly round: number
      readonly rounds: number
      readonly step: number
      readonly steps: number
      readonly loss: number
      readonly secondsLeft: number
    }
  | {
      readonly kind: 'uploading'
      readonly round: number
      readonly bytes: number
      readonly totalBytes: number
    }
  /** The update is at the coordinator and will count. */
  | {
      readonly kind: 'delivered'
      readonly round: number
      readonly attempt: number
      readonly samples: number
      readonly bytes: number
      readonly metrics: SiteMetrics
    }
  /** How the student of a round does here is said, or said to be withheld. `tiles`: that it was judged on. */
  | { readonly kind: 'judged'; readonly round: number; readonly tiles: number }
  /** The site's policy holds the round up: a pause, the hours, an approval that is not there yet. */
  | { readonly kind: 'waiting'; readonly round: number; readonly code: string; readonly reason: string }
  /** The operator has ended the study before its last round. */
  | { readonly kind: 'cancelled' }
  /** This site has no part in the round. */
  | { readonly kind: 'declined'; readonly round: number; readonly code: string }
  | {
      readonly kind: 'published'
      readonly round: number
      readonly student: string
      readonly sites: number
      readonly final: boolean
    }
