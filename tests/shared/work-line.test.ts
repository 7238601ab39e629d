import { bar, createWorkLine } from '@tessera/shared/work-line'
import { expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'

test('createWorkLine() says nothing of quick work, then redraws four times a second with the time left', () => {
  const clock = fakeClock()
  let terminal = ''
  const line = createWorkLine(
    'reading tiles',
    (text) => {
      terminal += text
    },
    clock,
  )
  clock.advance(900)
  line.show(9, 1000)
  line.close()
  expect(terminal).toBe('')
  clock.advance(100)
  for (const done of [100, 101]) line.show(done, 1000)
  clock.advance(1000)
  line.show(500, 1000)
  line.close()
  const drawn = (share: number, left: string) => `\r\u001b[Kreading tiles ${bar(share)} of 1000, ${left} left`
  expect(terminal).toBe(`${drawn(0.1, '9 s')}${drawn(0.5, '2 s')}\r\u001b[K`)
})
