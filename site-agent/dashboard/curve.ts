/** @file A round's loss step by step in bounded memory: when there are too many points, every other one goes, and from then on only every other one comes. */

/** More than a plot of a phone has pixels; a second of a slow machine shows as a point. */
const MAX_POINTS = 400

export interface Curve {
  add(step: number, loss: number): void
  clear(): void
  thinned(): { readonly steps: readonly number[]; readonly losses: readonly number[] }
}

/** Starts empty. */
export function createCurve(): Curve {
  let points: { readonly step: number; readonly loss: number }[] = []
  /** Every how manieth point is kept, and how many came since the last. */
  let [every, since] = [1, 0]
  return {
    add(step, loss) {
      if (++since < every) return
      since = 0
      points.push({ step, loss })
      if (points.length <= MAX_POINTS) return
      // The newest stays.
      points = points.filter((_, i) => i % 2 === 0)
      every *= 2
    },
    clear() {
      points = []
      ;[every, since] = [1, 0]
    },
    thinned: () => ({ steps: points.map(({ step }) => step), losses: points.map(({ loss }) => loss) }),
  }
}
