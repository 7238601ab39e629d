import { createCoordinatorMetrics } from '@tessera/coordinator/operation'
import { expect, onTestFinished, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'

type Studies = ReturnType<Parameters<typeof createCoordinatorMetrics>[1]['studies']>

const progress: Studies[number] = {
  study: 'colon',
  phase: 'collecting',
  paused: true,
  round: 3,
  rounds: 9,
  attempt: 1,
  deadlineMs: 2_000_000,
  excluded: [{ site: 'south', rounds: 4 }],
  sites: [],
  accepted: 1,
  offered: 2,
  meanLoss: null,
  student: '',
  publishedAtMs: null,
}

test('what is looked up is looked up anew: alarms, deadlines, the certificate; and a study that is gone is gone', async () => {
  let studies: Studies = [progress]
  const clock = fakeClock(1_000_000)
  const metrics = createCoordinatorMetrics(clock, {
    studies: () => studies,
    disk: async () => ({ freeBytes: 1, bytes: 2 }),
    certificateEndsAtMs: 5000,
  })
  onTestFinished(() => metrics.stop())
  const lines = async () => (await metrics.text()).split('\n').filter((line) => !line.startsWith('#'))
  const shown = await lines()
  expect(shown).toEqual(
    expect.arrayContaining([
      'tessera_certificate_expiry_timestamp_seconds 5',
      'tessera_disk_free_bytes 1',
      'tessera_site_missed_rounds{study="colon",site="south"} 4',
      'tessera_study_paused{study="colon"} 1',
      'tessera_round_deadline_timestamp_seconds{study="colon"} 2000',
      // Nothing is published: since the start.
      'tessera_published_timestamp_seconds{study="colon"} 1000',
    ]),
  )
  // Of a loss that no site tells there is no line, rather than a zero.
  expect(shown.filter((line) => line.startsWith('tessera_round_loss'))).toEqual([])
  studies = []
  expect((await lines()).filter((line) => line.includes('colon'))).toEqual([])
})

test('failures are counted by their work and code, and of the store by themselves', async () => {
  const metrics = createCoordinatorMetrics(fakeClock(), {
    studies: () => [],
    disk: async () => ({ freeBytes: 1, bytes: 2 }),
    certificateEndsAtMs: null,
  })
  onTestFinished(() => metrics.stop())
  const ended = { endedAtMs: 1, durationMs: 3 }
  metrics.observer.worked({ work: 'append', code: 'ERR_STORE_WRITE', ...ended })
  metrics.observer.worked({ work: 'aggregate', study: 'colon', code: 'ERR_AGGREGATION_THREAD', ...ended })
  const text = await metrics.text()
  expect(text).toContain('tessera_store_errors_total{code="ERR_STORE_WRITE"} 1\n')
  expect(text).toContain('tessera_work_failed_total{work="aggregate",code="ERR_AGGREGATION_THREAD"} 1\n')
  expect(text).toContain('tessera_store_append_seconds_count 0\n')
  expect(text).not.toMatch(/^tessera_certificate_expiry_timestamp_seconds \d/m)
})
