/** @file Checks the `config` of a reference case of kind `moma-step`: it comes from a file that anyone may have written. */
import { TesseraError } from '@tessera/shared/errors'
import type { MomaSettings } from './moma-step.ts'

/** The settings of a case. */
export interface MomaCaseConfig extends MomaSettings {
  readonly momentum: number
  /** Row at which the batch enters the queue. */
  readonly queueIndex: number
  readonly teacherTask: 'same' | 'different'
}

/** @throws {TesseraError} ERR_CASE_FILE if a setting is missing or out of its range. Others are passed over. */
export function readMomaCaseConfig(config: unknown): MomaCaseConfig {
  const record = asRecord(config, 'config')
  const weights = asRecord(record.weights, 'config.weights')
  const { teacherTask } = record
  if (teacherTask !== 'same' && teacherTask !== 'different') {
    throw faulty(`config.teacherTask must be same or different, got ${shown(teacherTask)}`)
  }
  return {
    heads: whole(record.heads, 'heads', 1),
    temperature: positive(record.temperature, 'temperature'),
    klTemperature: positive(record.klTemperature, 'klTemperature'),
    momentum: atLeast(record.momentum, 'momentum', 0),
    weights: {
      ce: atLeast(weights.ce, 'weights.ce', 0),
      kl: atLeast(weights.kl, 'weights.kl', 0),
      nce: atLeast(weights.nce, 'weights.nce', 0),
    },
    queueIndex: whole(record.queueIndex, 'queueIndex', 0),
    teacherTask,
  }
}

function asRecord(value: unknown, role: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw faulty(`${role} must be an object, got ${shown(value)}`)
}

function atLeast(value: unknown, role: string, least: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw faulty(`config.${role} must be a number of at least ${least}, got ${shown(value)}`)
}

function positive(value: unknown, role: string): number {
  const number = atLeast(value, role, 0)
  if (number > 0) return number
  throw faulty(`config.${role} must be above 0, got ${number}`)
}

function whole(value: unknown, role: string, least: number): number {
  const number = atLeast(value, role, least)
  if (Number.isSafeInteger(number)) return number
  throw faulty(`config.${role} must be a whole number, got ${number}`)
}

/** A short text of any value: the file's own text is not echoed at length. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40)
}

function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}
