/**
 * @file RKD as a method of training:  L = a·CE + b·T²·KL + c·(distance term) + d·(angle term).
 *
 * Source: Park et al., CVPR 2019, https://arxiv.org/abs/1904.05068; c = 25, d = 50 and no KL are RepDistiller's, the paper's 1 : 2.
 */
import type { Study } from '@tessera/shared/protocol'
import { relationLoss } from '../relation-loss.ts'
import type { Teacher } from '../teacher.ts'
import { createFeatureMethod } from './feature-method.ts'
import type { Method } from './method.ts'

export type RkdSettings = Extract<Study['method'], { name: 'rkd' }>

/** @param usesLogits False when there is no KL term. */
export function createRkd(settings: RkdSettings, teacher: Teacher, usesLogits: boolean): Method {
  return createFeatureMethod(settings, teacher, usesLogits, ({ student, teacher }) => {
    const { distance, angle } = relationLoss(student, teacher)
    return [
      [distance, settings.weights.distance],
      [angle, settings.weights.angle],
    ]
  })
}
