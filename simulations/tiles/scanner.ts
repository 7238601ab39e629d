/**
 * @file From a stained section to a picture: each laboratory's stains and each scanner's light, optics and electronics.
 *
 * Light through a pixel, per channel: I = w · 10^−(c_H·H + c_E·E) (Beer and Lambert), w the lamp's white, c the concentration of a stain and H, E its
 * optical-density vector over red, green, blue. Source of the vectors: Ruifrok and Johnston, Anal. Quant. Cytol. Histol. 23(4), 2001.
 */
import type { Random } from '@tessera/shared/random'
import { type Canvas, OVERSAMPLING } from './canvas.ts'

export type Rgb = readonly [number, number, number]

/** Ruifrok and Johnston's vectors, unit length. */
const HAEMATOXYLIN: Rgb = [0.65, 0.704, 0.286]
const EOSIN: Rgb = [0.072, 0.99, 0.105]

export interface Scanner {
  /** Optical density over red, green, blue at concentration 1. */
  readonly haematoxylin: Rgb
  readonly eosin: Rgb
  /** Brightness of empty glass, 0 to 1. */
  readonly white: Rgb
  readonly gamma: number
  /** Standard deviation of the point spread, tile pixels. */
  readonly blurPx: number
  /** Standard deviation of the sensor's noise; full scale is 1. */
  readonly noise: number
  /** Of the stored picture, 1 to 100. */
  readonly jpegQuality: number
}

interface Look {
  /** Turn of a stain's vector: positive towards blue for haematoxylin, towards orange for eosin. */
  readonly haematoxylinTurn: number
  readonly eosinTurn: number
  readonly haematoxylin: number
  readonly eosin: number
  readonly white: Rgb
  readonly gamma: number
  readonly blurPx: number
  readonly noise: number
  readonly jpegQuality: number
}

/** Three laboratories far apart: violet and sharp, pink and warm, blue and soft. */
const LOOKS: readonly Look[] = [
  {
    haematoxylinTurn: 0,
    eosinTurn: -0.04,
    haematoxylin: 0.66,
    eosin: 0.42,
    white: [0.97, 0.95, 0.97],
    gamma: 1,
    blurPx: 0.35,
    noise: 0.012,
    jpegQuality: 90,
  },
  {
    haematoxylinTurn: -0.2,
    eosinTurn: 0.16,
    haematoxylin: 0.5,
    eosin: 0.62,
    white: [0.99, 0.94, 0.9],
    gamma: 0.9,
    blurPx: 0.6,
    noise: 0.02,
    jpegQuality: 75,
  },
  {
    haematoxylinTurn: 0.14,
    eosinTurn: -0.12,
    haematoxylin: 0.8,
    eosin: 0.3,
    white: [0.9, 0.93, 0.95],
    gamma: 1.15,
    blurPx: 0.85,
    noise: 0.03,
    jpegQuality: 60,
  },
]

/** Scanner number `index` of a run: the first three are far apart, later ones are drawn. */
export function siteScanner(index: number, random: Random): Scanner {
  const look = LOOKS[index]
  return look === undefined ? drawScanner(random) : scannerOf(look)
}

/** Any laboratory: between and somewhat beyond {@link siteScanner}'s three. What a large public collection holds. */
export function drawScanner(random: Random): Scanner {
  const warm = random.uniform(-1, 1)
  return scannerOf({
    haematoxylinTurn: random.uniform(-0.24, 0.18),
    eosinTurn: random.uniform(-0.16, 0.2),
    haematoxylin: random.uniform(0.45, 0.85),
    eosin: random.uniform(0.27, 0.66),
    white: [
      random.uniform(0.9, 0.96) + 0.035 * warm,
      random.uniform(0.91, 0.97),
      random.uniform(0.89, 0.95) - 0.045 * warm,
    ],
    gamma: random.uniform(0.85, 1.18),
    blurPx: random.uniform(0.3, 0.9),
    noise: random.uniform(0.01, 0.03),
    jpegQuality: 60 + random.integer(35),
  })
}

/** One slide on a scanner: the day's staining differs a little from the usual. */
export function varySlide(scanner: Scanner, random: Random): Scanner {
  const strength = (vector: Rgb): Rgb => scaled(vector, Math.exp(random.normal(0, 0.1)))
  return {
    ...scanner,
    haematoxylin: strength(turned(scanner.haematoxylin, random.normal(0, 0.04))),
    eosin: strength(turned(scanner.eosin, random.normal(0, 0.04))),
    blurPx: Math.max(0.2, scanner.blurPx * random.uniform(0.8, 1.3)),
  }
}

/** Takes the picture: `tilePx` × `tilePx` × RGB, 8 bit. Noise is drawn from `random`. */
export function scan(canvas: Canvas, scanner: Scanner, random: Random): Uint8Array {
  const side = canvas.sizePx / OVERSAMPLING
  const light = transmit(canvas, scanner, side)
  blur(light, side, scanner.blurPx)
  const out = new Uint8Array(side * side * 3)
  for (let i = 0; i < out.length; i++) {
    // Three uniform draws make noise normal enough, at a third of the cost.
    const jitter = (random.float() + random.float() + random.float() - 1.5) * 2 * scanner.noise
    const value = Math.max(0, light[i] ?? 0) ** scanner.gamma + jitter
    out[i] = Math.round(255 * Math.min(1, Math.max(0, value)))
  }
  return out
}

/** Beer and Lambert at the canvas's resolution, then the mean of each tile pixel's square: light adds, density does not. */
function transmit(canvas: Canvas, { haematoxylin, eosin, white }: Scanner, side: number): Float32Array {
  const light = new Float32Array(side * side * 3)
  const share = 1 / OVERSAMPLING ** 2
  for (let y = 0, index = 0; y < canvas.sizePx; y++) {
    for (let x = 0; x < canvas.sizePx; x++, index++) {
      const h = -Math.LN10 * (canvas.haematoxylin[index] ?? 0)
      const e = -Math.LN10 * (canvas.eosin[index] ?? 0)
      const to = (Math.floor(y / OVERSAMPLING) * side + Math.floor(x / OVERSAMPLING)) * 3
      light[to] = (light[to] ?? 0) + share * white[0] * Math.exp(h * haematoxylin[0] + e * eosin[0])
      light[to + 1] = (light[to + 1] ?? 0) + share * white[1] * Math.exp(h * haematoxylin[1] + e * eosin[1])
      light[to + 2] = (light[to + 2] ?? 0) + share * white[2] * Math.exp(h * haematoxylin[2] + e * eosin[2])
    }
  }
  return light
}

/** Gaussian blur in place, one direction after the other; edges repeat. */
function blur(light: Float32Array, side: number, sigmaPx: number): void {
  const reach = Math.ceil(2.5 * sigmaPx)
  const raw = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigmaPx ** 2)),
  )
  const total = raw.reduce((sum, x) => sum + x, 0)
  const kernel = Float32Array.from(raw, (x) => x / total)
  const line = new Float32Array(side)
  for (const [step, stride] of [
    [3, side * 3],
    [side * 3, 3],
  ] as const) {
    for (let start = 0; start < side; start++) {
      for (let channel = 0; channel < 3; channel++) {
        const base = start * stride + channel
        for (let i = 0; i < side; i++) {
          let value = 0
          for (let k = -reach; k <= reach; k++) {
            const at = Math.min(side - 1, Math.max(0, i + k))
            value += (kernel[k + reach] ?? 0) * (light[base + at * step] ?? 0)
          }
          line[i] = value
        }
        for (let i = 0; i < side; i++) light[base + i * step] = line[i] ?? 0
      }
    }
  }
}

function scannerOf(look: Look): Scanner {
  return {
    haematoxylin: scaled(turned(HAEMATOXYLIN, -look.haematoxylinTurn), look.haematoxylin),
    eosin: scaled(turned(EOSIN, look.eosinTurn), look.eosin),
    white: look.white,
    gamma: look.gamma,
    blurPx: look.blurPx,
    noise: look.noise,
    jpegQuality: look.jpegQuality,
  }
}

/** Moves density from red to blue (positive `angle`), keeping the length: away from blue light, so warmer. */
function turned([r, g, b]: Rgb, angle: number): Rgb {
  const moved: Rgb = [Math.max(0.01, r - 0.6 * angle), g, Math.max(0.01, b + 0.6 * angle)]
  const ratio = Math.hypot(r, g, b) / Math.hypot(...moved)
  return scaled(moved, ratio)
}

const scaled = ([r, g, b]: Rgb, factor: number): Rgb => [r * factor, g * factor, b * factor]
