import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readStored, unseal, writeSealed } from '@tessera/shared/files'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const value = { tensors: new Map([['w', Float32Array.of(1, -0, Number.NaN)]]), counters: { at: 3 } }

test('a sealed value is read as it was written', async () => {
  const file = join(await temporaryFolder(), 'state')
  await writeSealed(file, value)
  expect(unseal('state', await readStored('state', file))).toEqual(value)
})

test('one changed bit is ERR_STORE_CORRUPT, in the digest as in the value, and so is a file that is not there', async () => {
  const file = join(await temporaryFolder(), 'state')
  await writeSealed(file, value)
  const bytes = await readFile(file)
  for (const at of [0, 63, 64, bytes.length - 1]) {
    const broken = Buffer.from(bytes)
    broken[at] = (broken[at] ?? 0) ^ 1
    await writeFile(file, broken)
    const read = readStored('state', file).then((stored) => unseal('state', stored))
    await expect(read).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: 'state must be as it was written, got other bytes',
    })
  }
  await expect(readStored('state', `${file}-2`)).rejects.toMatchObject({
    code: 'ERR_STORE_CORRUPT',
    message: 'state must be as it was written, got none',
  })
})
