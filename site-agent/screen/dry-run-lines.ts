/** @file What a dry run found, for people. */
import { printable } from '@tessera/shared/printable'
import { readableBytes } from '@tessera/shared/readable'
import type { DryRun } from '../session/dry-run.ts'
import { table } from './table.ts'

/** All of it, tensor by tensor: that is what was asked for. */
export function dryRunLines({ manifest, messages, tensors, refusal }: DryRun): string[] {
  const { study, round } = manifest
  const verdict =
    refusal === null
      ? 'The policy would let it leave now.'
      : `It would not leave now: ${printable(refusal.message)}`
  return [
    `Round ${round} of ${study} was trained and nothing of it was sent. This would leave:`,
    '',
    ...table([
      ['message', 'frames', 'size', 'what'],
      ...messages.map(({ kind, frames, bytes, what }) => [
        kind,
        frames,
        bytes === 0 ? '' : readableBytes(bytes),
        what,
      ]),
    ]),
    '',
    'the manifest',
    ...JSON.stringify(manifest, null, 2).split('\n').slice(1, -1),
    '',
    ...table([
      ['tensor', 'kind', 'shape', 'bytes'],
      ...tensors.map(({ name, kind, shape, bytes }) => [name, kind, `[${shape.join(', ')}]`, bytes]),
      [`${tensors.length} tensors`, '', '', tensors.reduce((sum, { bytes }) => sum + bytes, 0)],
    ]),
    '',
    verdict,
  ]
}
