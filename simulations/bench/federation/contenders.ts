/** @file How the contenders of a federation's contest are started. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ownProcess } from '../contenders.ts'
import type { ContenderSpec } from '../contest/contender.ts'
import { peerFile } from '../peers.ts'
import { caseText, type FederationCase, type FederationName } from './cases.ts'
import { peerShapes } from './studies.ts'

export interface FederationStart {
  readonly one: FederationCase
  /** Empty folder of this contest. */
  readonly dir: string
  readonly sitesDir: string
  /** Processes that our agents are spread over. */
  readonly hosts: number
  /** Cores of the machine. */
  readonly threads: number
  /** Python of a peer, by contender. */
  readonly python: Readonly<Partial<Record<FederationName, string>>>
  readonly profile?: string | undefined
}

/** Until a peer's processes have started, and for a round of its: Flower's, of 213 tensors, has been seen to take two minutes. */
const PEER_SECONDS = 600

/** The start of a contender; for a peer the shapes of its model are written first. */
export async function federationSpec(
  name: FederationName,
  { one, dir, sitesDir, hosts, threads, python, profile }: FederationStart,
): Promise<ContenderSpec> {
  if (name === 'tessera') {
    const places = ['--dir', join(dir, name), '--sites-dir', sitesDir]
    const profiling = profile === undefined ? [] : ['--profile', profile]
    return ownProcess(
      name,
      'federation',
      ['--case', caseText(one), ...places, '--hosts', `${hosts}`, ...profiling],
      threads,
    )
  }
  const shapes = join(dir, `${name}.json`)
  await writeFile(shapes, JSON.stringify(peerShapes(one.model, name !== 'flower-213')))
  const file = peerFile(name === 'nvflare' ? 'nvflare_round.py' : 'flower_round.py')
  return {
    name,
    command: python[name] ?? '',
    args: [file, '--sites', `${one.sites}`, '--shapes', shapes, '--limit', `${PEER_SECONDS}`],
    // Python keeps what it compiles beside the sources, and these are ours.
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  }
}
