import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { command } from './container.ts'

const folder = fileURLToPath(new URL('../../deploy/systemd/', import.meta.url))
/** 3.0 of 10, in tenths. */
const MOST_EXPOSED = '--threshold=30'
const security = (unit: string): string =>
  command('systemd-analyze', 'security', '--offline=true', MOST_EXPOSED, unit)

describe.each(['tessera-coordinator.service', 'tessera-site.service'])('%s', (unit) => {
  test('is exposed 3.0 or less', () => {
    expect(security(join(folder, unit))).toMatch(/Overall exposure level for .*: [0-2]\.\d OK/)
  })

  test('would be found out without its hardening', async () => {
    const copy = join(await temporaryFolder(), unit)
    const text = await readFile(join(folder, unit), 'utf8')
    await writeFile(copy, text.replaceAll(/^(Protect|Private|Restrict|SystemCall|Capability).*$/gm, ''))
    expect(() => security(copy)).toThrow()
  })

  test('is understood by systemd', async () => {
    // Where Node lies is the machine's business: here it may be elsewhere.
    const copy = join(await temporaryFolder(), unit)
    await cp(join(folder, unit), copy)
    await writeFile(copy, (await readFile(copy, 'utf8')).replace('/usr/bin/node', process.execPath))
    expect(command('sh', '-c', 'systemd-analyze verify "$1" 2>&1', 'sh', copy)).toBe('')
  })
})
