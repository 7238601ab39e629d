import { execFileSync } from 'node:child_process'
import v8 from 'node:v8'
import { growHeapFreely } from '@tessera/shared/heap'
import { expect, test, vi } from 'vitest'

test('the heap grows by a flag that this V8 has: it passes over in silence what it does not know', () => {
  const set = vi.spyOn(v8, 'setFlagsFromString').mockReturnValue()
  growHeapFreely()
  const [flag = '', percent] = set.mock.calls[0]?.[0].split('=') ?? []
  expect(Number(percent)).toBeGreaterThan(0)
  expect(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })).toContain(`${flag} (`)
})
