/**
 * @file What the coordinator's page asks over HTTP, beside the live view: types only. Addresses are relative to the page's own. GET never changes anything.
 * Every POST has a JSON body (`{}` when it says nothing) but that of `api/uploads`; every refusal is a {@link Refusal} with a status of 400 or more.
 *
 * | request | body | answer | who |
 * | --- | --- | --- | --- |
 * | POST api/session | {@link SignIn} | {@link Session} | anyone with a link |
 * | GET api/session | | {@link Session}, or ERR_SIGN_IN | |
 * | POST api/session/end | | `{}` | both |
 * | GET api/study-schema | | JSON schema of a study | both |
 * | GET api/studies/ID | | the study as it was created | both |
 * | GET api/studies/ID/history | | {@link StudyHistory} | both |
 * | GET api/studies/ID/history/SITE | | {@link SiteHistory} | both |
 * | GET api/studies/ID/judging | | {@link JudgingReport} | both |
 * | POST api/uploads | the file's bytes, `application/octet-stream` | {@link Uploaded} | operator |
 * | POST api/studies | {@link NewStudy} | {@link CreatedStudy} | operator |
 * | POST api/studies/ID/pause, resume, cancel, close-round | | `{}` | operator |
 * | POST api/studies/ID/verify | | `{}`; the answer comes in the study's row | operator |
 * | POST api/studies/ID/export | {@link ExportRequest} | {@link Exported} | operator |
 * | GET api/exports/EXPORT/FILE | | the file | operator |
 * | POST api/sites/SITE/invite | {@link Invitation} | {@link Kit} | operator |
 * | POST api/sites/SITE/approve | {@link Approval} | `{}` | operator |
 * | POST api/sites/SITE/revoke, withdraw | | `{}` | operator |
 */

export interface Refusal {
  /** Of docs/errors.md. */
  readonly code: string
  readonly message: string
}

export type Role = 'operator' | 'viewer'

/** `link`: what stands behind `#sign-in=` in the address of a one-time link. A page reads it there, sends it, and takes it out of its address. */
export interface SignIn {
  readonly link: string
}

export interface Session {
  readonly role: Role
  /** Who it is, as the log names them. */
  readonly name: string
  readonly endsAtMs: number
  /** True: `GET sign-in` leads to the consortium's own sign-in (OIDC), and back to the page. Also in the body of ERR_SIGN_IN. */
  readonly oidc: boolean
}

/** One published round. */
export interface RoundRow {
  readonly round: number
  /** Attempts that it took. */
  readonly attempts: number
  readonly closedAtMs: number
  /** From the opening of its last attempt to its end. */
  readonly wallMs: number
  readonly offered: number
  readonly contributors: number
  readonly samples: number
  /** Mean over samples of those who tell it. */
  readonly loss: number | null
  /** Mean over sites. */
  readonly norm: number
  readonly bytes: number
}

/** Of a long study every second, fourth, … round, and always the newest. */
export interface StudyHistory {
  readonly study: string
  /** Rounds between two rows. */
  readonly every: number
  readonly rounds: readonly RoundRow[]
}

/** One site in those rounds; null where it has no part. */
export interface SiteHistory {
  readonly study: string
  readonly site: string
  readonly rounds: readonly number[]
  readonly loss: readonly (number | null)[]
  readonly samples: readonly (number | null)[]
  readonly norm: readonly (number | null)[]
}

export type Metric = 'accuracy' | 'balancedAccuracy' | 'macroF1' | 'quadraticWeightedKappa'
export type Scores = Readonly<Record<Metric, number | null>>

export interface JudgingReport {
  readonly study: string
  readonly classes: readonly string[]
  /** Which tiles of each site, and what the best student goes by. Null: the study judges no students. */
  readonly judging: { readonly part: string; readonly metric: Metric; readonly every: number } | null
  /** Every judged round (of a long study every second, fourth, …): of all counts together, and the study's metric by site. */
  readonly rounds: readonly JudgedRound[]
  /** In full: the best student and the newest one. */
  readonly best: JudgedStudent | null
  readonly newest: JudgedStudent | null
}

export interface JudgedRound {
  readonly round: number
  readonly tiles: number
  readonly pooled: Scores | null
  /** The cross-site matrix's row. Null: it tells none. */
  readonly sites: Readonly<Record<string, number | null>>
}

export interface JudgedStudent {
  readonly round: number
  readonly student: string
  /** Rows true classes, columns called ones, all sites' counts together; null: no site told any. */
  readonly counts: readonly (readonly number[])[] | null
  readonly scores: Scores | null
  readonly perClass: readonly ClassRow[]
  /** What each site has said; `counts` null with why not. A row that is null is withheld. */
  readonly sites: readonly {
    readonly site: string
    readonly tiles: number
    readonly withheld: string | null
    readonly counts: readonly (readonly number[] | null)[] | null
    readonly scores: Scores | null
  }[]
}

/** Each share with its 95 % interval (Wilson). Null: of nothing. */
export interface ClassRow {
  readonly name: string
  /** Tiles that are of it. */
  readonly support: number
  readonly precision: Estimate | null
  readonly recall: Estimate | null
  readonly f1: number | null
}

export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** For `NewStudy`; gone when it is used, or after an hour. */
export interface Uploaded {
  readonly upload: string
  readonly bytes: number
  readonly sha256: string
}

export interface NewStudy {
  /** As `GET api/study-schema` describes it. */
  readonly study: unknown
  /** Of `api/uploads`. */
  readonly teacher?: string
  readonly student?: string
  /** What an ONNX teacher does not say of itself, as the flags of `study create`. The teacher is one when this is there. */
  readonly onnx?: {
    readonly inputSize?: number
    readonly layout?: 'nchw' | 'nhwc'
    readonly mean?: readonly [number, number, number]
    readonly std?: readonly [number, number, number]
    readonly features?: string
    readonly pool?: 'first' | 'mean'
    readonly logits?: string
  }
}

export interface CreatedStudy {
  readonly study: string
  readonly student: string
  readonly plan: string
  readonly warnings: readonly string[]
}

export interface ExportRequest {
  /** Default: the newest. */
  readonly round?: number
  readonly best?: boolean
  readonly format?: 'safetensors' | 'onnx' | 'tfjs'
  readonly naming?: 'torchvision' | 'timm' | 'efficientnet_pytorch'
}

/** Files to download, for an hour. */
export interface Exported {
  readonly export: string
  readonly round: number
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

export interface Invitation {
  /** Days that the kit can be used; default 7. */
  readonly days?: number
  readonly autoApprove?: boolean
}

/** Shown once: the coordinator keeps no copy. */
export interface Kit {
  readonly file: string
  readonly kit: string
  readonly expiresAtMs: number
}

/** As the site said it by phone. */
export interface Approval {
  readonly fingerprint: string
}
