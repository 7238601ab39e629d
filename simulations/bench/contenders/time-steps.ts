/** @file Times steps one by one, without a gap between them. */
import type { Taken } from '../contest/messages.ts'

/** @param step Does one; resolves to its loss, if it has one. */
export async function timeSteps(count: number, step: () => Promise<number | void>): Promise<Taken> {
  const [seconds, losses]: [number[], number[]] = [[], []]
  let before = performance.now()
  for (let i = 0; i < count; i++) {
    const loss = await step()
    const now = performance.now()
    seconds.push((now - before) / 1000)
    before = now
    if (typeof loss === 'number') losses.push(loss)
  }
  return { seconds, losses }
}
