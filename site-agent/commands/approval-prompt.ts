/** @file The yes to a round, typed where the agent runs. The other way is `tessera site approve`, from anywhere on the machine. */
import { createInterface } from 'node:readline'
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import { approve } from '../policy/index.ts'
import type { AgentEvent } from '../session/events.ts'

export interface ApprovalPrompt {
  /** Watches what the agent tells. */
  see(event: AgentEvent): void
  close(): void
}

/** Listens for `yes` while a round waits for one. */
export function approvalPrompt(
  input: NodeJS.ReadableStream,
  note: (text: string) => void,
  { dir, study }: { readonly dir: string; readonly study: string },
): ApprovalPrompt {
  let waiting: number | null = null
  const lines = createInterface({ input })
  lines.on('line', (line) => {
    const round = waiting
    if (round === null || line.trim().toLowerCase() !== 'yes') return
    waiting = null
    approve(dir, study, round, systemClock.now()).then(
      () => note(`round ${round} is approved`),
      (thrown: unknown) => note(asTesseraError(thrown).message),
    )
  })
  return {
    see(event) {
      if (event.kind === 'waiting' && event.code === 'ERR_POLICY_APPROVAL') {
        waiting = event.round
        note(`Type yes to send the update of round ${event.round}.`)
      } else if ('round' in event && event.kind !== 'training') waiting = null
    },
    close: () => lines.close(),
  }
}
