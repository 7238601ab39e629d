/** @file The border's checks of a delta's bytes, once all of them are there: bytes, digest, finite, norm. */
import { decodeDelta, firstNonFinite, l2Norm } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import type { Layout, Weights } from '@tessera/shared/model'
import type { Manifest } from '@tessera/shared/protocol'

/** @throws {TesseraError} ERR_UPDATE_SIZE */
export function checkReceivedBytes({ bytes }: Manifest, received: number): void {
  if (received === bytes) return
  throw new TesseraError(
    'ERR_UPDATE_SIZE',
    `delta must have the ${bytes} bytes of its manifest, got ${received}`,
  )
}

/** @throws {TesseraError} ERR_UPDATE_DIGEST */
export function checkDigest({ payload }: Manifest, digest: string): void {
  if (digest === payload) return
  throw new TesseraError('ERR_UPDATE_DIGEST', `delta must have SHA-256 ${payload}, got ${digest}`)
}

/** @throws {TesseraError} ERR_UPDATE_NOT_FINITE */
export function checkFinite(layout: Layout, delta: Weights): void {
  const tensor = firstNonFinite(layout, delta)
  if (tensor === null) return
  throw new TesseraError('ERR_UPDATE_NOT_FINITE', `tensor ${tensor} must be finite, got NaN or infinity`)
}

/** Gives the L2 norm over the trainable tensors. @throws {TesseraError} ERR_UPDATE_NORM */
export function checkNorm(layout: Layout, delta: Weights, maxNorm: number): number {
  const norm = l2Norm(layout, delta)
  if (norm <= maxNorm) return norm
  throw new TesseraError('ERR_UPDATE_NORM', `norm must be at most ${maxNorm}, got ${norm.toPrecision(4)}`)
}

/**
 * The norm does not bound statistics; what must hold of them is that a variance stays one. A negative running variance would turn every
 * site's next forward pass into NaN.
 * @throws {TesseraError} ERR_UPDATE_NORM
 */
export function checkVariances(layout: Layout, delta: Weights, base: Weights): void {
  for (const { name, kind } of layout.tensors) {
    if (kind !== 'statistic' || !name.endsWith('.running_var')) continue
    const before = base.get(name)
    const change = delta.get(name)
    const at = change?.findIndex((value, i) => !(value + (before?.[i] ?? 0) >= 0)) ?? -1
    if (at !== -1) throw new TesseraError('ERR_UPDATE_NORM', `${name}[${at}] must stay at least 0, got less`)
  }
}

/** The last three on an encoded delta; gives its norm. */
export function admitPayload(
  content: Uint8Array,
  { layout, base, maxNorm }: { layout: Layout; base: Weights; maxNorm: number },
): { norm: number } {
  const delta = decodeDelta(layout, content)
  checkFinite(layout, delta)
  const norm = checkNorm(layout, delta, maxNorm)
  checkVariances(layout, delta, base)
  return { norm }
}
