/** @file Several chunks under way at once, and never more than the window. */

/**
 * Runs `send` for each index in order, with at most `window()` at work; the window is looked at again whenever one is done. After a failure no
 * other is started; the first failure is thrown once those at work have ended.
 */
export async function inWindow(
  indices: Iterable<number>,
  window: () => number,
  send: (index: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  const atWork = new Set<Promise<void>>()
  for (const index of indices) {
    while (failures.length === 0 && atWork.size > 0 && atWork.size >= window()) await Promise.race(atWork)
    if (failures.length > 0) break
    const work = send(index)
      .catch((thrown: unknown) => void failures.push(thrown))
      .finally(() => atWork.delete(work))
    atWork.add(work)
  }
  await Promise.all(atWork)
  if (failures.length > 0) throw failures[0]
}
