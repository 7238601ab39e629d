// Measures what this processor can reach, on all its threads: multiply-adds in registers, and memory traffic of y = a x.
// usage: probe [THREADS]   prints one line of JSON: {"threads":2,"vectorBytes":64,"flops":1.2e11,"bytesPerSecond":2.1e10}
//
// A multiply-add counts as two operations; a float read and a float written as eight bytes (what the cache fetches for a
// write is traffic too, but no program sees it).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kVectorBytes)));

using Clock = std::chrono::steady_clock;
constexpr double kSeconds = 0.6;
// Enough independent sums that the multiply-add's latency is hidden: 4 to 5 cycles, 2 units.
constexpr int kSums = 12;
// Per thread: twice 32 MiB do not fit a second-level cache, nor all threads' together a third.
constexpr size_t kFloats = size_t{8} << 20;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Runs `work`, which returns how much it did, on all threads again and again until the time is over. Returns the sum of the
// threads' rates, each at its best piece: whatever else runs on this machine can only take away.
double BestRate(int threads, const std::function<double(int)>& work) {
  std::vector<double> best(threads, 0.0);
  std::vector<std::thread> running;
  const auto start = Clock::now();
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      do {
        const auto piece = Clock::now();
        const double done = work(t);
        const double rate = done / SecondsSince(piece);
        if (rate > best[t]) best[t] = rate;
      } while (SecondsSince(start) < kSeconds);
    });
  }
  for (auto& thread : running) thread.join();
  double sum = 0;
  for (double rate : best) sum += rate;
  return sum;
}

double MultiplyAdd(volatile float* sink) {
  constexpr int kTurns = 1 << 16;
  // Values the compiler cannot know, and that neither grow nor become denormal.
  const float half = *sink * 0 + 0.5f;
  Vector sums[kSums];
  for (auto& sum : sums) sum = Vector{} + half;
  const Vector factor = Vector{} + half;
  const Vector term = Vector{} + half * 2;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (auto& sum : sums) sum = sum * factor + term;
  }
  Vector total = {};
  for (const auto& sum : sums) total += sum;
  *sink = total[0] * 0;
  return 2.0 * kTurns * kSums * (kVectorBytes / sizeof(float));
}

int main(int argc, char** argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  if (threads < 1) threads = 1;
  std::vector<float> sinks(static_cast<size_t>(threads) * 64, 0.0f);
  const double flops = BestRate(threads, [&](int t) { return MultiplyAdd(&sinks[static_cast<size_t>(t) * 64]); });

  std::vector<std::unique_ptr<float[]>> from(threads), to(threads);
  for (int t = 0; t < threads; ++t) {
    from[t].reset(new float[kFloats]());
    to[t].reset(new float[kFloats]());
  }
  const double bytes = BestRate(threads, [&](int t) {
    const float* x = from[t].get();
    float* y = to[t].get();
    for (size_t i = 0; i < kFloats; ++i) y[i] = x[i] * 0.5f;
    return 2.0 * kFloats * sizeof(float);
  });
  std::printf("{\"threads\":%d,\"vectorBytes\":%d,\"flops\":%.4g,\"bytesPerSecond\":%.4g}\n", threads, kVectorBytes, flops,
              bytes);
  return 0;
}
