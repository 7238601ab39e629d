import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readModelFile } from '@tessera/shared/files'
import { MAX_MODEL_BYTES } from '@tessera/shared/protocol'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

test('readModelFile() gives the bytes, and refuses what is not there or too large, without a path', async () => {
  const file = join(await temporaryFolder(), 'model')
  await expect(readModelFile('start', file)).rejects.toMatchObject({
    code: 'ERR_MODEL_FILE',
    message: 'start file must be readable, got ENOENT',
  })
  await writeFile(file, 'abc')
  expect(await readModelFile('start', file)).toEqual(Buffer.from('abc'))
  // Sparse: it takes no room.
  await truncate(file, MAX_MODEL_BYTES + 1)
  await expect(readModelFile('start', file)).rejects.toMatchObject({
    code: 'ERR_MODEL_FILE',
    message: `start file must have at most ${MAX_MODEL_BYTES} bytes, got more`,
  })
})
