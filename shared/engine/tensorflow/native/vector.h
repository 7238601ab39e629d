// Sixteen float32 at a time, with the compiler's portable vectors: one AVX-512 register, two of AVX2, four of NEON.
#ifndef TESSERA_VECTOR_H_
#define TESSERA_VECTOR_H_

#include <cstdint>
#include <cstring>

#define TESSERA_INLINE inline __attribute__((always_inline))

namespace tessera {

constexpr int64_t kLanes = 16;
typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));

TESSERA_INLINE Floats Splat(float value) { return Floats{} + value; }

TESSERA_INLINE Floats Load(const float* from) {
  Floats value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

TESSERA_INLINE void Store(float* to, Floats value) { std::memcpy(to, &value, sizeof(value)); }

/** The first `count` lanes, zeros behind them. */
TESSERA_INLINE Floats LoadSome(const float* from, int64_t count) {
  if (count >= kLanes) return Load(from);
  Floats value{};
  std::memcpy(&value, from, count * sizeof(float));
  return value;
}

TESSERA_INLINE void StoreSome(float* to, Floats value, int64_t count) {
  if (count >= kLanes) {
    Store(to, value);
  } else {
    std::memcpy(to, &value, count * sizeof(float));
  }
}

/**
 * e^x, relative error below 2e-7 on [-87.3, 88], x clamped to that range (NaN stays NaN).
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf (S. Moshier, https://www.netlib.org/cephes/).
 */
TESSERA_INLINE Floats Exp(Floats x) {
  const Floats low = Splat(-87.3f);
  const Floats high = Splat(88.0f);
  x = x < low ? low : x;
  x = x > high ? high : x;
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  const Floats magic = Splat(12582912.0f);
  const Floats shifted = x * 1.44269504f + magic;
  const Floats n = shifted - magic;
  // ln 2 in two parts: the first has few bits, so that n times it is exact.
  Floats r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits << 23) + 0x3f800000;
  Floats power;
  std::memcpy(&power, &bits, sizeof(power));
  return p * power;
}

/** 1 / (1 + e^-x). */
TESSERA_INLINE Floats Sigmoid(Floats x) { return 1.0f / (1.0f + Exp(-x)); }

/** x σ(x). */
TESSERA_INLINE Floats Swish(Floats x) { return x / (1.0f + Exp(-x)); }

/** The derivative of x σ(x): σ (1 + x (1 - σ)). */
TESSERA_INLINE Floats SwishSlope(Floats x) {
  const Floats s = Sigmoid(x);
  return s * (1.0f + x * (1.0f - s));
}

}  // namespace tessera

#endif  // TESSERA_VECTOR_H_
