/**
 * @file Knowledge distillation on logits:  L = a·CE + b·T²·KL(teacher‖student), the teacher frozen and by its running statistics.
 *
 * Source: Hinton, Vinyals and Dean, 2015, https://arxiv.org/abs/1503.02531; the authors' `--distill kd`, where only MoMA puts the
 * teacher's norms into training mode.
 */
import type { Study } from '@tessera/shared/protocol'
import type { Teacher } from '../teacher.ts'
import { type Method, STATELESS } from './method.ts'
import { weightedLoss } from './weighted-loss.ts'

export type KdSettings = Extract<Study['method'], { name: 'kd' }>

/** @param teacher Of the study's own classes. */
export function createKd(settings: KdSettings, teacher: Teacher): Method {
  return {
    ...STATELESS,
    specs: teacher.specs,
    weights: () => teacher.weights,
    feeds: (batch, sizePx) => teacher.feeds(batch, sizePx),
    begin({ images, labels }, inputs) {
      const teacherLogits = settings.weights.kl > 0 ? teacher.logits(images, inputs) : null
      return {
        loss({ logits }) {
          return weightedLoss(settings, { logits, labels, teacherLogits })
        },
        next: () => new Map(),
      }
    },
  }
}
