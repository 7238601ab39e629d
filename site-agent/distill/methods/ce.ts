/** @file Plain supervised training: cross-entropy alone, no teacher. */
import { crossEntropy } from '../cross-entropy.ts'
import type { Method } from './method.ts'

export function createCe(): Method {
  return {
    begin: ({ labels }) => ({
      loss({ logits }) {
        const ce = crossEntropy(logits, labels)
        return { total: ce, ce, kl: null, nce: null }
      },
      finish() {},
    }),
    state: () => ({ tensors: new Map(), counters: {} }),
    dispose() {},
  }
}
