/**
 * @file SP as a method of training:  L = a·CE + b·T²·KL + c·(similarity-preserving term).
 *
 * Source: Tung and Mori, ICCV 2019, https://arxiv.org/abs/1907.09682; c = 3000 and no KL are RepDistiller's, for the same batch mean.
 * Differs: on the features after global average pooling, which a teacher of any kind has, where RepDistiller takes the last map before it.
 */
import type { Study } from '@tessera/shared/protocol'
import { similarityLoss } from '../similarity-loss.ts'
import type { Teacher } from '../teacher.ts'
import { createFeatureMethod } from './feature-method.ts'
import type { Method } from './method.ts'

export type SpSettings = Extract<Study['method'], { name: 'sp' }>

/** @param usesLogits False when there is no KL term. */
export function createSp(settings: SpSettings, teacher: Teacher, usesLogits: boolean): Method {
  return createFeatureMethod(settings, teacher, usesLogits, ({ student, teacher }) => [
    [similarityLoss(student, teacher), settings.weights.sp],
  ])
}
