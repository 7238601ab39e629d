// Work on all threads of the device, in pieces that do not depend on how many there are.
#ifndef TESSERA_PARALLEL_H_
#define TESSERA_PARALLEL_H_

#include <cstdint>
#include <utility>

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/util/work_sharder.h"

namespace tessera {

/** Calls work(i) for each i below `count`; `cycles` is what one call may take. Each i must write to a place of its own. */
template <typename Work>
void ForEach(tensorflow::OpKernelContext* context, int64_t count, int64_t cycles, Work work) {
  if (count <= 0) return;
  const auto& threads = *context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(threads.num_threads, threads.workers, count, cycles, [&work](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) work(i);
  });
}

/** Floats of a piece of work that goes element by element: 64 KiB, a part of the second-level cache. */
constexpr int64_t kPieceFloats = 16384;

/** Calls work(from, to) for pieces of `count` elements; every bound but the last is a multiple of 16. */
template <typename Work>
void ForPieces(tensorflow::OpKernelContext* context, int64_t count, int64_t cyclesPerElement, Work work) {
  const int64_t pieces = (count + kPieceFloats - 1) / kPieceFloats;
  ForEach(context, pieces, kPieceFloats * cyclesPerElement, [&](int64_t i) {
    work(i * kPieceFloats, std::min(count, (i + 1) * kPieceFloats));
  });
}

}  // namespace tessera

#endif  // TESSERA_PARALLEL_H_
