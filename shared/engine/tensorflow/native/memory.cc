// Tensors from a pool that the process keeps, on large pages where the system has them.
//
// A tensor from malloc comes as fresh pages when it is large, and the first write to a fresh page costs ten times a write to one in use.
#include <sys/mman.h>

#include <cstdint>

#include "tensorflow/core/common_runtime/process_state.h"

namespace tessera {
namespace {

constexpr uintptr_t kLargePage = 2 << 20;

/** Gets each region that the pool grows by. A system without large pages goes on with small ones. */
void UseLargePages(void* region, int, size_t bytes) {
#ifdef MADV_HUGEPAGE
  const uintptr_t at = reinterpret_cast<uintptr_t>(region);
  const uintptr_t begin = (at + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t end = (at + bytes) / kLargePage * kLargePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

/**
 * Asking to see the pool's regions also turns the pool on. It must be asked before TensorFlow makes its first device, so this addon is
 * loaded before TensorFlow.js' own.
 */
[[maybe_unused]] const bool kAsked = [] {
  tensorflow::ProcessState::singleton()->AddCPUAllocVisitor(UseLargePages);
  return true;
}();

}  // namespace
}  // namespace tessera
