/** @file Checks the parts of a reference case's `config`: it comes from a file that anyone may have written. */
import { TesseraError } from '@tessera/shared/errors'
import type { MomaSettings } from './moma-step.ts'

/** An object of a configuration, and where it stands: `config` or `config.weights`. */
export interface Section {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

/** The whole of a `config`. @throws {TesseraError} ERR_CASE_FILE if it is no object. */
export function rootSection(config: unknown): Section {
  return asSection('config', config)
}

/** An object below. @throws {TesseraError} ERR_CASE_FILE if there is none. */
export function sectionAt({ path, values }: Section, key: string): Section {
  return asSection(`${path}.${key}`, values[key])
}

/** A finite number of at least `least`. @throws {TesseraError} ERR_CASE_FILE if it is not. */
export function numberAt({ path, values }: Section, key: string, least: number): number {
  const value = values[key]
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw faulty(`${path}.${key} must be a number of at least ${least}, got ${shown(value)}`)
}

/** A number above 0 and at most `most`. @throws {TesseraError} ERR_CASE_FILE if it is not. */
export function positiveAt(section: Section, key: string, most: number = Number.MAX_VALUE): number {
  const number = numberAt(section, key, 0)
  if (number > 0 && number <= most) return number
  throw faulty(`${section.path}.${key} must be above 0 and at most ${most}, got ${number}`)
}

/** A whole number of at least `least`. @throws {TesseraError} ERR_CASE_FILE if it is not. */
export function wholeAt(section: Section, key: string, least: number): number {
  const number = numberAt(section, key, least)
  if (Number.isSafeInteger(number)) return number
  throw faulty(`${section.path}.${key} must be a whole number, got ${number}`)
}

/** One of a few texts. @throws {TesseraError} ERR_CASE_FILE if it is another. */
export function choiceAt<T extends string>({ path, values }: Section, key: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === values[key])
  if (choice !== undefined) return choice
  throw faulty(`${path}.${key} must be ${choices.join(' or ')}, got ${shown(values[key])}`)
}

/** The settings of the loss. @throws {TesseraError} ERR_CASE_FILE if one is missing or out of its range. */
export function momaSettingsAt(section: Section): MomaSettings {
  const weights = sectionAt(section, 'weights')
  return {
    heads: wholeAt(section, 'heads', 1),
    temperature: positiveAt(section, 'temperature'),
    klTemperature: positiveAt(section, 'klTemperature'),
    weights: {
      ce: numberAt(weights, 'ce', 0),
      kl: numberAt(weights, 'kl', 0),
      nce: numberAt(weights, 'nce', 0),
    },
  }
}

/** A fault of a case. */
export function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}

function asSection(path: string, value: unknown): Section {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { path, values: value as Record<string, unknown> }
  }
  throw faulty(`${path} must be an object, got ${shown(value)}`)
}

/** A short text of any value: the file's own text is not echoed at length. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40)
}
