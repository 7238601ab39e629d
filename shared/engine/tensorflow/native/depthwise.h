// What the three depthwise convolutions share: sizes, one group of channels in a frame of zeros, the sliding sum.
#ifndef TESSERA_DEPTHWISE_H_
#define TESSERA_DEPTHWISE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "parallel.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "vector.h"

namespace tessera {

/** Channels that a piece of work takes together: two vectors, the pair of cache lines that is fetched at once. */
constexpr int64_t kGroup = 2 * kLanes;

/** Sizes of y = x * filter: x [batch, height, width, channels], filter [kernelY, kernelX, channels]. */
struct Window {
  int64_t batch, height, width, channels;
  int64_t kernelY, kernelX;
  int64_t strideY, strideX;
  int64_t padTop, padLeft;
  int64_t outHeight, outWidth;

  int64_t Groups() const { return (channels + kGroup - 1) / kGroup; }
  int64_t Taps() const { return kernelY * kernelX; }
};

/** Strides [y, x] and padding [top, left, bottom, right], as the ops' attributes have them. */
struct DepthwiseSettings {
  std::vector<int64_t> strides, pads;

  explicit DepthwiseSettings(tensorflow::OpKernelConstruction* construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("strides", &strides));
    OP_REQUIRES_OK(construction, construction->GetAttr("pads", &pads));
    OP_REQUIRES(construction,
                strides.size() == 2 && strides[0] > 0 && strides[1] > 0 && pads.size() == 4 &&
                    std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad >= 0; }),
                tensorflow::errors::InvalidArgument("strides must be 2 positive numbers, pads 4 of 0 or more"));
  }

  /** The sizes for x and filter; refuses what has no output and several outputs a channel. */
  absl::Status Sizes(const tensorflow::TensorShape& x, const tensorflow::TensorShape& filter, Window* window) const {
    const bool fits = x.dims() == 4 && filter.dims() == 4 && x.num_elements() > 0 && filter.num_elements() > 0 &&
                      filter.dim_size(2) == x.dim_size(3) && filter.dim_size(3) == 1;
    if (!fits) {
      return tensorflow::errors::InvalidArgument("filter must be [kernel, kernel, channels of x, 1], got ",
                                                 filter.DebugString(), " for x of ", x.DebugString());
    }
    *window = {x.dim_size(0),      x.dim_size(1), x.dim_size(2), x.dim_size(3), filter.dim_size(0),
               filter.dim_size(1), strides[0],    strides[1],    pads[0],       pads[1]};
    const int64_t rows = x.dim_size(1) + pads[0] + pads[2] - window->kernelY;
    const int64_t columns = x.dim_size(2) + pads[1] + pads[3] - window->kernelX;
    if (rows < 0 || columns < 0) {
      return tensorflow::errors::InvalidArgument("x with its padding must be as large as the filter, got ",
                                                 x.DebugString());
    }
    window->outHeight = rows / strides[0] + 1;
    window->outWidth = columns / strides[1] + 1;
    return absl::OkStatus();
  }
};

/** Pixels [rows, columns] of one group of channels, two vectors a pixel, whatever lies outside of the image as zeros. */
class Frame {
 public:
  void Reserve(int64_t rows, int64_t columns) {
    columns_ = columns;
    if (values_.size() < static_cast<size_t>(2 * rows * columns)) values_.resize(2 * rows * columns);
  }

  /** Copies the image's pixels from (top, left) on; both may lie outside. `lanes` of the group's channels exist. */
  void Fill(const float* image, int64_t height, int64_t width, int64_t channels, int64_t lanes, int64_t top,
            int64_t left, int64_t rows) {
    const int64_t begin = std::clamp<int64_t>(-left, 0, columns_);
    const int64_t end = std::clamp<int64_t>(width - left, begin, columns_);
    for (int64_t r = 0; r < rows; r++) {
      Floats* to = values_.data() + 2 * r * columns_;
      const int64_t y = top + r;
      if (y < 0 || y >= height) {
        std::fill_n(to, 2 * columns_, Floats{});
        continue;
      }
      std::fill_n(to, 2 * begin, Floats{});
      const float* from = image + (y * width + left + begin) * channels;
      if (lanes >= kGroup) {
        for (int64_t i = begin; i < end; i++, from += channels) {
          to[2 * i] = Load(from);
          to[2 * i + 1] = Load(from + kLanes);
        }
      } else {
        for (int64_t i = begin; i < end; i++, from += channels) {
          to[2 * i] = LoadSome(from, lanes);
          to[2 * i + 1] = lanes > kLanes ? LoadSome(from + kLanes, lanes - kLanes) : Floats{};
        }
      }
      std::fill_n(to + 2 * end, 2 * (columns_ - end), Floats{});
    }
  }

  const Floats* Row(int64_t row) const { return values_.data() + 2 * row * columns_; }

 private:
  int64_t columns_ = 0;
  std::vector<Floats> values_;
};

/** The thread's own frame; it keeps its memory from call to call. */
inline Frame& ThreadFrame() {
  static thread_local Frame frame;
  return frame;
}

/** Output rows whose frame takes at most 256 KiB, a part of the second-level cache; at least 1. */
inline int64_t StripRows(int64_t frameColumns, int64_t kernel, int64_t stride) {
  const int64_t frameRows = 262144 / (frameColumns * kGroup * static_cast<int64_t>(sizeof(float)));
  return std::max<int64_t>(1, (frameRows - kernel) / stride + 1);
}

/** The taps of one group, [taps][2] vectors; `flip` turns them by half a turn. */
inline std::vector<Floats> GroupTaps(const float* filter, int64_t taps, int64_t channels, int64_t lanes, bool flip) {
  std::vector<Floats> group(2 * taps);
  for (int64_t t = 0; t < taps; t++) {
    const float* from = filter + (flip ? taps - 1 - t : t) * channels;
    group[2 * t] = LoadSome(from, lanes);
    group[2 * t + 1] = lanes > kLanes ? LoadSome(from + kLanes, lanes - kLanes) : Floats{};
  }
  return group;
}

/** Writes y = x * filter, or with `flip` by the filter turned by half a turn. Padding may be negative here. */
void Correlate(tensorflow::OpKernelContext* context, const Window& window, const float* x, const float* filter,
               bool flip, float* y);

}  // namespace tessera

#endif  // TESSERA_DEPTHWISE_H_
