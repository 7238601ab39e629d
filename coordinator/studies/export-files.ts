/** @file A student's files in the format that is asked for. */
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import {
  backboneLayout,
  decodeModel,
  describeNetwork,
  encodeSafetensors,
  IMAGENET_DEVIATION,
  IMAGENET_MEAN,
  type Naming,
  renamedLayout,
  studentArchitecture,
  studentLayout,
  type Weights,
} from '@tessera/shared/model'
import { toOnnx, toTensorflowJs } from '@tessera/shared/model/export'
import { METADATA } from '@tessera/shared/model/onnx'
import type { Study } from '@tessera/shared/protocol'

export const EXPORT_FORMATS = ['safetensors', 'onnx', 'tfjs'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export interface StudentToExport {
  readonly study: Study
  readonly round: number
  /** SHA-256 of the published file. */
  readonly student: string
  /** The published file. */
  readonly bytes: Uint8Array
}

/**
 * Gives the files by their names.
 *
 * safetensors in torchvision's names is the published file itself, whose hash the records hold; it also has the tensors that only training
 * uses. Every other file has the network alone, and metadata with normalisation, classes and origin.
 * @throws {TesseraError} ERR_USAGE for names of a library in another format than safetensors, and for a format that is ready to run when the
 * student is not; ERR_LAYOUT_MISMATCH if the library does not
 * have the network; ERR_MODEL_FILE if the published file is broken.
 */
export function exportFiles(
  student: StudentToExport,
  format: ExportFormat,
  naming: Naming,
): Map<string, Uint8Array> {
  if (naming !== 'torchvision' && format !== 'safetensors') {
    throw new TesseraError('ERR_USAGE', `--naming ${naming} must go with --format safetensors, got ${format}`)
  }
  const { study, bytes } = student
  if (format !== 'safetensors' && batchNormsOf(study) === 'initial') {
    throw new TesseraError(
      'ERR_USAGE',
      `student of a study with fedbn must be exported as safetensors, got ${format}: its batch norms are the initial ones, and what it computes with them means nothing before they are replaced by a site's`,
    )
  }
  if (format === 'safetensors' && naming === 'torchvision') return new Map([['student.safetensors', bytes]])
  const classes = study.classes.length
  const architecture = studentArchitecture(study)
  const graph = describeNetwork(architecture, classes)
  const weights = decodeModel(bytes, studentLayout(study))
  const metadata = metadataOf(student)
  if (format === 'safetensors') {
    const layout = backboneLayout(architecture, classes)
    const named = renamedLayout(naming, graph, layout)
    const values: Weights = new Map(
      layout.tensors.map(({ name }, i) => [
        named.tensors[i]?.name ?? name,
        weights.get(name) ?? new Float32Array(),
      ]),
    )
    const file = `student-${naming.replaceAll('_', '-')}.safetensors`
    return new Map([[file, encodeSafetensors(named, values, Object.fromEntries(metadata))]])
  }
  const model = { graph, weights, sizePx: study.tile.sizePx, metadata }
  if (format === 'onnx') return new Map([['student.onnx', toOnnx(model)]])
  return new Map([...toTensorflowJs(model)].map(([file, content]) => [join('student-tfjs', file), content]))
}

/** Whose batch norms a published student has: those that its rounds have trained, or, where each site keeps its own, those it began with. */
export function batchNormsOf({ federation }: Study): 'federated' | 'initial' {
  return federation.strategy.name === 'fedbn' ? 'initial' : 'federated'
}

function metadataOf({ study, round, student }: StudentToExport): Map<string, string> {
  return new Map<string, string>([
    [METADATA.mean, IMAGENET_MEAN.join(',')],
    [METADATA.deviation, IMAGENET_DEVIATION.join(',')],
    [METADATA.classes, JSON.stringify(study.classes)],
    [METADATA.tilePx, String(study.tile.sizePx)],
    [METADATA.study, study.id],
    [METADATA.round, String(round)],
    [METADATA.student, student],
    [METADATA.features, 'features'],
    [METADATA.logits, 'logits'],
    ...(batchNormsOf(study) === 'initial' ? [[METADATA.batchNorms, 'initial'] as const] : []),
  ])
}
