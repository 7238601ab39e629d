import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addressFile, parseListen, readAddress } from '../../../site-agent/dashboard/address.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('parseListen()', () => {
  test('takes a port of this machine’s loopback', () => {
    expect(parseListen('8470')).toEqual({ host: '127.0.0.1', port: 8470 })
    expect(parseListen('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 })
    expect(parseListen('[::1]:8470')).toEqual({ host: '::1', port: 8470 })
  })

  test.each([
    '0.0.0.0:8470',
    '[::]:8470',
    '::1:8470',
    '192.168.1.2:8470',
    'localhost:8470',
    '127.0.0.2:1',
    '65536',
    '-1',
    '',
    '8470;x',
  ])('refuses %j with a sentence', (text) => {
    expect(() => parseListen(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: `dashboard must listen on 127.0.0.1 or [::1] of this machine, as in 127.0.0.1:8470, got ${text}: from elsewhere, use an SSH tunnel`,
      }),
    )
  })
})

describe('readAddress()', () => {
  test('gives nothing where no agent has left its address, or something else stands', async () => {
    const dir = await temporaryFolder()
    expect(await readAddress(dir)).toBeNull()
    await mkdir(dirname(addressFile(dir)))
    for (const text of ['', '{}', '{"url":"javascript:1"}', '{"url":"https://evil.example/","more":1}']) {
      await writeFile(addressFile(dir), text)
      expect(await readAddress(dir)).toBeNull()
    }
  })
})
