/** @file What the gate asks of the form of things: of an answer's fields, of a delta's tensors and its norm. What the site's policy asks is in policy/. */
import { l2Norm } from '@tessera/shared/delta'
import { isErrorCode, TesseraError } from '@tessera/shared/errors'
import { federatedLayout, type Layout, type Weights } from '@tessera/shared/model'
import { z } from 'zod'

/** The only answers of a site: every message of the coordinator is answered without fields. */
const answer = z.tuple([z.strictObject({ ok: z.literal(true) })]).or(
  z.tuple([
    z.strictObject({
      ok: z.literal(false),
      code: z.string().refine(isErrorCode),
      message: z.string().max(1000),
    }),
  ]),
)

/** How far a clipped delta's norm may lie above the clip: each of its float32 values is rounded by 6e-8 of itself. */
const CLIP_TOLERANCE = 1e-6

/** Why an answer may leave. @throws {TesseraError} ERR_GATE_MESSAGE */
export function judgeAnswer(data: unknown): string {
  const result = answer.safeParse(data)
  if (!result.success) throw refused('answer must be ok or a refusal', 'other fields')
  const [reply] = result.data
  return `answers the coordinator: ${reply.ok ? 'accepted' : `refused with ${reply.code}`}`
}

/** The tensors of the layout, all of them, in order. @throws {TesseraError} ERR_GATE_TENSOR */
export function assertTensors(layout: Layout, delta: Weights): void {
  const names = federatedLayout(layout).tensors.map(({ name }) => name)
  const stranger = [...delta.keys()].find((name, i) => name !== names[i])
  if (stranger !== undefined || delta.size !== names.length) {
    const got = stranger ?? `${delta.size} tensors`
    throw new TesseraError('ERR_GATE_TENSOR', `delta must have the tensors of the study's layout, got ${got}`)
  }
}

/** @throws {TesseraError} ERR_GATE_TENSOR */
export function assertClipped(layout: Layout, delta: Weights, clip: number | null): void {
  if (clip === null) return
  const norm = l2Norm(layout, delta)
  if (norm <= clip * (1 + CLIP_TOLERANCE)) return
  throw new TesseraError(
    'ERR_GATE_TENSOR',
    `delta must be clipped to a norm of ${clip}, got ${norm.toPrecision(4)}`,
  )
}

/** A value that the policy keeps here. */
export function withheld(what: string): TesseraError {
  return refused(`${what} must be withheld by the policy`, 'a value')
}

/** Something that is not a declared message. */
export function refused(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_GATE_MESSAGE', `${rule}, got ${got}`)
}
