/**
 * @file What a site's page asks over HTTP: types only. Addresses are relative to the page's own. GET never changes anything. Every POST has a JSON body (`{}`
 * when it says nothing); every refusal is a `Refusal` (coordinator-api.ts) with a status of 400 or more.
 *
 * | request | body | answer |
 * | --- | --- | --- |
 * | POST api/session | `SignIn` | `{}` |
 * | GET api/session | | `{}`, or ERR_SIGN_IN |
 * | POST api/session/end | | `{}` |
 * | GET api/live | | server-sent events: `view`, then `change` |
 * | GET api/frames?before=&study=&kind=&day= | | {@link FramePage} |
 * | GET api/frames.csv | | every line of the audit log |
 * | POST api/audit/verify | | `{}`; the answer comes in the view |
 * | GET api/leaving | | {@link Leaving}, or ERR_ROUND_CLOSED |
 * | POST api/approve | {@link Approval} | `{}` |
 * | POST api/pause, resume | | `{}` |
 * | POST api/leave | {@link Leave} | `{}` |
 * | POST api/data/check | | `{}`; the answer comes in the view |
 * | GET api/policy | | {@link PolicyText} |
 * | POST api/policy/read | {@link PolicyDraft} | {@link PolicyInWords}, or ERR_POLICY_FILE |
 * | POST api/policy/sign | {@link PolicyToSign} | {@link SignedPolicy} |
 */
import type { RuleInWords } from './site-view.ts'

/** One line of the audit log. */
export interface FrameRow {
  readonly seq: number
  readonly time: string
  readonly kind: string
  readonly bytes: number
  readonly study: string | null
  readonly round: number | null
  readonly why: string
  readonly sha256: string
  /** Of a chunk of a delta: the tensors that it has bytes of; `more`: beside these. Null: it has none, or they are not known any more. */
  readonly tensors: { readonly names: readonly string[]; readonly more: number } | null
  /** Of the coordinator's receipt for the round's update; null: there is none. */
  readonly receiptAtMs: number | null
}

/** The newest first. */
export interface FramePage {
  readonly frames: readonly FrameRow[]
  /** Give it as `before` for the lines before these; null: there are none. */
  readonly next: number | null
}

/** What waits to leave, as `tessera site start --dry-run` tells it. */
export interface Leaving {
  readonly study: string
  readonly round: number
  /** SHA-256 that names the delta. */
  readonly payload: string
  readonly bytes: number
  readonly encoding: string
  readonly samples: number
  /** As they would be told; null: withheld. */
  readonly metrics: Readonly<Record<string, number | null>>
  readonly policyHash: string
  readonly tensors: readonly {
    readonly name: string
    readonly kind: string
    readonly shape: readonly number[]
    readonly bytes: number
  }[]
}

/** `payload`: of the update that was shown, so that no other is approved. */
export interface Approval {
  readonly round: number
  readonly payload: string
}

/** By its name, typed by a person. */
export interface Leave {
  readonly study: string
}

export interface PolicyText {
  readonly text: string
  readonly sha256: string
}

export interface PolicyDraft {
  readonly text: string
}

export interface PolicyInWords {
  readonly rules: readonly RuleInWords[]
}

/** `previous`: SHA-256 of the text that was edited; another one has come in between when the file has another. */
export interface PolicyToSign extends PolicyDraft {
  readonly previous: string
}

export interface SignedPolicy {
  readonly sha256: string
}
