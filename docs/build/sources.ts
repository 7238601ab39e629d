/** @file The schemas that reference pages are made of, each with the source file that its comments stand in. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { config } from '@tessera/coordinator/config'
import * as protocol from '@tessera/shared/protocol'
import { z } from 'zod'
import { tlsSettings } from '../../coordinator/tls/settings.ts'
import { fault } from '../../simulations/experiment/faults.ts'
import { experiment } from '../../simulations/experiment/schema.ts'
import { policy } from '../../site-agent/policy/policy.ts'
import { commentsOf } from './comments.ts'
import { type Declared, fieldReader, insideOf } from './fields.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Comments of a source file by its path from the project's root. */
export function commentsIn(path: string): ReadonlyMap<string, string> {
  return commentsOf(readFileSync(`${root}${path}`, 'utf8'))
}

function declare(path: string, constants: Readonly<Record<string, z.ZodType>>): Declared[] {
  const comments = commentsIn(path)
  return Object.entries(constants).map(([name, schema]) => ({ name, schema, comments }))
}

/** Options of a choice, each with the path that its comments have: `strategy.fedavgm`. */
function optionsOf(name: string, options: readonly z.ZodObject[]): Record<string, z.ZodObject> {
  return Object.fromEntries(options.map((option) => [`${name}.${discriminator(option)}`, option]))
}

/** The literal that tells an option of a choice apart. */
export function discriminator(option: z.ZodObject): string {
  const [first] = Object.values(option.shape)
  return first instanceof z.ZodLiteral ? String(first.value) : ''
}

const { data, splits, student, teacher, arms, scenarios } = experiment.shape
const dashboard = config.shape.dashboard.unwrap()
const [fitnet, attentionTransfer, vid, semckd, simkd] = protocol.mapMethod.options
const [networkTeacher, onnxTeacher] = protocol.teacher.options

/** Options of the choices that a file leaves. */
export const METHODS: readonly z.ZodObject[] = protocol.method.options
export const TEACHERS: readonly z.ZodObject[] = protocol.teacher.options
export const STRATEGIES: readonly z.ZodObject[] = protocol.strategy.options
export const SPLITS: readonly z.ZodObject[] = splits.element.options
export const ARMS: readonly z.ZodObject[] = arms.element.options
export const FAULTS: readonly z.ZodObject[] = fault.options

export const readFields: ReturnType<typeof fieldReader> = fieldReader([
  ...declare('shared/protocol/architecture.ts', { architecture: protocol.architecture }),
  ...declare('shared/protocol/teacher.ts', { teacher: protocol.teacher, networkTeacher, onnxTeacher }),
  ...declare('shared/protocol/methods.ts', {
    method: protocol.method,
    moma: protocol.moma,
    kd: protocol.kd,
    ce: protocol.ce,
    sp: protocol.sp,
    rkd: protocol.rkd,
    crd: protocol.crd,
  }),
  ...declare('shared/protocol/map-methods.ts', { fitnet, attentionTransfer, vid, semckd, simkd }),
  ...declare('shared/protocol/aggregation.ts', {
    strategy: protocol.strategy,
    ...optionsOf('strategy', STRATEGIES),
    adaptive: z.strictObject(protocol.adaptive),
    guards: protocol.guards,
  }),
  ...declare('shared/protocol/judging.ts', { judging: protocol.judging }),
  ...declare('shared/protocol/study.ts', { study: protocol.study }),
  ...declare('shared/protocol/signed.ts', { ...protocol.signedPayloads, siteMetrics: protocol.siteMetrics }),
  ...declare('coordinator/config.ts', { config, oidc: insideOf(dashboard.shape.oidc) }),
  ...declare('coordinator/tls/settings.ts', { tlsSettings }),
  ...declare('site-agent/policy/policy.ts', { policy, window: insideOf(policy.shape.hours) }),
  ...declare('simulations/experiment/faults.ts', { fault, ...optionsOf('fault', FAULTS) }),
  ...declare('simulations/experiment/schema.ts', {
    experiment,
    data: insideOf(data),
    folder: insideOf(data.shape.folders),
    split: splits.element,
    ...optionsOf('split', SPLITS),
    network: insideOf(student),
    teacher: insideOf(teacher),
    arm: arms.element,
    ...optionsOf('arm', ARMS),
    scenario: insideOf(scenarios),
  }),
])
export { config, experiment, policy }

/** Fields of an experiment that are a study's: its page has them. */
export const EXPERIMENT_AS_STUDY: ReadonlySet<string> = new Set([
  'student',
  'teacher.network',
  'training',
  'federation',
  'scenarios[].training',
  'scenarios[].federation',
])
