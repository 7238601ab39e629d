/** @file Work that SIGINT or SIGTERM stops: the first one asks, the second ends the process at once. */

/** Gives a signal that Ctrl-C aborts, until it is released. */
export function catchStop(): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController()
  const onSignal = (): void => {
    // Once more: at once. The children of a terminal get the signal too.
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return { signal: stop.signal, release: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal) }
}

/** @param work Stops what it has started when its signal aborts. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, release } = catchStop()
  // The clock's timers keep no process alive, and while a site waits for its coordinator, or a run is between two children, there is nothing else.
  const awake = setInterval(() => undefined, 60_000)
  try {
    return await work(signal)
  } finally {
    clearInterval(awake)
    release()
  }
}
