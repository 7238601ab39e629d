import { applyChange, type CoordinatorView, type SiteRow } from '@tessera/shared/dashboard/coordinator-view'
import { describe, expect, test } from 'vitest'

const row = (site: string, lastSeenAtMs: number): SiteRow => ({
  site,
  state: 'enrolled',
  fingerprint: null,
  formerKeys: 0,
  online: [],
  lastSeenAtMs,
  version: null,
  engine: null,
  imagesPerSecond: null,
  alarms: [],
})
const view: CoordinatorView = {
  number: 4,
  coordinator: {
    version: '0.1.0',
    url: 'http://127.0.0.1:7433',
    fingerprint: '',
    startedAtMs: 1,
    nowMs: 1,
    sessions: 0,
    bytesDown: 0,
    bytesUp: 0,
  },
  studies: {},
  sites: { north: row('north', 1), south: row('south', 1) },
  watched: null,
  members: {},
}

describe('applyChange()', () => {
  test('sets and removes rows, and leaves the others as they are', () => {
    const next = applyChange(view, {
      number: 5,
      sites: { set: { south: row('south', 2), west: row('west', 2) }, gone: ['north'] },
    })
    expect(next?.number).toBe(5)
    expect(next?.sites).toEqual({ south: row('south', 2), west: row('west', 2) })
    expect(next?.studies).toBe(view.studies)
    expect(view.sites).toHaveProperty('north')
  })

  test('passes over a change that is in the view', () => {
    expect(applyChange(view, { number: 4, sites: { gone: ['north'] } })).toBe(view)
  })

  test('gives nothing after a gap', () => {
    expect(applyChange(view, { number: 6, sites: { gone: ['north'] } })).toBeNull()
  })
})
