/** @file What must hold between the fields of a study, beyond each field's own schema. */
import { TesseraError } from '@tessera/shared/errors'
import { describeNetwork, sameArchitecture } from '@tessera/shared/model'
import { isMapMethod, MAX_SITES, type Study } from '@tessera/shared/protocol'

/** Of SemCKD's regressors, whose inner maps are twice as wide: the four of a stage then hold 4 · 36 · 640² numbers, 236 MB, and as much in velocities. */
const MAX_SEMCKD_CHANNELS = 640
/** Its embeddings are a quarter as wide as a batch has tiles. */
const MIN_SEMCKD_BATCH = 4

/** Differences of 1280 features between all pairs take 84 MB, and a step holds several such tensors. */
const MAX_RKD_BATCH = 128

/** Faults of a study, one sentence each; empty when it can be run. */
export function studyFaults(study: Study): string[] {
  const { method, teacher, student, classes, federation } = study
  const faults: string[] = []
  const rule = (holds: boolean, sentence: string): void => {
    if (!holds) faults.push(sentence)
  }
  rule(new Set(classes).size === classes.length, 'classes must all be different, got one twice')
  rule(
    method.name === 'ce' || teacher !== undefined,
    `method ${method.name} must have a teacher, got none: name one or choose method ce`,
  )
  rule(
    method.name !== 'kd' || teacher?.task !== 'different',
    'method kd must have a teacher of the same task, got task different: its logits are of other classes',
  )
  rule(
    method.name !== 'simkd' || teacher?.task !== 'different',
    'method simkd must have a teacher of the same task, got task different: its classifier becomes the student’s',
  )
  rule(
    teacher?.momentum !== 'global' || method.name !== 'moma' || sameArchitecture(student, teacher),
    "teacher.momentum global must come with a teacher of the student's architecture, got another: it becomes the mean of the published students",
  )
  rule(
    teacher?.momentum !== 'global' || federation.strategy.name !== 'fedbn',
    'teacher.momentum global must come with batch norms that are published, got strategy fedbn: the teacher would have the initial ones',
  )
  rule(
    !isMapMethod(method) || teacher?.name !== 'onnx',
    `method ${method.name} must have a teacher of known layers, got an ONNX file: its feature maps are not read`,
  )
  if (method.name === 'semckd' && teacher && teacher.name !== 'onnx') {
    const widest = Math.max(...describeNetwork(teacher, 1).stages.map(({ channels }) => channels))
    rule(
      widest <= MAX_SEMCKD_CHANNELS,
      `teacher must have stages of at most ${MAX_SEMCKD_CHANNELS} channels for method semckd, got ${widest}: its regressors grow with their square`,
    )
    rule(
      study.training.batchSize >= MIN_SEMCKD_BATCH,
      `training.batchSize must be at least ${MIN_SEMCKD_BATCH} for method semckd, got ${study.training.batchSize}`,
    )
  }
  const teacherClasses = teacher?.name === 'onnx' ? teacher.logits?.classes : teacher?.classes
  rule(
    teacher?.task !== 'same' || teacherClasses === classes.length,
    `teacher of the same task must have ${classes.length} classes, got ${teacherClasses ?? 'no logits'}`,
  )
  rule(
    student.initial !== 'teacher' ||
      (teacher !== undefined && teacher.name !== 'onnx' && sameArchitecture(student, teacher)),
    "student.initial teacher must come with a teacher of the student's architecture, got another or none",
  )
  for (const [role, network] of Object.entries({ student, teacher })) {
    if (!network || network.name === 'onnx') continue
    rule(
      !network.name.startsWith('resnet') || (network.flavour ?? 'torchvision') === 'torchvision',
      `${role}.flavour must be torchvision for a ResNet, got ${network.flavour}`,
    )
  }
  rule(
    method.name !== 'moma' || method.attention === 'none' || method.featureDim % method.heads === 0,
    'method.featureDim must be a multiple of method.heads, got a remainder',
  )
  rule(
    method.name !== 'rkd' || study.training.batchSize <= MAX_RKD_BATCH,
    `training.batchSize must be at most ${MAX_RKD_BATCH} for method rkd, got ${study.training.batchSize}: it holds the differences between all pairs of a batch`,
  )
  rule(
    federation.quorum <= federation.minSites,
    `federation.quorum must be at most minSites ${federation.minSites}, got ${federation.quorum}: a round of minSites sites could never reach it`,
  )
  const { strategy, encoding } = federation
  const sorts = strategy.name === 'median' || strategy.name === 'trimmed-mean'
  rule(
    strategy.name !== 'median' || federation.quorum >= 3,
    `federation.quorum must be at least 3 for strategy median, got ${federation.quorum}: the median of two sites is their mean`,
  )
  rule(
    strategy.name !== 'trimmed-mean' || Math.floor(strategy.trim * federation.quorum) >= 1,
    `federation.quorum must be at least 1/trim for strategy trimmed-mean, got ${federation.quorum}: with fewer sites nothing is left out`,
  )
  rule(
    !sorts || encoding === 'f32',
    `federation.encoding must be f32 for strategy ${strategy.name}, got ${encoding}: a site repays what its encoding has lost in later rounds, which adds up in a mean but not in an order statistic`,
  )
  const { cohort } = federation
  rule(
    cohort === null || federation.quorum <= cohort.size,
    `federation.quorum must be at most cohort.size ${cohort?.size}, got ${federation.quorum}: a round of cohort.size sites could never reach it`,
  )
  rule(
    cohort === null || cohort.size + cohort.overSelect <= MAX_SITES,
    `federation.cohort must draw at most ${MAX_SITES} sites, got ${(cohort?.size ?? 0) + (cohort?.overSelect ?? 0)}`,
  )
  return faults
}

/** @throws {TesseraError} ERR_STUDY_INVALID with all faults. */
export function assertRunnable(study: Study): void {
  const faults = studyFaults(study)
  if (faults.length > 0)
    throw new TesseraError('ERR_STUDY_INVALID', `study ${study.id}: ${faults.join('; ')}`)
}
