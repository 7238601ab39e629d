import { isFromHere } from '@tessera/shared/operation'
import { expect, test } from 'vitest'

test.each([
  ['127.0.0.1', 'localhost:7433', true],
  ['::ffff:127.0.0.1', '127.0.0.1', true],
  ['::1', '[::1]:7433', true],
  ['10.0.0.7', 'localhost:7433', false],
  ['127.0.0.1', 'evil.example.org:7433', false],
  ['127.0.0.1', 'localhost.example.org', false],
  ['127.0.0.1', undefined, false],
  [undefined, 'localhost', false],
])('isFromHere(%s, %s) is %s', (address, host, here) => expect(isFromHere(address, host)).toBe(here))
