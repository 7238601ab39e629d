/** @file The verb `federation`: what a round costs beyond its training, beside Flower and NVFLARE. */
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { catchStop } from '@tessera/shared/until-stopped'
import { runContest } from '../contest/referee.ts'
import {
  caseText,
  FEDERATIONS,
  type FederationCase,
  type FederationName,
  federationsOf,
  PACKAGES_OF,
} from '../federation/cases.ts'
import { federationSpec } from '../federation/contenders.ts'
import { deltaBytes } from '../federation/studies.ts'
import { findPython } from '../peers.ts'
import { federationTable } from '../report/federation-table.ts'
import { describeMachine } from '../report/machine.ts'
import { type ContestResult, contestResult, writeResults } from '../report/results.ts'
import { clearProgress, showProgress } from '../screen.ts'

export interface FederationFlags {
  readonly case: readonly FederationCase[]
  /** Absent: those of each case. */
  readonly contenders?: readonly FederationName[]
  readonly rounds: number
  readonly slot: number
  readonly minutes: number
  readonly hosts: number
  readonly dir?: string
  readonly python?: string
  readonly profile?: string
  readonly quick?: true
  readonly out?: string
}

const BASES: readonly FederationName[] = ['flower', 'flower-213', 'nvflare']
/** The longest that a contender may be silent: a thousand sites enrol, a slot of Flower's rounds. */
const ANSWER_MS = 20 * 60_000
/** A round that moves more than this varies little, and fills the disk: fewer of them. */
const LARGE_ROUND_BYTES = 1e9
/** A file system in memory, on Linux. */
const MEMORY_FOLDER = '/dev/shm'
/** From so many sites on, the agents' files are kept in memory: hospitals do not share one disk, and a thousand on one would measure that. */
const SITES_IN_MEMORY_FROM = 50
/** What their ledgers may take: at a thousand sites a record of 350 KB goes to each, every round. */
const LEDGER_BYTES = 4e9
/** No upload path is faster over loopback: what a slot of seconds may write at most. */
const MOST_BYTES_PER_SECOND = 300e6

/** @throws {TesseraError} ERR_USAGE if the disk has too little room; ERR_BENCH_PEER, ERR_INTERRUPTED, ERR_STORE_WRITE */
export async function measureFederation(flags: FederationFlags): Promise<void> {
  const { python, absent } = await findPeers(flags)
  const machine = describeMachine()
  const { signal } = catchStop()
  const contests: ContestResult[] = []
  for (const one of flags.case) {
    const names = (flags.contenders ?? federationsOf(one)).filter((name) => !absent.includes(name))
    const result = await measureCase(one, names, python, flags, signal)
    contests.push(result)
    process.stdout.write(`${federationTable(result, FEDERATIONS)}\n`)
  }
  if (flags.out === undefined) return
  const { hosts, rounds, slot: slotSeconds } = flags
  await writeResults(flags.out, {
    format: 'tessera-bench',
    version: 1,
    kind: 'federation',
    date: new Date().toISOString(),
    machine,
    settings: { rounds, slotSeconds, hosts, sitesInMemoryFrom: SITES_IN_MEMORY_FROM },
    contests,
    absent,
  })
  process.stdout.write(`written: ${flags.out}\n`)
}

/** A peer that was asked for must be there; one that takes part by default is said to be absent. */
async function findPeers({ case: cases, contenders, python: given }: FederationFlags): Promise<{
  python: Partial<Record<FederationName, string>>
  absent: FederationName[]
}> {
  const python: Partial<Record<FederationName, string>> = {}
  const absent: FederationName[] = []
  for (const name of new Set(contenders ?? cases.flatMap(federationsOf))) {
    if (name === 'tessera') continue
    try {
      python[name] = (await findPython(given, PACKAGES_OF[name])).command
    } catch (thrown) {
      if (contenders !== undefined || !(thrown instanceof TesseraError)) throw thrown
      absent.push(name)
      process.stdout.write(`${FEDERATIONS[name]} is absent: ${thrown.message}\n`)
    }
  }
  return { python, absent }
}

async function measureCase(
  one: FederationCase,
  names: readonly FederationName[],
  python: Partial<Record<FederationName, string>>,
  flags: FederationFlags,
  signal: AbortSignal,
): Promise<ContestResult> {
  const roundBytes = one.sites * deltaBytes(one.model)
  const large = roundBytes > LARGE_ROUND_BYTES
  const rounds = flags.quick === true ? 1 : large ? Math.min(3, flags.rounds) : flags.rounds
  const slotSeconds = flags.quick === true ? 1 : flags.slot
  const warmUpSteps = flags.quick === true || large ? 1 : 2
  const dir = await mkdtemp(join(flags.dir ?? tmpdir(), 'tessera-bench-federation-'))
  const inMemory = await memoryFolder(one.sites, roundBytes)
  try {
    // Every update and every student is kept, as in production, and each site has the newest student.
    const kept = roundBytes * (rounds + warmUpSteps + 2) * 1.1
    await assertRoom(dir, kept + (large ? 0 : rounds * slotSeconds * MOST_BYTES_PER_SECOND))
    const start = {
      one,
      dir,
      sitesDir: inMemory ?? join(dir, 'sites'),
      hosts: flags.hosts,
      threads: availableParallelism(),
      python,
      profile: flags.profile,
    }
    const contenders = []
    for (const name of names) contenders.push(await federationSpec(name, start))
    const performances = await runContest({
      contenders,
      rounds,
      warmUpSteps,
      slotSeconds: large ? 0 : slotSeconds,
      budgetMs: (flags.minutes * 60_000) / flags.case.length,
      answerMs: ANSWER_MS,
      clock: systemClock,
      signal,
      onProgress: showProgress(`${caseText(one)} `),
    }).finally(clearProgress)
    return contestResult(caseText(one), roundBytes, performances, BASES)
  } finally {
    for (const folder of [dir, inMemory])
      if (folder !== null) await rm(folder, { recursive: true, force: true })
  }
}

async function assertRoom(dir: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir)
  if (bavail * bsize >= needed) return
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(0)
  throw new TesseraError(
    'ERR_USAGE',
    `folder must have ${gigabytes(needed)} GB free for this case, got ${gigabytes(bavail * bsize)} GB: give another with --dir`,
  )
}

/** A folder in memory for the sites of a large federation; null where they are few, or memory has no room. */
async function memoryFolder(sites: number, roundBytes: number): Promise<string | null> {
  if (sites < SITES_IN_MEMORY_FROM) return null
  const room = await statfs(MEMORY_FOLDER).catch(() => null)
  if (room === null || room.bavail * room.bsize < 2 * roundBytes + LEDGER_BYTES) return null
  return mkdtemp(join(MEMORY_FOLDER, 'tessera-bench-sites-'))
}
