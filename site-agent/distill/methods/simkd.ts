/**
 * @file SimKD: the student's last map, through a projector, is to be the teacher's, and the teacher's classifier answers on it.
 *
 *   L = mean (F − G)²
 *
 * F, G: last maps before the pooling, the student's behind its projector (shared/model/projector.ts). Projector and classifier are part of the
 * student's network: they are needed to answer. The classifier is the teacher's and is not trained.
 * Source: Chen et al., Knowledge Distillation with the Reused Teacher Classifier, CVPR 2022, https://arxiv.org/abs/2203.14001; cross-entropy 0 and KL 0 are the authors' code's
 * (`-c 0 -d 0 -b 1`). Differs: there the cross-entropy, where it is asked for, is of the student's own classifier; here there is only the teacher's.
 */
import type { MapMethod } from '@tessera/shared/protocol'
import { squaredError } from '../squared-error.ts'
import type { MapTerm } from './map-method.ts'

type SimkdSettings = Extract<MapMethod, { name: 'simkd' }>

export function simkd({ weights }: SimkdSettings): MapTerm {
  return {
    weight: weights.simkd,
    modules: [],
    loss: (student, teacher) => squaredError(student.last, teacher.last),
  }
}
