/** @file What an agent tells the program around it while it works: for a progress line, or as JSON for a parent process. */
import type { Encoding, SiteMetrics } from '@tessera/shared/protocol'
import type { DataReport } from '../data/index.ts'

export type AgentEvent =
  /** The policy that is enforced from now on, by its SHA-256. */
  | { readonly kind: 'policy'; readonly sha256: string }
  /** The coordinator is not there, or has not let this site in yet: it is asked again, and again. */
  | { readonly kind: 'unreached'; readonly code: string; readonly reason: string }
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
      /** Of the loss; null: the method has none. For people here only: what leaves is the policy's to say. */
      readonly parts?: Pick<SiteMetrics, 'ce' | 'kl' | 'nce'>
      readonly imagesPerSecond?: number
      readonly secondsLeft: number
    }
  /** What is about to leave, when the policy lets it. */
  | {
      readonly kind: 'trained'
      readonly round: number
      readonly base: string
      readonly encoding: Encoding
      readonly bytes: number
      /** SHA-256 that names the delta. */
      readonly payload: string
      /** SHA-256 of the policy that it was told by. */
      readonly policyHash: string
      readonly samples: number
      readonly metrics: SiteMetrics
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
  /** A person here has said that this site leaves the study. */
  | { readonly kind: 'left' }
  /** This site has no part in the round. */
  | { readonly kind: 'declined'; readonly round: number; readonly code: string }
  | {
      readonly kind: 'published'
      readonly round: number
      readonly student: string
      readonly sites: number
      readonly final: boolean
    }
