/**
 * @file Seeded randomness: the same seed gives the same numbers on every machine, whatever else runs.
 *
 * Generator: xoshiro128** 1.1, seeded by SplitMix32 from an FNV-1a hash of the seed's text (Blackman and Vigna, ACM TOMS
 * 2021, https://prng.di.unimi.it). Not for secrets: keys and nonces come from node:crypto.
 */

/** The state of a generator, small enough to keep in a checkpoint. */
export type RandomState = readonly [number, number, number, number]

/** A stream of seeded random numbers. */
export interface Random {
  /** Uniform integer in [0, 2³²). */
  uint32(): number
  /** Uniform in [0, 1), 32 bits of resolution. */
  float(): number
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number
  /** Uniform integer in [0, bound), without modulo bias. */
  integer(bound: number): number
  /** Normal with the given mean and standard deviation (Box and Muller, 1958). */
  normal(mean?: number, deviation?: number): number
  /** Gamma(shape, 1) (Marsaglia and Tsang, 2000). `shape` > 0. */
  gamma(shape: number): number
  /** A point of the simplex, Dirichlet(α, …, α) with `size` coordinates. */
  dirichlet(alpha: number, size: number): number[]
  /** The same items in a random order (Fisher and Yates); the argument is not changed. */
  shuffled<T>(items: readonly T[]): T[]
  /** An independent stream: depends on this stream's seed and the label, not on how many numbers were drawn. */
  fork(label: string): Random
  /** State to continue from later with {@link resumeRandom}. */
  state(): RandomState
}

/** Builds the stream of a seed. Different texts give unrelated streams. */
export function createRandom(seed: string | number): Random {
  const text = String(seed)
  return makeRandom(text, seedState(text))
}

/** Builds the stream of `seed` at a state that an earlier stream of the same seed returned. */
export function resumeRandom(seed: string | number, state: RandomState): Random {
  return makeRandom(String(seed), state)
}

function seedState(text: string): RandomState {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  const next = (): number => {
    hash = (hash + 0x9e3779b9) | 0
    let z = hash
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  return [next(), next(), next(), next()]
}

function makeRandom(seed: string, [s0, s1, s2, s3]: RandomState): Random {
  let [a, b, c, d] = [s0, s1, s2, s3]
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k))

  const random: Random = {
    uint32() {
      const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
      const t = b << 9
      c ^= a
      d ^= b
      b ^= c
      a ^= d
      c ^= t
      d = rotate(d, 11)
      return result
    },
    float: () => random.uint32() / 2 ** 32,
    uniform: (low, high) => low + (high - low) * random.float(),
    integer(bound) {
      const limit = 2 ** 32 - (2 ** 32 % bound)
      for (;;) {
        const value = random.uint32()
        if (value < limit) return value % bound
      }
    },
    normal(mean = 0, deviation = 1) {
      const radius = Math.sqrt(-2 * Math.log(1 - random.float()))
      return mean + deviation * radius * Math.cos(2 * Math.PI * random.float())
    },
    gamma(shape) {
      // Below 1 the density has no mode: draw at shape + 1 and scale down (Marsaglia and Tsang, section 6).
      if (shape < 1) return random.gamma(shape + 1) * (1 - random.float()) ** (1 / shape)
      const third = shape - 1 / 3
      const scale = 1 / Math.sqrt(9 * third)
      for (;;) {
        const x = random.normal()
        const v = (1 + scale * x) ** 3
        if (v > 0 && Math.log(1 - random.float()) < 0.5 * x * x + third - third * v + third * Math.log(v))
          return third * v
      }
    },
    dirichlet(alpha, size) {
      const draws = Array.from({ length: size }, () => random.gamma(alpha))
      const total = draws.reduce((sum, x) => sum + x, 0)
      return total > 0 ? draws.map((x) => x / total) : draws.map(() => 1 / size)
    },
    shuffled(items) {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = random.integer(i + 1)
        const held = out[i] as (typeof out)[number]
        out[i] = out[j] as (typeof out)[number]
        out[j] = held
      }
      return out
    },
    fork: (label) => createRandom(`${seed}/${label}`),
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  }
  return random
}
