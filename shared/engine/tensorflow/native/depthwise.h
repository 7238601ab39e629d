// What the two gradients of the depthwise convolution share: sizes, an image's rows in a frame of zeros.
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

/**
 * The last rows of an image with zeros around it, as [row][group][column][2 vectors]: pixel (r, c) of the frame is (r - top, c - left) of the
 * image. The image is read from its first byte to its last, whatever order the sums then go in, and a sliding window stays in the second-level
 * cache.
 */
class RowRing {
 public:
  /** Rows from `first` on are wanted, `rows` of them at a time. */
  void Start(const float* image, int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left,
             int64_t columns, int64_t rows, int64_t first) {
    image_ = image;
    height_ = height;
    width_ = width;
    channels_ = channels;
    top_ = top;
    left_ = left;
    columns_ = columns;
    rows_ = rows;
    next_ = first;
    groups_ = (channels + kGroup - 1) / kGroup;
    const size_t wanted = 2 * rows * columns * groups_;
    if (values_.size() < wanted) values_.resize(wanted);
  }

  /** Makes the rows before `end` available, and forgets those that are `rows` or more before it. */
  void FillTo(int64_t end) {
    for (; next_ < end; next_++) FillRow(values_.data() + next_ % rows_ * groups_ * columns_ * 2, next_ - top_);
  }

  const Floats* Row(int64_t row, int64_t group) const {
    return values_.data() + (row % rows_ * groups_ + group) * columns_ * 2;
  }

 private:
  void FillRow(Floats* to, int64_t y) {
    const bool inside = y >= 0 && y < height_;
    const int64_t begin = inside ? std::clamp<int64_t>(left_, 0, columns_) : columns_;
    const int64_t end = inside ? std::clamp<int64_t>(left_ + width_, begin, columns_) : columns_;
    for (int64_t g = 0; g < groups_; g++) {
      std::fill_n(to + 2 * g * columns_, 2 * begin, Floats{});
      std::fill_n(to + 2 * (g * columns_ + end), 2 * (columns_ - end), Floats{});
    }
    if (!inside) return;
    const float* from = image_ + (y * width_ + begin - left_) * channels_;
    const int64_t whole = channels_ / kGroup;
    const int64_t lanes = channels_ % kGroup;
    for (int64_t c = begin; c < end; c++, from += channels_) {
      for (int64_t g = 0; g < whole; g++) {
        Floats* pixel = to + 2 * (g * columns_ + c);
        pixel[0] = Load(from + g * kGroup);
        pixel[1] = Load(from + g * kGroup + kLanes);
      }
      if (lanes == 0) continue;
      Floats* pixel = to + 2 * (whole * columns_ + c);
      pixel[0] = LoadSome(from + whole * kGroup, lanes);
      pixel[1] = lanes > kLanes ? LoadSome(from + whole * kGroup + kLanes, lanes - kLanes) : Floats{};
    }
  }

  const float* image_;
  int64_t height_, width_, channels_, top_, left_, columns_, rows_, next_, groups_;
  std::vector<Floats> values_;
};

/** The thread's own ring; it keeps its memory from call to call. */
inline RowRing& ThreadRing() {
  static thread_local RowRing ring;
  return ring;
}

/** Rows of an image to a piece of work, so that there are at least 32 pieces where there are as many rows. */
inline int64_t StripRows(int64_t batch, int64_t height) {
  const int64_t strips = std::min(height, (31 + batch) / batch);
  return (height + strips - 1) / strips;
}

/** The taps as [group][tap][2] vectors. */
inline std::vector<Floats> GroupTaps(const float* filter, int64_t taps, int64_t channels) {
  const int64_t groups = (channels + kGroup - 1) / kGroup;
  std::vector<Floats> grouped(2 * taps * groups);
  for (int64_t t = 0; t < taps; t++) {
    const float* from = filter + t * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      grouped[2 * (c / kGroup * taps + t) + c / kLanes % 2] = LoadSome(from + c, channels - c);
    }
  }
  return grouped;
}

}  // namespace tessera

#endif  // TESSERA_DEPTHWISE_H_
