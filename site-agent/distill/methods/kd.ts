/**
 * @file Knowledge distillation on logits:  L = a·CE + b·T²·KL(teacher‖student), the teacher frozen and by its running statistics.
 *
 * Source: Hinton, Vinyals and Dean, 2015, https://arxiv.org/abs/1503.02531; the authors' `--distill kd`, where only MoMA puts the
 * teacher's norms into training mode.
 */
import type { Study } from '@tessera/shared/protocol'
import { crossEntropy } from '../cross-entropy.ts'
import { klDivergence } from '../kl-divergence.ts'
import { weightedSum } from '../moma-step.ts'
import type { Teacher } from '../teacher.ts'
import { type Method, STATELESS } from './method.ts'

export type KdSettings = Extract<Study['method'], { name: 'kd' }>

/** @param teacher Of the study's own classes. */
export function createKd({ weights, klTemperature }: KdSettings, teacher: Teacher): Method {
  return {
    ...STATELESS,
    specs: teacher.specs,
    weights: () => teacher.weights,
    feeds: (batch, sizePx) => teacher.feeds(batch, sizePx),
    begin({ images, labels }, inputs) {
      const teacherLogits = weights.kl > 0 ? teacher.logits(images, inputs) : null
      return {
        loss({ logits }) {
          const ce = crossEntropy(logits, labels)
          const kl = teacherLogits && klDivergence(logits, teacherLogits, klTemperature)
          const total = weightedSum([
            [ce, weights.ce],
            [kl, weights.kl],
          ])
          return { total, ce, kl, nce: null }
        },
        next: () => new Map(),
      }
    },
  }
}
