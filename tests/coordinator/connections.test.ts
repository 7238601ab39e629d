import { describe, expect, test } from 'vitest'
import { type Connections, createConnections, sessionLimits } from '../../coordinator/connections.ts'

const codeOf = (connections: Connections, address: string): string => {
  try {
    connections.enter(address)
  } catch (thrown) {
    const { code, message } = thrown as { code: string; message: string }
    return `${code}: ${message}`
  }
  return 'in'
}

describe('createConnections()', () => {
  test('takes so many in all, and another when one has left', () => {
    let total = 2
    const connections = createConnections({ total: () => total, perAddress: 9 })
    const leave = connections.enter('203.0.113.1')
    connections.enter('203.0.113.2')
    expect(codeOf(connections, '203.0.113.3')).toBe(
      'ERR_SESSIONS_FULL: coordinator must have at most 2 sessions at once, got one more',
    )
    leave()
    expect(codeOf(connections, '203.0.113.3')).toBe('in')
    total = 3
    expect(codeOf(connections, '203.0.113.4')).toBe('in')
  })

  test('takes so many of one address, and others all the same', () => {
    const connections = createConnections({ total: () => 99, perAddress: 2 })
    const leave = connections.enter('203.0.113.1')
    connections.enter('::ffff:203.0.113.1')
    expect(codeOf(connections, '203.0.113.1')).toBe(
      'ERR_SESSIONS_FULL: one address must have at most 2 sessions at once, got one more',
    )
    expect(codeOf(connections, '2001:db8::1')).toBe('in')
    leave()
    expect(codeOf(connections, '203.0.113.1')).toBe('in')
  })

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('loopback (%s) has the whole', (address) => {
    const connections = createConnections({ total: () => 3, perAddress: 1 })
    expect(['1', '2', '3'].map(() => codeOf(connections, address))).toEqual(['in', 'in', 'in'])
    expect(codeOf(connections, address)).toContain('at most 3')
  })
})

describe('sessionLimits()', () => {
  test('grow with sites and studies, unless they are set', () => {
    let places = 0
    const limits = sessionLimits({}, () => places)
    expect([limits.total(), limits.perAddress]).toEqual([256, 64])
    places = 40
    expect(limits.total()).toBe(336)
    const set = sessionLimits({ maxSessions: 10, maxSessionsPerAddress: 3 }, () => places)
    expect([set.total(), set.perAddress]).toEqual([10, 3])
  })
})
