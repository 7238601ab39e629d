import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createJobs } from '../../../coordinator/dashboard/heavy/run-job.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

test('jobs beyond those that may wait are refused before they are begun, and the next has room again', async () => {
  const jobs = createJobs(1)
  const dir = join(await temporaryFolder(), 'none')
  const first = jobs.run('verify', { dir, study: 'tiny' })
  await expect(jobs.run('verify', { dir, study: 'tiny' })).rejects.toMatchObject({ code: 'ERR_RATE_LIMIT' })
  await expect(first).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  const next = jobs.run('verify', { dir, study: 'tiny' })
  await jobs.close()
  await expect(next).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
})
