/** @file Is a finished engine worth keeping? It must load here and compute what plain loops compute. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TesseraError } from '../../../errors.ts'
import { ADDON_FILE, BINDING_FILE } from '../folder.ts'
import type { Run } from './run.ts'

const SCRIPT = fileURLToPath(new URL('./check-engine.mjs', import.meta.url))

/**
 * Loads both addons in a process of its own and computes a matrix product with each.
 * @param version Of TensorFlow, as it must say itself.
 * @throws {TesseraError} ERR_ENGINE_CHECK if one does not load, is of another version, or computes something else.
 */
export async function checkEngine(run: Run, node: string, folder: string, version: string): Promise<void> {
  const addons = [ADDON_FILE, BINDING_FILE].map((name) => join(folder, name))
  // TensorFlow says on standard error what the processor can do.
  const result = await run(node, [SCRIPT, ...addons], { env: { TF_CPP_MIN_LOG_LEVEL: '2' } })
  if (result?.status !== 0)
    throw refused('load and compute', reasonOf(result?.stderr ?? '', result?.status ?? null))
  const told = JSON.parse(result.stdout) as { tensorflow: string; elements: number; wrong: number[] }
  const wrong = Math.max(...told.wrong)
  if (wrong !== 0) throw refused(`compute ${told.elements} products exactly`, `${wrong} that differ`)
  if (told.tensorflow !== version) throw refused(`be TensorFlow ${version}`, told.tensorflow)
}

function reasonOf(stderr: string, status: number | null): string {
  const line = stderr.split('\n').find((one) => /error|check failed/i.test(one))
  // Paths stay here: the sentence may be sent to somebody.
  if (line !== undefined)
    return line
      .trim()
      .replaceAll(/(\/[^\s:/]+)+\//g, '')
      .slice(0, 300)
  return status === null
    ? 'a process that was ended by a signal (an instruction this processor lacks?)'
    : `exit code ${status}`
}

function refused(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_ENGINE_CHECK', `engine must ${rule}, got ${got}`)
}
