import { mlflowFiles, type TrackedStudy } from '@tessera/shared/tracking'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const study: TrackedStudy = {
  study: 'colon',
  createdAtMs: 1000,
  endedAtMs: null,
  settings: new Map([
    ['training.rounds', '2'],
    ['classes', 'x'.repeat(7000)],
  ]),
  runs: [
    {
      name: 'north',
      series: new Map([
        [
          'training/loss',
          [
            { step: 1, atMs: 2000, value: 0.5 },
            { step: 2, atMs: 3000, value: 0.25 },
          ],
        ],
      ]),
    },
  ],
}

test('mlflowFiles() gives an experiment with a run a site, by the same names each time', () => {
  const files = mlflowFiles(study, 'file:///data/mlruns')
  expect([...mlflowFiles({ ...study, endedAtMs: 9 }, 'file:///data/mlruns').keys()]).toEqual([
    ...files.keys(),
  ])
  const [experiment = '', run = ''] = [...files.keys()][1]?.split('/') ?? []
  expect(experiment).toMatch(/^\d{18}$/)
  expect(run).toMatch(/^[0-9a-f]{32}$/)
  expect(parse(files.get(`${experiment}/meta.yaml`) ?? '')).toEqual({
    artifact_location: `file:///data/mlruns/${experiment}`,
    creation_time: 1000,
    experiment_id: experiment,
    last_update_time: 3000,
    lifecycle_stage: 'active',
    name: 'colon',
  })
  expect(parse(files.get(`${experiment}/${run}/meta.yaml`) ?? '')).toMatchObject({
    run_id: run,
    run_name: 'north',
    status: 1,
    end_time: null,
    artifact_uri: `file:///data/mlruns/${experiment}/${run}/artifacts`,
  })
  expect(files.get(`${experiment}/${run}/metrics/training/loss`)).toBe('2000 0.5 1\n3000 0.25 2\n')
  expect(files.get(`${experiment}/${run}/params/training.rounds`)).toBe('2')
  expect(files.get(`${experiment}/${run}/params/classes`)).toHaveLength(6000)
  expect(JSON.parse(files.get(`${experiment}/${run}/artifacts/settings.json`) ?? '')).toEqual(
    Object.fromEntries(study.settings),
  )
})

test('a study that has ended has runs that are finished', () => {
  const files = mlflowFiles({ ...study, endedAtMs: 4000 }, 'file:///data')
  const meta = [...files].find(([path]) => path.split('/').length === 3)?.[1] ?? ''
  expect(parse(meta)).toMatchObject({ status: 3, end_time: 4000 })
})
