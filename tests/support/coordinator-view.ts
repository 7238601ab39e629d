/** @file A coordinator's view and histories as large as a test wants them, the same each time: what the page is drawn from without a coordinator. */

import type {
  ClassRow,
  JudgedStudent,
  JudgingReport,
  SiteHistory,
  StudyHistory,
} from '@tessera/shared/dashboard/coordinator-api'
import type {
  CoordinatorView,
  MemberRow,
  MemberState,
  SiteRow,
  StudyRow,
} from '@tessera/shared/dashboard/coordinator-view'
import { shareInterval } from '@tessera/shared/metrics'

/** Noon of a day; every time of the fixture hangs on it. */
export const VIEW_NOW_MS: number = Date.UTC(2026, 10, 25, 12)
const MINUTE_MS = 60_000
const NAMES = ['amsterdam', 'basel', 'leeds', 'nijmegen', 'radboud']
export const CLASSES = ['benign', 'grade 3', 'grade 4', 'grade 5']

/** A number from 0 to 1 that hangs on its place only. */
const noise = (i: number, j = 0): number => {
  const x = Math.sin(i * 12.9898 + j * 78.233 + 1) * 43_758.5453
  return x - Math.floor(x)
}
export const siteNames = (count: number): string[] =>
  count <= NAMES.length
    ? NAMES.slice(0, count)
    : Array.from({ length: count }, (_, i) => `site-${String(i + 1).padStart(4, '0')}`)

export function studyRow(over: Partial<StudyRow> = {}): StudyRow {
  return {
    study: 'colon',
    phase: 'collecting',
    paused: false,
    round: 7,
    rounds: 20,
    attempt: 1,
    failures: 0,
    createdAtMs: VIEW_NOW_MS - 26 * 60 * MINUTE_MS,
    method: 'moma',
    strategy: 'fedavg',
    network: 'efficientnet-b0',
    classes: CLASSES,
    minSites: 3,
    quorum: 3,
    openedAtMs: VIEW_NOW_MS - 11 * MINUTE_MS,
    deadlineMs: VIEW_NOW_MS + 23 * 60 * MINUTE_MS,
    counts: {
      idle: 0,
      offered: 0,
      fetching: 1,
      training: 2,
      uploading: 1,
      accepted: 1,
      late: 0,
      declined: 0,
      missed: 0,
    },
    progress: 0.62,
    secondsLeft: 245,
    loss: 0.8123,
    best: { round: 6, metric: 'balancedAccuracy', score: 0.8712 },
    alarms: [],
    published: 6,
    judgements: 30,
    student: 'a3'.repeat(32),
    head: '5f'.repeat(32),
    bytesUp: 492_000_000,
    verification: null,
    ...over,
  }
}

export function siteRow(site: string, i: number, over: Partial<SiteRow> = {}): SiteRow {
  return {
    site,
    state: 'enrolled',
    fingerprint: Array.from({ length: 8 }, (_, j) =>
      Math.floor(noise(i, j) * 65_536)
        .toString(16)
        .padStart(4, '0'),
    ).join(' '),
    formerKeys: 0,
    online: ['colon'],
    lastSeenAtMs: VIEW_NOW_MS - Math.floor(noise(i) * 4000),
    version: '0.1.0',
    engine: noise(i, 3) > 0.5 ? 'tensorflow' : 'wasm',
    imagesPerSecond: 12 + 60 * noise(i, 4),
    alarms: [],
    ...over,
  }
}

const STATES: readonly MemberState[] = ['training', 'uploading', 'accepted', 'fetching', 'training']

export function memberRow(site: string, i: number, over: Partial<MemberRow> = {}): MemberRow {
  const state = STATES[i % STATES.length] ?? 'idle'
  const steps = 420
  return {
    site,
    online: true,
    state,
    code: null,
    sinceMs: { offered: VIEW_NOW_MS - 11 * MINUTE_MS, fetching: VIEW_NOW_MS - 10 * MINUTE_MS },
    step: state === 'training' ? Math.floor(noise(i) * steps) : state === 'fetching' ? 0 : steps,
    steps,
    loss: state === 'fetching' ? null : 0.7 + 0.4 * noise(i, 1),
    secondsLeft: state === 'training' ? Math.floor(60 + 300 * noise(i, 2)) : null,
    imagesPerSecond: 12 + 60 * noise(i, 4),
    bytesDown: 16_400_000,
    bytesUp: state === 'uploading' ? 9_200_000 : 0,
    bytesTotal: state === 'uploading' || state === 'accepted' ? 16_400_000 : 0,
    last: {
      round: 6,
      samples: 2000 + Math.floor(9000 * noise(i, 5)),
      share: 0.2,
      norm: 1 + noise(i, 6),
      loss: 0.8,
    },
    missed: 0,
    ...over,
  }
}

/** One study in its seventh round, and so many sites. */
export function coordinatorView(sites = 5, over: Partial<CoordinatorView> = {}): CoordinatorView {
  const names = siteNames(sites)
  return {
    number: 1,
    coordinator: {
      version: '0.1.0',
      url: 'https://fl.example.org',
      fingerprint: '0a1b 2c3d 4e5f 6071 8293 a4b5 c6d7 e8f9',
      startedAtMs: VIEW_NOW_MS - 27 * 60 * MINUTE_MS,
      nowMs: VIEW_NOW_MS,
      sessions: sites,
      bytesDown: 1_240_000_000,
      bytesUp: 492_000_000,
    },
    studies: { colon: studyRow() },
    sites: Object.fromEntries(names.map((site, i) => [site, siteRow(site, i)])),
    watched: 'colon',
    members: Object.fromEntries(names.map((site, i) => [site, memberRow(site, i)])),
    ...over,
  }
}

const lossAt = (round: number, shift = 0): number =>
  0.45 + 1.1 * Math.exp(-round / 8) + 0.05 * noise(round, 7 + shift) + 0.04 * shift

export function studyHistory(rounds: number, sites = 5): StudyHistory {
  return {
    study: 'colon',
    every: 1,
    rounds: Array.from({ length: rounds }, (_, i) => ({
      round: i + 1,
      attempts: noise(i, 9) > 0.9 ? 2 : 1,
      closedAtMs: VIEW_NOW_MS - (rounds - i) * 30 * MINUTE_MS,
      wallMs: (14 + 12 * noise(i, 10)) * MINUTE_MS,
      offered: sites,
      contributors: noise(i, 11) > 0.8 ? sites - 1 : sites,
      samples: 21_000 + Math.floor(2000 * noise(i, 12)),
      // That of the sites' middle one.
      loss: lossAt(i + 1, (sites + 1) / 2),
      norm: 1.4 + 0.3 * noise(i, 13),
      bytes: sites * 16_400_000,
    })),
  }
}

export function siteHistory(site: string, rounds: number): SiteHistory {
  const shift = 1 + (NAMES.includes(site) ? NAMES.indexOf(site) : site.length % 4)
  const all = Array.from({ length: rounds }, (_, i) => i + 1)
  return {
    study: 'colon',
    site,
    rounds: all,
    loss: all.map((round) => (noise(round, shift) > 0.9 ? null : lossAt(round, shift))),
    samples: all.map(() => 4200),
    norm: all.map((round) => 1 + noise(round, shift)),
  }
}

function classRow(name: string, i: number, counts: readonly (readonly number[])[]): ClassRow {
  const right = counts[i]?.[i] ?? 0
  const support = (counts[i] ?? []).reduce((sum, count) => sum + count, 0)
  const called = counts.reduce((sum, row) => sum + (row[i] ?? 0), 0)
  const [recall, precision] = [shareInterval(right, support), shareInterval(right, called)]
  return { name, support, recall, precision, f1: (2 * right) / (support + called) }
}

export function judgingReport(rounds: number, sites = 5): JudgingReport {
  const names = siteNames(sites)
  const scoreOf = (round: number, i: number): number =>
    0.9 - 0.35 * Math.exp(-round / 7) - 0.03 * (i % 5) + 0.02 * noise(round, i)
  const judged = (round: number): JudgedStudent => {
    const counts = [
      [812, 31, 12, 2],
      [44, 501, 77, 9],
      [8, 66, 604, 41],
      [1, 7, 38, 219],
    ]
    const score = scoreOf(round, 0)
    const scores = {
      accuracy: score + 0.01,
      balancedAccuracy: score,
      macroF1: score - 0.01,
      quadraticWeightedKappa: score + 0.03,
    }
    return {
      round,
      student: 'c4'.repeat(32),
      counts,
      scores,
      perClass: CLASSES.map((name, i) => classRow(name, i, counts)),
      sites: names.map((site, i) => ({
        site,
        tiles: i === 3 ? 0 : 494,
        withheld: i === 3 ? 'policy' : null,
        counts: i === 3 ? null : counts.map((row, j) => (i === 1 && j === 2 ? null : row)),
        scores: i === 3 ? null : scores,
      })),
    }
  }
  return {
    study: 'colon',
    classes: CLASSES,
    judging: { part: 'val', metric: 'balancedAccuracy', every: 1 },
    rounds: Array.from({ length: rounds }, (_, i) => ({
      round: i + 1,
      tiles: 2472,
      pooled: judged(i + 1).scores,
      sites: Object.fromEntries(names.map((site, j) => [site, j === 3 ? null : scoreOf(i + 1, j)])),
    })),
    best: judged(rounds),
    newest: judged(rounds),
  }
}
