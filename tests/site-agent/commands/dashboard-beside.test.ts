import { TesseraError } from '@tessera/shared/errors'
import type { AgentEvent } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { dashboardBeside } from '../../../site-agent/commands/dashboard-beside.ts'
import type { Dashboard } from '../../../site-agent/dashboard/open.ts'

const event = (round: number): AgentEvent => ({ kind: 'declined', round, code: 'ERR_POLICY_LIMIT' })

function aDashboard(): Dashboard & { seen: AgentEvent[]; closed: boolean } {
  return {
    url: 'http://127.0.0.1:1/',
    link: '',
    seen: [],
    closed: false,
    see(event) {
      this.seen.push(event)
    },
    async close() {
      this.closed = true
    },
  }
}

describe('a dashboard beside an agent', () => {
  test('is opened at the agent’s first word, hears all of them in order, and is closed with it', async () => {
    const dashboard = aDashboard()
    let open: (dashboard: Dashboard) => void = () => undefined
    let asked = 0
    const beside = dashboardBeside(
      () => {
        asked++
        return new Promise((resolve) => {
          open = resolve
        })
      },
      { opened: () => undefined, failed: () => undefined },
    )
    expect(asked).toBe(0)
    beside.see(event(1))
    beside.see(event(2))
    open(dashboard)
    await expect.poll(() => dashboard.seen.length).toBe(2)
    beside.see(event(3))
    await beside.close()
    expect(asked).toBe(1)
    expect(dashboard.seen.map((seen) => 'round' in seen && seen.round)).toEqual([1, 2, 3])
    expect(dashboard.closed).toBe(true)
  })

  test('that cannot be opened is told of once, and nothing else happens', async () => {
    const faults: string[] = []
    const beside = dashboardBeside(() => Promise.reject(new TesseraError('ERR_DASHBOARD_PORT', 'taken')), {
      opened: () => undefined,
      failed: ({ code }) => faults.push(code),
    })
    beside.see(event(1))
    await beside.close()
    beside.see(event(2))
    expect(faults).toEqual(['ERR_DASHBOARD_PORT'])
  })

  test('of an agent that never said a word is not there', async () => {
    const beside = dashboardBeside(() => Promise.reject(new Error('opened')), {
      opened: () => undefined,
      failed: () => expect.unreachable(),
    })
    await beside.close()
  })
})
