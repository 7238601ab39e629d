/** @file Work that a signal stops: the first one asks, the second ends the process at once. */

/** @param work Stops what it has started when its signal aborts. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => {
    // Once more: at once. The children of a terminal get the signal too.
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  // The clock's timers keep nothing alive; children do, but not between two of them.
  const awake = setInterval(() => undefined, 60_000)
  try {
    return await work(stop.signal)
  } finally {
    clearInterval(awake)
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
