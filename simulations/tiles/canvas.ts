/**
 * @file What a section holds before light falls through it: how much haematoxylin and eosin there is at each pixel.
 *
 * Shapes are given in micrometres and painted in order, later over earlier. The canvas has twice the tile's resolution; the scanner averages
 * 2 × 2, which smooths every edge.
 */
import { clouds, grain, type Noise, shifted } from './noise.ts'

/** Canvas pixels per tile pixel, along each side. */
export const OVERSAMPLING = 2

/** Optical density of the two stains, at 1 for the strongest usual staining. */
export interface Dye {
  readonly haematoxylin: number
  readonly eosin: number
}

export interface Canvas {
  readonly sizePx: number
  readonly pxPerMicron: number
  /** Side of the field in micrometres. */
  readonly fieldMicrons: number
  readonly haematoxylin: Float32Array
  readonly eosin: Float32Array
  /** The tile's own view of the two noises. */
  readonly clouds: Noise
  readonly grain: Noise
}

/** A blank canvas for a tile of `tilePx`, showing `fieldMicrons`. `offset`: where in the noise this tile lies. */
export function createCanvas(
  tilePx: number,
  fieldMicrons: number,
  offset: readonly [number, number],
): Canvas {
  const sizePx = tilePx * OVERSAMPLING
  return {
    sizePx,
    fieldMicrons,
    pxPerMicron: sizePx / fieldMicrons,
    haematoxylin: new Float32Array(sizePx * sizePx),
    eosin: new Float32Array(sizePx * sizePx),
    clouds: shifted(clouds, offset[0], offset[1]),
    grain: shifted(grain, offset[1], offset[0]),
  }
}

/** Covers one pixel: `opacity` 1 replaces what was there. */
export function cover(
  canvas: Canvas,
  index: number,
  opacity: number,
  haematoxylin: number,
  eosin: number,
): void {
  const oldH = canvas.haematoxylin[index] ?? 0
  const oldE = canvas.eosin[index] ?? 0
  canvas.haematoxylin[index] = oldH + opacity * (haematoxylin - oldH)
  canvas.eosin[index] = oldE + opacity * (eosin - oldE)
}

/** An ellipse in micrometres; `angle` turns its long axis from x, in radians. */
export interface Ellipse {
  readonly x: number
  readonly y: number
  readonly long: number
  readonly wide: number
  readonly angle: number
}

/**
 * Calls `shade` for each pixel in reach of the ellipse with its normalised radius q (1 on the outline).
 * @param reach Largest q visited.
 */
export function overEllipse(
  canvas: Canvas,
  { x, y, long, wide, angle }: Ellipse,
  reach: number,
  shade: (index: number, q: number, px: number, py: number) => void,
): void {
  const scale = canvas.pxPerMicron
  const [cx, cy, a, b] = [x * scale, y * scale, long * scale, wide * scale]
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const halfX = reach * Math.hypot(a * cos, b * sin)
  const halfY = reach * Math.hypot(a * sin, b * cos)
  const [left, right] = [
    Math.max(0, Math.ceil(cx - halfX)),
    Math.min(canvas.sizePx - 1, Math.floor(cx + halfX)),
  ]
  const [top, bottom] = [
    Math.max(0, Math.ceil(cy - halfY)),
    Math.min(canvas.sizePx - 1, Math.floor(cy + halfY)),
  ]
  for (let py = top; py <= bottom; py++) {
    for (let px = left; px <= right; px++) {
      const u = ((px - cx) * cos + (py - cy) * sin) / a
      const v = ((py - cy) * cos - (px - cx) * sin) / b
      const q = Math.sqrt(u * u + v * v)
      if (q <= reach) shade(py * canvas.sizePx + px, q, px, py)
    }
  }
}

/** Fills an ellipse with one dye; `soft` is the width of its edge as a share of its radius. */
export function fillEllipse(canvas: Canvas, ellipse: Ellipse, dye: Dye, opacity = 1, soft = 0.25): void {
  overEllipse(canvas, ellipse, 1 + soft / 2, (index, q) => {
    cover(canvas, index, opacity * falling(q, 1 - soft / 2, 1 + soft / 2), dye.haematoxylin, dye.eosin)
  })
}

/** 1 below `from`, 0 above `to`, linear between. */
export function falling(value: number, from: number, to: number): number {
  if (value <= from) return 1
  if (value >= to) return 0
  return (to - value) / (to - from)
}
