import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { trackStudy, writeMlflow, writeTensorboard } from '@tessera/coordinator/studies'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'

test('trackStudy() gives each site’s curves and those of all, and both writers write them', async () => {
  const { dir, coordinator, north, south } = await federation()
  await wholeRound([north, south], [0.01, 0.02])
  await wholeRound([north, south], [0.03, 0.04])
  await coordinator.ended
  const tracked = await trackStudy({ dir, study: 'tiny' })
  const values = Object.fromEntries(
    tracked.runs.map(({ name, series }) => [
      name,
      Object.fromEntries(
        [...series].map(([tag, points]) => [tag, points.map(({ step, value }) => [step, value])]),
      ),
    ]),
  )
  const twice = (value: unknown) => [
    [1, value],
    [2, value],
  ]
  expect(values).toEqual({
    'all.sites': {
      'training/loss': twice(1),
      'training/samples': twice(3),
      'training/sites': twice(2),
      'training/seconds': twice(expect.any(Number)),
    },
    north: {
      'training/loss': twice(1),
      'training/samples': twice(1),
      'training/norm': twice(expect.any(Number)),
    },
    south: {
      'training/loss': twice(1),
      'training/samples': twice(2),
      'training/norm': twice(expect.any(Number)),
    },
  })
  expect(tracked.endedAtMs).toBe(tracked.runs[0]?.series.get('training/loss')?.at(-1)?.atMs)
  expect(tracked.settings.get('training.rounds')).toBe('2')

  const folder = await temporaryFolder()
  // Twice: the second export takes the first one's place.
  for (let again = 0; again < 2; again++) {
    expect(await writeTensorboard(join(folder, 'runs'), tracked)).toBe(3)
    expect(await writeMlflow(join(folder, 'mlruns'), tracked)).toBe(3)
  }
  expect(await readdir(join(folder, 'runs', 'tiny', 'north'))).toEqual([
    expect.stringMatching(/^events\.out\.tfevents\.\d+\.tessera$/),
  ])
  const [experiment = ''] = await readdir(join(folder, 'mlruns'))
  expect(await readdir(join(folder, 'mlruns', experiment))).toHaveLength(4)
})
