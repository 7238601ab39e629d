/** @file Reads a reference case: a safetensors file whose metadata says what to compute. tests/parity/README.md describes the format. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { TesseraError } from '@tessera/shared/errors'
import { decodeSafetensors } from '@tessera/shared/model'
import type { CaseTensor } from '@tessera/shared/model/network'
import type { ReferenceCase } from '@tessera/site-agent/distill'

/** A case and what must come out of it. */
export interface CaseFile extends ReferenceCase {
  readonly kind: string
  /** By the names of `expected`. */
  readonly wanted: ReadonlyMap<string, CaseTensor>
}

/** Largest case read. B0 with its activations' gradients is 40 MB; more is a mistake, and would be read into memory whole. */
const MAX_CASE_BYTES = 512 * 1024 * 1024

/**
 * @throws {TesseraError} ERR_CASE_FILE if the file cannot be read, is too large or is no reference case of version 1; ERR_MODEL_FILE if it
 * is no safetensors file.
 */
export function readCaseFile(path: string): CaseFile {
  const { tensors, metadata } = decodeSafetensors(readBytes(path))
  if (metadata.format !== 'reference-case') {
    throw faulty(`metadata.format must be reference-case, got ${shown(metadata.format)}`)
  }
  if (metadata.version !== '1') throw faulty(`metadata.version must be 1, got ${shown(metadata.version)}`)
  const inputs = new Map<string, CaseTensor>()
  const params = new Map<string, CaseTensor>()
  const wanted = new Map<string, CaseTensor>()
  const groups = new Map([
    ['input', inputs],
    ['param', params],
    ['expect', wanted],
  ])
  for (const [name, { shape, data }] of tensors) {
    const dot = name.indexOf('.')
    const group = groups.get(name.slice(0, dot))
    if (!group) throw faulty(`tensor names must begin with input., param. or expect., got ${shown(name)}`)
    group.set(name.slice(dot + 1), { shape, data: Float32Array.from(data, Number) })
  }
  const config = parseConfig(metadata.config)
  return { kind: metadata.kind ?? '', config, inputs, params, expected: [...wanted.keys()], wanted }
}

function parseConfig(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch (cause) {
    throw new TesseraError('ERR_CASE_FILE', `metadata.config must be JSON, got ${shown(text)}`, { cause })
  }
}

function readBytes(path: string): Uint8Array {
  try {
    const file = openSync(path, 'r')
    try {
      const stat = fstatSync(file)
      if (!stat.isFile()) throw faulty('case must be a regular file, got another kind')
      if (stat.size > MAX_CASE_BYTES)
        throw faulty(`case must have at most ${MAX_CASE_BYTES} bytes, got ${stat.size}`)
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? 'an unknown failure'
    throw new TesseraError('ERR_CASE_FILE', `case must be a readable file, got ${reason}`, { cause })
  }
}

/** A short text of what a file holds: it may be long, and hold control characters. */
function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 40))
}

function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}
