/**
 * @file The dashboard of an agent that starts: opened when the agent has its folder to itself, closed with it. What goes wrong with it is told, and the agent goes
 * on as it would without.
 */
import { asTesseraError, type TesseraError } from '@tessera/shared/errors'
import type { Dashboard } from '../dashboard/open.ts'
import type { AgentEvent } from '../session/events.ts'

export interface DashboardBeside {
  /** Watches what the agent tells. */
  see(event: AgentEvent): void
  close(): Promise<void>
}

/** @param open Opens it. Called at the agent's first word: by then no other agent can be in the folder. */
export function dashboardBeside(
  open: () => Promise<Dashboard>,
  told: { opened(dashboard: Dashboard): void; failed(error: TesseraError): void },
): DashboardBeside {
  let opening: Promise<Dashboard | null> | null = null
  let dashboard: Dashboard | null = null
  /** What was told while it opened; null: it is open, or will never be. */
  let missed: AgentEvent[] | null = []

  const begin = async (): Promise<Dashboard | null> => {
    try {
      const opened = await open()
      for (const event of missed ?? []) opened.see(event)
      dashboard = opened
      told.opened(opened)
      return opened
    } catch (thrown) {
      told.failed(asTesseraError(thrown))
      return null
    } finally {
      missed = null
    }
  }
  return {
    see(event) {
      missed?.push(event)
      dashboard?.see(event)
      opening ??= begin()
    },
    async close() {
      await (await opening)?.close()
    },
  }
}
