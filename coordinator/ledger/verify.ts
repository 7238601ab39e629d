/**
 * @file Is each published student the aggregate of the deltas that sites have signed? All that happened is gone through once, in order, so that
 * the first thing that differs is named by its round. Each student is computed again by the code that publishes it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asTesseraError } from '@tessera/shared/errors'
import { layoutHash, studentLayout } from '@tessera/shared/model'
import type { Published, Signed } from '@tessera/shared/protocol'
import { broken, generateKeyPair, sha256Hex, verifyPayload } from '@tessera/shared/security'
import { EMPTY_REGISTRY, evolveRegistry } from '../enrolment/registry.ts'
import { isIdentityEvent } from '../events.ts'
import { evolve, initialRounds, type RoundEvent, type RoundsState } from '../rounds/index.ts'
import { contentStore } from '../store/index.ts'
import { checkDeltas, checkRecord, deltasOf, hasAll, recompute, stored, takeOver } from './check-round.ts'
import { checkJudgement, checkRekeying, checkUpdate } from './check-update.ts'
import type { LedgerSource } from './source.ts'

/** What was found to be right. */
export interface LedgerReport {
  readonly study: string
  /** Published rounds that were checked. */
  readonly rounds: number
  /** Rounds whose student was computed again; the others' deltas were removed on purpose. */
  readonly recomputed: number
  /** The statement about removed deltas. */
  readonly pruned: Signed<'pruned'> | null
  /** True when the last record says that it is the last. */
  readonly final: boolean
  /** SHA-256 of the last record, to compare with others'; `''` when there is none. */
  readonly head: string
  /** Every key that has signed an update, by site. */
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>
}

export interface VerifyOptions {
  /** Told before each round. */
  readonly onRound?: ((round: number) => void) | undefined
}

/**
 * Verifies a study's ledger. Memory holds what publishing a round needs, and the events.
 * @throws {TesseraError} ERR_LEDGER_BROKEN, naming the first round in which something differs, and what.
 */
export async function verifyLedger(source: LedgerSource, options: VerifyOptions = {}): Promise<LedgerReport> {
  const scratch = await mkdtemp(join(tmpdir(), 'tessera-ledger-'))
  try {
    return await walk(source, scratch, options)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function walk(source: LedgerSource, scratch: string, options: VerifyOptions): Promise<LedgerReport> {
  const { created, events } = source
  const plan = await checkPlan(source)
  let pruned = await readStatement(source)
  /** Looked at again when a round's deltas are not there: a coordinator that runs may have removed them since. */
  const isPruned = async (round: number): Promise<boolean> => {
    if (pruned === null || round > pruned.through) pruned = await readStatement(source)
    return pruned !== null && round <= pruned.through
  }
  // Of the student before and the next, and the states of their strategy: a round's own are deleted once it is done.
  const models = contentStore(scratch, '.safetensors')
  await models.save(await stored(1, 'the initial student', source.models.load(created.student)))
  const key = await generateKeyPair()
  const layout = studentLayout(created.study)

  let registry = EMPTY_REGISTRY
  let state = initialRounds(created.study, created.student)
  let [rounds, recomputed, final] = [0, 0, false]
  let states: readonly string[] = []
  const keys = new Map<string, Set<string>>()
  for (const event of events) {
    if (event.type === 'study.created') continue
    if (event.type === 'site.rekeyed') await checkRekeying(event, state.round)
    registry = evolveRegistry(registry, event)
    if (isIdentityEvent(event)) continue
    if (event.type === 'update.accepted') {
      const signer = await checkUpdate(event, registry, created.layoutHash)
      keys.set(event.site, (keys.get(event.site) ?? new Set()).add(signer))
    }
    if (event.type === 'judgement.accepted') await checkJudgement(event, registry)
    if (event.type === 'round.published') {
      options.onRound?.(state.round)
      const record = await checkRecord(event, state, plan, source)
      const whole = (await hasAll(deltasOf(record), source.updates)) && (await hasAll(states, models))
      if (!whole && (await isPruned(state.round))) {
        const isLast = async (): Promise<boolean> => record.round === (await readStatement(source))?.through
        await takeOver(record, source, models, isLast)
      } else {
        await checkDeltas(record, source)
        await recompute(
          { study: created.study, layout, plan },
          record,
          state,
          { models, updates: source.updates },
          key,
        )
        await checkStudent(record, source)
        recomputed++
      }
      const done = [record.base, ...states].filter(
        (file) => file !== record.student && !record.serverState.includes(file),
      )
      for (const file of done) await rm(join(scratch, `${file}.safetensors`), { force: true })
      states = record.serverState
      rounds++
      final = record.final
    }
    state = next(state, event)
  }
  return { study: created.study.id, rounds, recomputed, pruned, final, head: state.previous, keys }
}

/** Gives the plan's SHA-256, once it says what the study's entry says. */
async function checkPlan({ created, ring }: LedgerSource): Promise<string> {
  const { study, layoutHash: declared, student } = created
  // Of before there were plans: the record names the one that the coordinator made of it.
  if (created.plan === undefined) throw broken(1, 'be of a study with a plan', 'a study without one')
  const hash = sha256Hex(created.plan)
  const plan = await verifyPayload('plan', created.plan, ring.keyOfPlan(hash)).catch((cause: unknown) => {
    throw broken(1, 'be of a plan signed by the coordinator', asTesseraError(cause).code, cause)
  })
  const own = layoutHash(studentLayout(study))
  if (JSON.stringify(plan.study) !== JSON.stringify(study))
    throw broken(1, 'be of the study of its plan', 'another')
  if (plan.student !== student) throw broken(1, `start from the plan's student ${plan.student}`, student)
  if (plan.layoutHash !== own || declared !== own) throw broken(1, `have layout ${own}`, declared)
  return hash
}

/** What the source says of removed deltas now. Any key of the ring may have signed it: old deltas are removed under new keys. */
async function readStatement({
  ring,
  readPruned,
}: Pick<LedgerSource, 'ring' | 'readPruned'>): Promise<Signed<'pruned'> | null> {
  const token = await readPruned()
  if (token === null) return null
  for (const key of ring.keys) {
    const pruned = await verifyPayload('pruned', token, key).catch(() => null)
    if (pruned !== null) return pruned
  }
  throw broken(1, 'have a statement about removed deltas signed by the coordinator', 'another signature')
}

/** The published student's own file, where it must be there. */
async function checkStudent(
  { round, student }: Published,
  { models, keepsStudents }: LedgerSource,
): Promise<void> {
  if (keepsStudents) await stored(round, 'its student', models.loadPart(student, 0, 0))
}

function next(state: RoundsState, event: RoundEvent): RoundsState {
  try {
    return evolve(state, event)
  } catch (cause) {
    throw broken(
      state.round,
      'have entries that follow from each other',
      asTesseraError(cause).message,
      cause,
    )
  }
}
