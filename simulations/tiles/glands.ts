/** @file Glands: a closed outline with an epithelium of cytoplasm, mucus and nuclei around a lumen. */
import type { Random } from '@tessera/shared/random'
import { type Canvas, cover, falling, overEllipse } from './canvas.ts'
import { epithelial, type NucleusKind, paintMitosis, paintNucleus } from './nuclei.ts'

/** Angles at which an outline's radius is kept. */
const ANGLES = 128

/** A closed outline in polar form around its centre, micrometres. */
export interface Outline {
  readonly x: number
  readonly y: number
  readonly radius: Float32Array
  readonly largest: number
}

/** An ellipse of mean radius `radius` and aspect `stretch`, bent by random harmonics 2 to 6 of relative size `bumps`. */
export function drawOutline(
  random: Random,
  {
    x,
    y,
    radius,
    stretch,
    angle,
    bumps,
  }: { x: number; y: number; radius: number; stretch: number; angle: number; bumps: number },
): Outline {
  const waves = [2, 3, 4, 5, 6].map((k) => ({
    k,
    size: (random.normal() * bumps * 1.6) / k,
    phase: random.uniform(0, 2 * Math.PI),
  }))
  const [long, wide] = [radius * Math.sqrt(stretch), radius / Math.sqrt(stretch)]
  const radii = Float32Array.from({ length: ANGLES }, (_, i) => {
    const turn = (2 * Math.PI * i) / ANGLES
    const ellipse = (long * wide) / Math.hypot(wide * Math.cos(turn - angle), long * Math.sin(turn - angle))
    return (
      ellipse * Math.max(0.35, 1 + waves.reduce((sum, w) => sum + w.size * Math.cos(w.k * turn + w.phase), 0))
    )
  })
  return { x, y, radius: radii, largest: Math.max(...radii) }
}

/** Outline's radius in the direction `turn`, radians. */
export function radiusAt(outline: Outline, turn: number): number {
  const place = (turn / (2 * Math.PI)) * ANGLES
  const low = Math.floor(place)
  const a = outline.radius[((low % ANGLES) + ANGLES) % ANGLES] ?? 0
  const b = outline.radius[(((low + 1) % ANGLES) + ANGLES) % ANGLES] ?? 0
  return a + (b - a) * (place - low)
}

/** How the wall of a gland is built. Shares are of the outline's radius in that direction. */
export interface Epithelium {
  /** Where the lumen ends; 0 for none. */
  readonly lumen: number
  /** What the lumen holds: 0 clear, 1 necrotic debris. */
  readonly debris: number
  readonly cytoplasm: { readonly haematoxylin: number; readonly eosin: number }
  /** Share of cells filled with mucus, 0 to 1. */
  readonly goblet: number
  readonly nuclei: NucleusKind
  /** Rows of nuclei: 1 basal, 2 or 3 pseudo-stratified. */
  readonly rows: number
  /** Distance of nuclei along the wall, micrometres. */
  readonly spacing: number
  /** Scatter of a nucleus across the wall, share. */
  readonly scatter: number
  /** Share of dividing cells. */
  readonly mitoses: number
}

export function paintGland(canvas: Canvas, random: Random, outline: Outline, wall: Epithelium): void {
  paintWall(canvas, outline, wall)
  const turns = cellTurns(random, outline, wall.spacing)
  for (const { turn, width } of turns) {
    if (random.float() < wall.goblet) paintMucus(canvas, random, outline, wall, turn, width)
  }
  const depth = 1 - wall.lumen
  for (let row = 0; row < wall.rows; row++) {
    for (const { turn } of turns) {
      const bent = turn + (row % 2) * 0.5 * (wall.spacing / Math.max(8, radiusAt(outline, turn)))
      const basal = 1 - Math.min(0.12, 0.3 * depth) - (row * depth * 0.62) / wall.rows
      const share = Math.min(0.97, basal + random.normal(0, wall.scatter * depth))
      if (share < wall.lumen + 0.05 || random.float() < 0.06) continue
      const r = share * radiusAt(outline, bent)
      const [x, y] = [outline.x + r * Math.cos(bent), outline.y + r * Math.sin(bent)]
      if (random.float() < wall.mitoses) paintMitosis(canvas, random, x, y)
      else
        paintNucleus(
          canvas,
          epithelial(random, wall.nuclei, x, y, bent + random.normal(0, 0.1 + wall.nuclei.irregular * 0.5)),
        )
    }
  }
}

/** Directions of the cells: one every `spacing` along the outline, unevenly. */
function cellTurns(random: Random, outline: Outline, spacing: number): { turn: number; width: number }[] {
  const turns: { turn: number; width: number }[] = []
  const start = random.uniform(0, 2 * Math.PI)
  for (let turn = start; turn < start + 2 * Math.PI; ) {
    const r = Math.max(6, radiusAt(outline, turn) * 0.88)
    const width = (spacing * random.uniform(0.8, 1.25)) / r
    turns.push({ turn, width: width * r })
    turn += width
  }
  return turns
}

function paintWall(canvas: Canvas, outline: Outline, wall: Epithelium): void {
  const { largest: reach } = outline
  const disc = { x: outline.x, y: outline.y, long: reach, wide: reach, angle: 0 }
  const [cx, cy] = [outline.x * canvas.pxPerMicron, outline.y * canvas.pxPerMicron]
  overEllipse(canvas, disc, 1.08, (index, q, px, py) => {
    const turn = Math.atan2(py - cy, px - cx)
    const t = (q * reach) / radiusAt(outline, turn)
    if (t > 1.08) return
    if (t > 1) {
      // Basement membrane: a thin eosinophilic line.
      cover(canvas, index, 0.6 * falling(t, 1.02, 1.08), 0.14, 0.6)
      return
    }
    const uneven = canvas.clouds(px * 2, py * 2)
    const lumen = wall.lumen * (0.8 + 0.4 * uneven)
    const fill = falling(t, lumen - 0.03, lumen + 0.05)
    const { haematoxylin, eosin } = wall.cytoplasm
    const texture = 0.7 + 0.6 * canvas.grain(px, py)
    const debris = wall.debris * Math.max(0, canvas.grain(px * 2, py * 2 + 77) - 0.3)
    cover(
      canvas,
      index,
      1,
      (1 - fill) * haematoxylin * texture + fill * (0.02 + 0.9 * debris),
      (1 - fill) * eosin * texture + fill * (0.03 + 1.1 * debris),
    )
  })
}

/** The vacuole of a goblet cell: pale blue mucus between nucleus and lumen. */
function paintMucus(
  canvas: Canvas,
  random: Random,
  outline: Outline,
  wall: Epithelium,
  turn: number,
  width: number,
): void {
  const r = radiusAt(outline, turn)
  const [inner, outer] = [wall.lumen + 0.06, 0.82]
  const middle = ((inner + outer) / 2 + random.normal(0, 0.03)) * r
  const ellipse = {
    x: outline.x + middle * Math.cos(turn),
    y: outline.y + middle * Math.sin(turn),
    long: Math.max(2, ((outer - inner) / 2) * r * random.uniform(0.75, 1.05)),
    wide: Math.max(1.8, width * random.uniform(0.42, 0.62)),
    angle: turn,
  }
  const tint = random.uniform(0.03, 0.14)
  overEllipse(canvas, ellipse, 1.15, (index, q, px, py) => {
    cover(canvas, index, falling(q, 0.8, 1.12), tint * (0.6 + 0.8 * canvas.grain(px, py)), 0.03)
  })
}
