// A tensor [rows, C] seen as rows of whole vectors, whatever C is.
#ifndef TESSERA_PERIODS_H_
#define TESSERA_PERIODS_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "vector.h"

namespace tessera {

/**
 * `repeats` rows together are `floats` values, a multiple of 16: one period. What belongs to a channel is repeated as often, and
 * the tensor is read from its first value to its last. The tail is what is left when the rows do not make whole periods.
 */
struct Periods {
  int64_t channels;
  int64_t repeats;
  int64_t floats;
  int64_t count;
  /** Floats after the last whole period, less than one. */
  int64_t tail;
  /** Periods to a block: at least 64 KiB and 16 periods, so that merging blocks costs little. Depends on the shape alone. */
  int64_t blockPeriods;
  int64_t blocks;

  Periods(int64_t rows, int64_t channels)
      : channels(channels),
        repeats(kLanes / std::gcd(channels, kLanes)),
        floats(channels * repeats),
        count(rows / repeats),
        tail((rows % repeats) * channels),
        blockPeriods(std::max<int64_t>(16, (16384 / floats + 3) / 4 * 4)),
        blocks((count + blockPeriods - 1) / blockPeriods) {}

  int64_t Begin(int64_t block) const { return block * blockPeriods; }
  int64_t End(int64_t block) const { return std::min(count, (block + 1) * blockPeriods); }

  /** values [C] repeated to one period. */
  std::vector<float> Repeat(const float* values) const {
    std::vector<float> repeated(floats);
    for (int64_t i = 0; i < floats; i++) repeated[i] = values[i % channels];
    return repeated;
  }
};

}  // namespace tessera

#endif  // TESSERA_PERIODS_H_
