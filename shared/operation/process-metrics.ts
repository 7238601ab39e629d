/** @file What every program of ours tells of its own process. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Declarations, Metrics } from './registry.ts'

export const PROCESS_METRICS = {
  tessera_build_info: { type: 'gauge', labels: ['version'], help: 'Always 1; the version is in the label.' },
  tessera_process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the program was started, in seconds since 1970.',
  },
  tessera_process_resident_bytes: { type: 'gauge', labels: [], help: 'Memory of the process.' },
  tessera_process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'Processor time of the process, all threads.',
  },
  tessera_process_stall_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Longest time since the last look in which the process answered nothing.',
  },
} as const satisfies Declarations

/** How finely stalls are measured: shorter ones nobody notices. */
const RESOLUTION_MS = 20

/** Fills them in at every look. Gives how to look, and how to stop. */
export function watchProcess(
  metrics: Pick<Metrics<typeof PROCESS_METRICS>, 'set' | 'add'>,
  version: string,
  startedAtMs: number,
): { look: () => void; stop: () => void } {
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let counted = 0
  metrics.set('tessera_build_info', 1, { version })
  metrics.set('tessera_process_start_time_seconds', startedAtMs / 1000)
  return {
    look() {
      const { user, system } = process.cpuUsage()
      metrics.set('tessera_process_resident_bytes', process.memoryUsage.rss())
      metrics.add('tessera_process_cpu_seconds_total', (user + system - counted) / 1e6)
      counted = user + system
      // It includes the resolution itself; in nanoseconds.
      metrics.set('tessera_process_stall_seconds', Math.max(0, delay.max / 1e9 - RESOLUTION_MS / 1000))
      delay.reset()
    },
    stop: () => void delay.disable(),
  }
}
