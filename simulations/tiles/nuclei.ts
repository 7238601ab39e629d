/** @file Nuclei: an ellipse of chromatin with a rim, clumps, sometimes a nucleolus. */
import type { Random } from '@tessera/shared/random'
import { type Canvas, cover, falling, overEllipse } from './canvas.ts'

export interface Nucleus {
  /** Centre, micrometres. */
  readonly x: number
  readonly y: number
  /** Half axes, micrometres. */
  readonly long: number
  readonly wide: number
  /** Of the long axis, radians. */
  readonly angle: number
  /** Haematoxylin, 0.5 pale to 1.6 hyperchromatic. */
  readonly darkness: number
  /** 0: even chromatin. 1: a clear centre inside a dark rim, with a nucleolus. */
  readonly vesicular: number
  /** Unevenness of the outline, 0 round to 1 jagged. */
  readonly irregular: number
}

export function paintNucleus(canvas: Canvas, nucleus: Nucleus): void {
  const { darkness, vesicular, irregular } = nucleus
  overEllipse(canvas, nucleus, 1.35, (index, q, px, py) => {
    const edge = q * (1 + irregular * 1.1 * (canvas.grain(px, py) - 0.5))
    const opacity = falling(edge, 0.82, 1.12)
    if (opacity === 0) return
    const chromatin = canvas.grain(px * 2 + 40, py * 2) - 0.5
    const rim = vesicular * (q > 0.66 ? 0.1 : -0.45)
    const nucleolus = vesicular > 0.45 && q < 0.24 ? 0.75 * vesicular : 0
    cover(canvas, index, opacity, Math.max(0.15, darkness * (1 + rim + nucleolus + 0.55 * chromatin)), 0.3)
  })
}

/** A nucleus of a kind at a place. */
export function lymphocyte(random: Random, x: number, y: number): Nucleus {
  const radius = random.uniform(1.8, 2.7)
  const darkness = random.uniform(1.0, 1.4)
  return {
    x,
    y,
    long: radius * 1.1,
    wide: radius,
    angle: random.uniform(0, Math.PI),
    darkness,
    vesicular: 0,
    irregular: 0.15,
  }
}

/** Spindle of connective tissue, lying along the fibres at `angle`. */
export function fibroblast(random: Random, x: number, y: number, angle: number): Nucleus {
  return {
    x,
    y,
    long: random.uniform(4, 7.5),
    wide: random.uniform(0.8, 1.5),
    angle: angle + random.normal(0, 0.25),
    darkness: random.uniform(0.65, 1.05),
    vesicular: 0,
    irregular: 0.2,
  }
}

/** How the nuclei of an epithelium look. */
export interface NucleusKind {
  /** Mean half axes, micrometres. */
  readonly long: number
  readonly wide: number
  /** Coefficient of variation of size from cell to cell. */
  readonly pleomorphism: number
  readonly darkness: number
  readonly vesicular: number
  readonly irregular: number
}

/** Draws one nucleus of a kind. */
export function epithelial(random: Random, kind: NucleusKind, x: number, y: number, angle: number): Nucleus {
  const size = Math.max(0.55, random.normal(1, kind.pleomorphism))
  const stretch = 1 + random.normal(0, kind.pleomorphism * 0.6)
  return {
    x,
    y,
    long: kind.long * size * Math.max(0.7, stretch),
    wide: (kind.wide * size) / Math.max(0.7, stretch),
    angle,
    darkness: Math.max(0.45, kind.darkness * (1 + random.normal(0, 0.12 + kind.pleomorphism * 0.5))),
    vesicular: Math.min(1, Math.max(0, kind.vesicular + random.normal(0, 0.25))),
    irregular: kind.irregular,
  }
}

/** A dividing cell: a dark, ragged plate in a cleared cytoplasm. */
export function paintMitosis(canvas: Canvas, random: Random, x: number, y: number): void {
  const angle = random.uniform(0, Math.PI)
  overEllipse(canvas, { x, y, long: 6, wide: 5.5, angle }, 1.1, (index, q) => {
    cover(canvas, index, 0.75 * falling(q, 0.8, 1.1), 0.1, 0.28)
  })
  paintNucleus(canvas, {
    x,
    y,
    long: random.uniform(3.5, 5),
    wide: 1.5,
    angle,
    darkness: 1.7,
    vesicular: 0,
    irregular: 1,
  })
}
