/**
 * @file What a site's own page is shown: a whole {@link SiteView} once, then numbered {@link SiteViewChange}s of it. Types, and the one function that makes the
 * next view; no import, so that a browser runs the same.
 *
 * Times are milliseconds since the epoch by the agent's clock. No file of the site's data is named anywhere in it, and no picture shown.
 */

export interface SiteView {
  /** Of the newest change that is in it. */
  readonly number: number
  readonly site: SiteFacts
  readonly agent: AgentStanding
  /** The round at work, or the last one; null before the first. */
  readonly round: RoundAtWork | null
  readonly connection: ConnectionStanding
  readonly departed: Departed
  readonly data: DataHealth
  readonly policy: PolicyStanding
}

export interface SiteFacts {
  readonly site: string
  readonly study: string
  readonly version: string
  readonly engine: string
  readonly startedAtMs: number
  /** Of this site's key. */
  readonly fingerprint: string
}

/**
 * `starting`: it reads its tiles, or has not joined yet; `idle`: no round is offered; `waiting`: the policy or a person here holds it; `declined`: it has no part in
 * the round; `finished`, `cancelled`, `left`: the study is over for this site.
 */
export type AgentState =
  | 'starting'
  | 'idle'
  | 'fetching'
  | 'training'
  | 'waiting'
  | 'uploading'
  | 'declined'
  | 'finished'
  | 'cancelled'
  | 'left'

export interface AgentStanding {
  readonly state: AgentState
  /** Why it waits or has declined, of docs/errors.md; null: it does neither. */
  readonly code: string | null
  readonly reason: string | null
  readonly pausedSinceMs: number | null
  /** The round whose update waits for a person here. */
  readonly toApprove: number | null
}

export interface RoundAtWork {
  readonly round: number
  readonly rounds: number
  readonly step: number
  readonly steps: number
  readonly loss: number | null
  /** Cross-entropy, distillation, contrast; null: the method has none. */
  readonly parts: { readonly ce: number | null; readonly kl: number | null; readonly nce: number | null }
  readonly imagesPerSecond: number | null
  readonly secondsLeft: number | null
  /** Of the model that is fetched, or of the update that is sent. */
  readonly bytesDone: number
  readonly bytesTotal: number
  /** Loss in the course of the round, thinned; steps beside it. */
  readonly curve: { readonly steps: readonly number[]; readonly losses: readonly number[] }
}

export interface ConnectionStanding {
  readonly state: 'connecting' | 'joined' | 'lost'
  readonly url: string
  /** Of the coordinator's key, as this site goes by it now. */
  readonly fingerprint: string
  readonly sinceMs: number
  readonly code: string | null
  readonly reason: string | null
}

export interface Sum {
  readonly name: string
  readonly frames: number
  readonly bytes: number
}

/** One round's frames. */
export interface DepartedRound {
  readonly study: string
  readonly round: number
  readonly frames: number
  readonly bytes: number
  readonly firstAtMs: number
  readonly lastAtMs: number
  /** Of the coordinator's receipt for this site's update; null: there is none. */
  readonly receiptAtMs: number | null
}

/** What has left, by the audit log. */
export interface Departed {
  /** `unread`: nobody has looked since the agent started; `broken`: the sentence names the line. */
  readonly chain: 'unread' | 'reading' | 'whole' | 'broken'
  readonly sentence: string
  /** When every line was looked at last. */
  readonly readAtMs: number | null
  readonly lines: number
  readonly bytes: number
  /** SHA-256 of the last line; `''`: there is none. */
  readonly head: string
  /** Updates of the policy's day, and the policy's limits. */
  readonly today: { readonly bytes: number; readonly rounds: number }
  readonly limits: { readonly bytes: number; readonly rounds: number }
  readonly timeZone: string
  readonly studies: readonly Sum[]
  readonly kinds: readonly Sum[]
  /** The newest first, a month of them. */
  readonly days: readonly Sum[]
  /** The newest first, fifty of them. */
  readonly rounds: readonly DepartedRound[]
}

export interface ClassTiles {
  readonly name: string
  readonly train: number
  readonly val: number
  readonly test: number
}

/** What was found in the tiles that a person may want to see to. */
export type Remark =
  | 'unreadable'
  | 'not-rgb'
  | 'too-large'
  | 'duplicate'
  | 'contradiction'
  | 'near-duplicate'
  | 'leak-patient'
  | 'leak-slide'
  | 'leak-group'
  | 'leak-duplicate'
  | 'leak-near-duplicate'
  | 'resized'
  | 'other-file'
  | 'missing-class'
  | 'empty'
  | 'blurred'

export interface DataHealth {
  /** `opened`: as training has read it; `checked`: every tile was looked at by the check. */
  readonly state: 'unread' | 'opened' | 'checking' | 'checked'
  readonly done: number
  readonly total: number
  /** Of the report below; null: there is none. */
  readonly atMs: number | null
  /** Why it could not be trained on, or why the check failed. */
  readonly fault: { readonly code: string; readonly message: string } | null
  readonly tiles: number
  /** False: all tiles are trained on. */
  readonly divided: boolean
  readonly classes: readonly ClassTiles[]
  /** Those that are not zero. */
  readonly remarks: readonly { readonly remark: Remark; readonly count: number }[]
}

/** A rule of the policy, in words. */
export interface RuleInWords {
  /** As policy.yaml calls it. */
  readonly rule: string
  readonly name: string
  readonly words: readonly string[]
}

export interface PolicyStanding {
  /** SHA-256 of the policy that the gate enforces. */
  readonly sha256: string
  /** Of policy.yaml: that policy; another one that is signed and counts from the next round; one that nobody has signed; none that can be read. */
  readonly file: 'in-force' | 'signed' | 'unsigned' | 'unreadable'
  /** What is wrong with the file; `''`: nothing. */
  readonly fault: string
  /** Of policy.yaml as it stands; empty when it cannot be read. */
  readonly rules: readonly RuleInWords[]
}

/** Sections that have changed. Numbers follow each other; after a gap the view has to be asked for anew. */
export type SiteViewChange = Pick<SiteView, 'number'> & Partial<SiteView>

/** The view after a change; the same one for a change that is in it already; null when changes between were missed. */
export function applySiteChange(view: SiteView, change: SiteViewChange): SiteView | null {
  if (change.number <= view.number) return view
  return change.number === view.number + 1 ? { ...view, ...change } : null
}
