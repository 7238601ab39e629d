/** @file Connective tissue between glands: collagen fibres, spindle cells, inflammation, vessels, clefts. */
import type { Random } from '@tessera/shared/random'
import { type Canvas, cover, falling, fillEllipse, overEllipse } from './canvas.ts'
import { fibroblast, lymphocyte, paintNucleus } from './nuclei.ts'

export interface Stroma {
  /** Direction of the fibres, radians. */
  readonly angle: number
  /** 0: loose lamina propria. 1: dense, wavy, desmoplastic collagen. */
  readonly density: number
  /** Spindle cells per 1000 µm². */
  readonly fibroblasts: number
  /** Lymphocytes and plasma cells per 1000 µm². */
  readonly inflammation: number
  /** Chance of a vessel with red cells. */
  readonly vessels: number
}

/** Fills the whole canvas. */
export function paintStroma(canvas: Canvas, random: Random, stroma: Stroma): void {
  paintFibres(canvas, stroma)
  const area = canvas.fieldMicrons ** 2 / 1000
  if (random.float() < stroma.vessels) paintVessel(canvas, random)
  const place = (): number => random.uniform(-3, canvas.fieldMicrons + 3)
  for (let n = stroma.fibroblasts * area; n > random.float(); n--) {
    paintNucleus(canvas, fibroblast(random, place(), place(), stroma.angle))
  }
  // Inflammation comes in patches: each draw is kept where the clouds are thick.
  for (let n = 2 * stroma.inflammation * area; n > random.float(); n--) {
    const [x, y] = [place(), place()]
    const thick = canvas.clouds(x * canvas.pxPerMicron + 90, y * canvas.pxPerMicron + 50)
    if (random.float() < 0.15 + 1.2 * (thick - 0.25)) paintNucleus(canvas, lymphocyte(random, x, y))
  }
}

function paintFibres(canvas: Canvas, { angle, density }: Stroma): void {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  for (let y = 0, index = 0; y < canvas.sizePx; y++) {
    for (let x = 0; x < canvas.sizePx; x++, index++) {
      // Fibres: noise squeezed across their direction and bent by slower noise.
      const bend = 26 * canvas.clouds(x, y)
      const along = (x * cos + y * sin) * 0.28
      const across = (y * cos - x * sin) * (0.9 + 0.7 * density) + bend
      const fibre = canvas.grain(along, across)
      const patch = canvas.clouds(x + 128, y + 64)
      const gap = falling(fibre + 0.45 * (patch - 0.5) + 0.28 * density, 0.36, 0.56)
      canvas.eosin[index] = (0.3 + 0.28 * density) * (0.4 + 1.2 * fibre) * (1 - 0.88 * gap)
      canvas.haematoxylin[index] = (0.1 + 0.05 * patch) * (1 - 0.8 * gap)
    }
  }
}

/** A capillary: endothelium around packed red cells, which take much eosin and no haematoxylin. */
function paintVessel(canvas: Canvas, random: Random): void {
  const vessel = {
    x: random.uniform(0, canvas.fieldMicrons),
    y: random.uniform(0, canvas.fieldMicrons),
    long: random.uniform(7, 16),
    wide: random.uniform(4, 8),
    angle: random.uniform(0, Math.PI),
  }
  fillEllipse(canvas, vessel, { haematoxylin: 0.02, eosin: 0.05 }, 0.95, 0.15)
  for (let k = 0; k < 9; k++) {
    const turn = random.uniform(0, 2 * Math.PI)
    const out = Math.sqrt(random.float()) * 0.75
    const x =
      vessel.x +
      out *
        (vessel.long * Math.cos(turn) * Math.cos(vessel.angle) -
          vessel.wide * Math.sin(turn) * Math.sin(vessel.angle))
    const y =
      vessel.y +
      out *
        (vessel.long * Math.cos(turn) * Math.sin(vessel.angle) +
          vessel.wide * Math.sin(turn) * Math.cos(vessel.angle))
    fillEllipse(
      canvas,
      { x, y, long: 3, wide: 2.7, angle: 0 },
      { haematoxylin: 0, eosin: random.uniform(0.95, 1.25) },
      0.9,
    )
  }
  overEllipse(canvas, vessel, 1.15, (index, q) => {
    cover(canvas, index, 0.8 * falling(Math.abs(q - 1.05), 0.03, 0.12), 0.45, 0.55)
  })
}

/** A tear or retraction cleft: bare glass. */
export function paintCleft(canvas: Canvas, random: Random): void {
  const cleft = {
    x: random.uniform(0, canvas.fieldMicrons),
    y: random.uniform(0, canvas.fieldMicrons),
    long: random.uniform(15, 45),
    wide: random.uniform(3, 10),
    angle: random.uniform(0, Math.PI),
  }
  overEllipse(canvas, cleft, 1.6, (index, q, px, py) => {
    cover(canvas, index, falling(q * (0.25 + 1.6 * canvas.clouds(px * 1.5, py * 1.5)), 0.88, 1), 0.01, 0.02)
  })
}
