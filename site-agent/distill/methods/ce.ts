/** @file Plain supervised training: cross-entropy alone, no teacher. */
import { crossEntropy } from '../cross-entropy.ts'
import { type Method, STATELESS } from './method.ts'

export function createCe(): Method {
  return {
    ...STATELESS,
    begin: ({ labels }) => ({
      loss({ logits }) {
        const ce = crossEntropy(logits, labels)
        return { total: ce, ce, kl: null, nce: null }
      },
      next: () => new Map(),
    }),
  }
}
