/** @file Reads a partition as it is written on the command line. */
import { TesseraError } from '@tessera/shared/errors'
import type { PartitionRule } from './assign.ts'

/**
 * @param text `iid` or `dirichlet:ALPHA`.
 * @throws {TesseraError} ERR_USAGE
 */
export function parsePartition(text: string): PartitionRule {
  if (text === 'iid') return { kind: 'iid' }
  const alpha = Number(/^dirichlet:(.+)$/.exec(text)?.[1])
  if (Number.isFinite(alpha) && alpha > 0) return { kind: 'dirichlet', alpha }
  throw new TesseraError(
    'ERR_USAGE',
    `--partition must be iid or dirichlet:ALPHA with ALPHA > 0, got ${text}`,
  )
}
