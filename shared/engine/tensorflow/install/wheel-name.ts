/** @file What the file name of a TensorFlow wheel says, as PEP 427 lays it down: `name-version-python-abi-platform.whl`. */
import { basename } from 'node:path'
import { archiveRefused } from './archive-entry.ts'
import type { Target } from './target.ts'

/**
 * Version of TensorFlow in a wheel that is given as a file.
 * @throws {TesseraError} ERR_ENGINE_ARCHIVE if the file is no wheel of TensorFlow, for another system, or not for a GPU when that is wanted.
 */
export function versionOfWheel(file: string, target: Target, gpu: boolean): string {
  const name = basename(file)
  const [, project, version, platform] =
    /^(tensorflow(?:_cpu)?)-([^-]+)-[^-]+-[^-]+-([^-]+)\.whl$/.exec(name) ?? []
  if (project === undefined || version === undefined || platform === undefined)
    throw archiveRefused('wheel', 'be named tensorflow…-VERSION-PYTHON-ABI-PLATFORM.whl', name)
  if (!platform.split('.').some((tag) => target.wheelTag.test(tag)))
    throw archiveRefused('wheel', `be for ${target.name}`, name)
  if (gpu && project === 'tensorflow_cpu')
    throw archiveRefused('wheel', 'be of tensorflow, not tensorflow-cpu, for --gpu', name)
  return version
}
