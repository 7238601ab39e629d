/** @file Sheets of tumour without regular glands: fused (cribriform) masses with punched-out lumens, solid nests, cords and single cells. */
import type { Random } from '@tessera/shared/random'
import { type Canvas, cover, falling } from './canvas.ts'
import { epithelial, type NucleusKind, paintMitosis, paintNucleus } from './nuclei.ts'

export interface Sheet {
  /** Share of the field that is tumour, 0 to 1. */
  readonly coverage: number
  /** Width of nests, micrometres: small gives cords, large gives sheets. */
  readonly nest: number
  /** Number of lumens wanted in the field, and their mean radius in micrometres. */
  readonly lumens: number
  readonly lumenRadius: number
  /** What lumens hold: 0 clear, 1 necrotic debris. */
  readonly debris: number
  readonly cytoplasm: { readonly haematoxylin: number; readonly eosin: number }
  readonly nuclei: NucleusKind
  /** Distance of nuclei, micrometres. */
  readonly spacing: number
  readonly mitoses: number
}

interface Hole {
  readonly x: number
  readonly y: number
  readonly radius: number
}

export function paintSheet(canvas: Canvas, random: Random, sheet: Sheet): void {
  const depthAt = nestField(canvas, sheet)
  const holes = drawHoles(canvas, random, sheet, depthAt)
  for (let py = 0, index = 0; py < canvas.sizePx; py++) {
    for (let px = 0; px < canvas.sizePx; px++, index++) {
      const inside = depthAt(px, py)
      if (inside <= -0.03) continue
      const texture = 0.7 + 0.6 * canvas.grain(px, py)
      const opacity = 1 - falling(inside, -0.03, 0.02)
      cover(canvas, index, opacity, sheet.cytoplasm.haematoxylin * texture, sheet.cytoplasm.eosin * texture)
    }
  }
  for (const hole of holes) paintHole(canvas, hole, sheet.debris)
  placeNuclei(canvas, random, sheet, depthAt, holes)
}

/** Depth inside the tumour: positive inside, negative in the stroma; its zero line meanders over `nest` micrometres. */
function nestField(canvas: Canvas, { coverage, nest }: Sheet): (px: number, py: number) => number {
  const stretch = 34 / (nest * canvas.pxPerMicron)
  // The noise has its middle at 0.5 and spreads by about 0.17: the threshold that leaves `coverage` above it.
  const threshold = 0.5 + 0.36 * (0.5 - coverage) * (1 + 1.2 * (coverage - 0.5) ** 2)
  const extra = coverage > 0.93 ? 0.6 : 0
  return (px, py) => canvas.clouds(px * stretch + 31, py * stretch + 17) - threshold + extra
}

function drawHoles(
  canvas: Canvas,
  random: Random,
  sheet: Sheet,
  depthAt: (px: number, py: number) => number,
): Hole[] {
  const holes: Hole[] = []
  for (let attempt = 0; attempt < 12 * sheet.lumens && holes.length < sheet.lumens; attempt++) {
    const hole = {
      x: random.uniform(0, canvas.fieldMicrons),
      y: random.uniform(0, canvas.fieldMicrons),
      radius: sheet.lumenRadius * random.uniform(0.65, 1.5),
    }
    const free = holes.every(
      (h) => Math.hypot(h.x - hole.x, h.y - hole.y) > h.radius + hole.radius + sheet.spacing * 1.3,
    )
    if (free && depthAt(hole.x * canvas.pxPerMicron, hole.y * canvas.pxPerMicron) > 0.04) holes.push(hole)
  }
  return holes
}

function paintHole(canvas: Canvas, { x, y, radius }: Hole, debris: number): void {
  const scale = canvas.pxPerMicron
  const reach = radius * 1.4 * scale
  for (
    let py = Math.max(0, Math.ceil(y * scale - reach));
    py <= Math.min(canvas.sizePx - 1, y * scale + reach);
    py++
  ) {
    for (
      let px = Math.max(0, Math.ceil(x * scale - reach));
      px <= Math.min(canvas.sizePx - 1, x * scale + reach);
      px++
    ) {
      const q = Math.hypot(px / scale - x, py / scale - y) / radius
      const opacity = falling(q * (0.65 + 0.7 * canvas.clouds(px * 2, py * 2)), 0.9, 1.08)
      if (opacity === 0) continue
      const dirt = debris * Math.max(0, canvas.grain(px * 2, py * 2 + 77) - 0.3)
      cover(canvas, py * canvas.sizePx + px, opacity, 0.02 + 0.9 * dirt, 0.03 + 1.1 * dirt)
    }
  }
}

function placeNuclei(
  canvas: Canvas,
  random: Random,
  sheet: Sheet,
  depthAt: (px: number, py: number) => number,
  holes: readonly Hole[],
): void {
  const step = sheet.spacing
  for (let gy = -step; gy < canvas.fieldMicrons + step; gy += step) {
    for (let gx = -step; gx < canvas.fieldMicrons + step; gx += step) {
      const [x, y] = [gx + random.uniform(-0.42, 0.42) * step, gy + random.uniform(-0.42, 0.42) * step]
      if (depthAt(x * canvas.pxPerMicron, y * canvas.pxPerMicron) < 0.015) continue
      const near = nearest(holes, x, y)
      if (near !== null && near.distance < sheet.nuclei.wide * 0.7) continue
      // Around a lumen the cells still point at it; elsewhere polarity is lost.
      const angle =
        near !== null && near.distance < 14 ? near.angle + random.normal(0, 0.4) : random.uniform(0, Math.PI)
      if (random.float() < sheet.mitoses) paintMitosis(canvas, random, x, y)
      else paintNucleus(canvas, epithelial(random, sheet.nuclei, x, y, angle))
    }
  }
}

function nearest(holes: readonly Hole[], x: number, y: number): { distance: number; angle: number } | null {
  let best: { distance: number; angle: number } | null = null
  for (const hole of holes) {
    const distance = Math.hypot(hole.x - x, hole.y - y) - hole.radius
    if (best === null || distance < best.distance)
      best = { distance, angle: Math.atan2(y - hole.y, x - hole.x) }
  }
  return best
}
