/** @file A study as one row: what an operator sees of it at once. */
import type { MemberState, StudyRow, Verification } from '@tessera/shared/dashboard/coordinator-view'
import { alarms, closesAtMs, isOver } from '../rounds/index.ts'
import type { StudyRun } from '../running/index.ts'
import { memberNames, memberStates } from './members.ts'
import type { StudyMemory } from './memory.ts'

/** Gives the row. @param verification Of its ledger, if one was asked for. */
export function studyRow(
  run: StudyRun,
  { past, judged, createdAtMs }: StudyMemory,
  verification: Verification | null,
): StudyRow {
  const { study } = run
  const state = run.state()
  const { phase, current, policy } = state
  const open = phase === 'collecting' ? current : null
  const sites = memberNames(run)
  const states = memberStates(run, sites)
  return {
    study: study.id,
    phase,
    paused: state.paused,
    round: state.round,
    rounds: state.rounds,
    attempt: state.attempt,
    failures: state.failures,
    createdAtMs,
    method: study.method.name,
    strategy: study.federation.strategy.name,
    network: study.student.name,
    classes: study.classes,
    minSites: policy.minSites,
    quorum: policy.quorum,
    openedAtMs: open?.openedAtMs ?? null,
    deadlineMs: open && closesAtMs(policy, open),
    counts: countStates(states),
    progress: open && roundProgress(run, states),
    secondsLeft: open && secondsLeft(run, states),
    loss: past.loss(),
    best: judged.best(),
    // Of a study that is over nobody is missing any more.
    alarms: isOver(phase) ? [] : alarms(state),
    published: past.published(),
    judgements: judged.judgements(),
    student: state.student,
    head: state.previous,
    bytesUp: past.bytesUp(),
    verification,
  }
}

function countStates(states: ReadonlyMap<string, MemberState>): Record<MemberState, number> {
  const counts = {
    idle: 0,
    offered: 0,
    fetching: 0,
    training: 0,
    uploading: 0,
    accepted: 0,
    late: 0,
    declined: 0,
    missed: 0,
  }
  for (const state of states.values()) counts[state]++
  return counts
}

/** Over the sites that are asked: what has been trained is done, however long it takes to arrive. */
function roundProgress(run: StudyRun, states: ReadonlyMap<string, MemberState>): number | null {
  const shares = [...states].flatMap(([site, state]): number[] => {
    if (state === 'accepted' || state === 'uploading') return [1]
    const training = run.activity(site)?.training
    if (state === 'training' && training) return [training.step / training.steps]
    return state === 'offered' || state === 'fetching' ? [0] : []
  })
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length
}

function secondsLeft(run: StudyRun, states: ReadonlyMap<string, MemberState>): number | null {
  const told = [...states].flatMap(([site, state]) =>
    state === 'training' ? (run.activity(site)?.training?.secondsLeft ?? []) : [],
  )
  return told.length === 0 ? null : Math.max(...told)
}
