// The two gradients of the depthwise convolution.
#include "depthwise.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/** The filter turned by half a turn, over dy with the rest of the padding: the input gradient at stride 1. */
Window Mirror(const Window& w) {
  return {w.batch,   w.outHeight, w.outWidth, w.channels, w.kernelY, w.kernelX, 1, 1, w.kernelY - 1 - w.padTop,
          w.kernelX - 1 - w.padLeft, w.height, w.width};
}

/** `kCount` pixels of dx that lie two apart: those whose taps are kParityX, kParityX + 2, …, and kParityY, … */
template <int kKernel, int kParityY, int kParityX, int kCount>
TESSERA_INLINE void Spread(const Floats* const* rows, int64_t at, const Floats* taps, float* dx, int64_t channels,
                           int64_t lanes) {
  Floats sums[kCount] = {};
#pragma GCC unroll 4
  for (int ky = kParityY; ky < kKernel; ky += 2) {
    const Floats* row = rows[ky / 2] + 2 * at;
#pragma GCC unroll 4
    for (int kx = kParityX; kx < kKernel; kx += 2) {
      const Floats tap = taps[2 * (ky * kKernel + kx)];
#pragma GCC unroll 8
      for (int n = 0; n < kCount; n++) sums[n] += row[2 * (n - kx / 2)] * tap;
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kCount; n++) StoreSome(dx + 2 * n * channels, sums[n], lanes);
}

/** Every second pixel of a row of dx, `count` of them. */
template <int kKernel, int kParityY, int kParityX>
void SpreadRow(const Floats* const* rows, int64_t at, const Floats* taps, float* dx, int64_t count, int64_t channels,
               int64_t lanes) {
  int64_t n = 0;
  for (; n + 4 <= count; n += 4) {
    Spread<kKernel, kParityY, kParityX, 4>(rows, at + n, taps, dx + 2 * n * channels, channels, lanes);
  }
  for (; n < count; n++) {
    Spread<kKernel, kParityY, kParityX, 1>(rows, at + n, taps, dx + 2 * n * channels, channels, lanes);
  }
}

/**
 * The input gradient at stride 2, by pixel of dx: with t = iy + padTop the taps that reach it are those of t's parity, and tap
 * ky of them meets row (t - ky) / 2 of dy; columns alike.
 */
template <int kKernel>
void InputGradientStride2(OpKernelContext* context, const Window& w, const float* dy, const float* filter, float* dx) {
  constexpr int64_t kReach = (kKernel - 1) / 2;
  const int64_t left = w.padLeft / 2 - kReach;
  const int64_t frameColumns = (w.width - 1 + w.padLeft) / 2 - left + 1;
  const int64_t stripRows = 2 * StripRows(frameColumns, kReach + 1, 1);
  const int64_t strips = (w.height + stripRows - 1) / stripRows;
  const int64_t cycles = w.width * std::min(stripRows, w.height) * w.Taps();
  ForEach(context, w.batch * strips * w.Groups(), cycles, [&](int64_t i) {
    const int64_t channel = i % w.Groups() * kGroup;
    const int64_t strip = i / w.Groups() % strips;
    const int64_t b = i / w.Groups() / strips;
    const int64_t lanes = std::min(kGroup, w.channels - channel);
    const int64_t first = strip * stripRows;
    const int64_t last = std::min(w.height, first + stripRows);
    const int64_t top = (first + w.padTop) / 2 - kReach;
    const int64_t frameRows = (last - 1 + w.padTop) / 2 - top + 1;
    Frame& frame = ThreadFrame();
    frame.Reserve(frameRows, frameColumns);
    frame.Fill(dy + b * w.outHeight * w.outWidth * w.channels + channel, w.outHeight, w.outWidth, w.channels, lanes,
               top, left, frameRows);
    const std::vector<Floats> taps = GroupTaps(filter + channel, w.Taps(), w.channels, lanes, false);
    for (int64_t iy = first; iy < last; iy++) {
      const int64_t t = iy + w.padTop;
      float* row = dx + (b * w.height + iy) * w.width * w.channels + channel;
      for (int64_t v = 0; v * kLanes < lanes; v++) {
        const Floats* rows[kReach + 1];
        for (int64_t j = 0; j <= kReach; j++) rows[j] = frame.Row(t / 2 - j - top) + v;
        for (int64_t ix = 0; ix < std::min<int64_t>(2, w.width); ix++) {
          const int64_t s = ix + w.padLeft;
          const auto work = t % 2 == 0 ? (s % 2 == 0 ? SpreadRow<kKernel, 0, 0> : SpreadRow<kKernel, 0, 1>)
                                       : (s % 2 == 0 ? SpreadRow<kKernel, 1, 0> : SpreadRow<kKernel, 1, 1>);
          work(rows, s / 2 - left, taps.data() + v, row + ix * w.channels + v * kLanes, (w.width - ix + 1) / 2,
               w.channels, lanes - v * kLanes);
        }
      }
    }
  });
}

/** The input gradient for any filter and stride, by pixel of dx. */
void AnyInputGradient(OpKernelContext* context, const Window& w, const float* dy, const float* filter, float* dx) {
  ForEach(context, w.batch * w.height, w.width * w.channels * w.Taps(), [&](int64_t i) {
    const int64_t b = i / w.height;
    const int64_t iy = i % w.height;
    for (int64_t ix = 0; ix < w.width; ix++) {
      float* to = dx + (i * w.width + ix) * w.channels;
      std::fill_n(to, w.channels, 0.0f);
      for (int64_t ky = 0; ky < w.kernelY; ky++) {
        const int64_t t = iy + w.padTop - ky;
        if (t < 0 || t % w.strideY != 0 || t / w.strideY >= w.outHeight) continue;
        for (int64_t kx = 0; kx < w.kernelX; kx++) {
          const int64_t s = ix + w.padLeft - kx;
          if (s < 0 || s % w.strideX != 0 || s / w.strideX >= w.outWidth) continue;
          const float* from = dy + ((b * w.outHeight + t / w.strideY) * w.outWidth + s / w.strideX) * w.channels;
          const float* tap = filter + (ky * w.kernelX + kx) * w.channels;
          for (int64_t c = 0; c < w.channels; c++) to[c] += from[c] * tap[c];
        }
      }
    }
  });
}

/** The sums of all taps for one vector of channels over rows of dy, in registers. `x` and `dy` as Frame and tensor have them. */
template <int kKernel, int kStride>
void TapSums(const Window& w, const Frame& frame, const float* dy, int64_t rows, int64_t v, int64_t lanes,
             Floats* sums) {
  Floats taps[kKernel * kKernel];
#pragma GCC unroll 32
  for (int t = 0; t < kKernel * kKernel; t++) taps[t] = sums[2 * t];
  for (int64_t r = 0; r < rows; r++) {
    const Floats* x[kKernel];
    for (int ky = 0; ky < kKernel; ky++) x[ky] = frame.Row(r * kStride + ky) + v;
    const float* gradient = dy + r * w.outWidth * w.channels;
    for (int64_t o = 0; o < w.outWidth; o++, gradient += w.channels) {
      const Floats d = LoadSome(gradient, lanes);
#pragma GCC unroll 8
      for (int ky = 0; ky < kKernel; ky++) {
#pragma GCC unroll 8
        for (int kx = 0; kx < kKernel; kx++) taps[ky * kKernel + kx] += d * x[ky][2 * (o * kStride + kx)];
      }
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < kKernel * kKernel; t++) sums[2 * t] = taps[t];
}

/** The same for any filter and stride. */
void AnyTapSums(const Window& w, const Frame& frame, const float* dy, int64_t rows, int64_t v, int64_t lanes,
                Floats* sums) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t o = 0; o < w.outWidth; o++) {
      const Floats d = LoadSome(dy + (r * w.outWidth + o) * w.channels, lanes);
      for (int64_t ky = 0; ky < w.kernelY; ky++) {
        const Floats* x = frame.Row(r * w.strideY + ky) + v;
        for (int64_t kx = 0; kx < w.kernelX; kx++) sums[2 * (ky * w.kernelX + kx)] += d * x[2 * (o * w.strideX + kx)];
      }
    }
  }
}

using TapWork = void (*)(const Window&, const Frame&, const float*, int64_t, int64_t, int64_t, Floats*);

TapWork TapWorkFor(const Window& w) {
  if (w.kernelY != w.kernelX || w.strideY != w.strideX) return AnyTapSums;
  if (w.kernelX == 3 && w.strideX == 1) return TapSums<3, 1>;
  if (w.kernelX == 3 && w.strideX == 2) return TapSums<3, 2>;
  if (w.kernelX == 5 && w.strideX == 1) return TapSums<5, 1>;
  if (w.kernelX == 5 && w.strideX == 2) return TapSums<5, 2>;
  return AnyTapSums;
}

/** Each image and group has sums of its own; the images are added in their order. */
void FilterGradient(OpKernelContext* context, const Window& w, const float* x, const float* dy, float* dFilter) {
  const TapWork work = TapWorkFor(w);
  const int64_t frameColumns = (w.outWidth - 1) * w.strideX + w.kernelX;
  const int64_t stripRows = StripRows(frameColumns, w.kernelY, w.strideY);
  const int64_t perGroup = 2 * w.Taps();
  std::vector<Floats> partial(w.batch * w.Groups() * perGroup);
  ForEach(context, w.batch * w.Groups(), w.outHeight * w.outWidth * w.Taps() * 4, [&](int64_t i) {
    const int64_t channel = i % w.Groups() * kGroup;
    const int64_t b = i / w.Groups();
    const int64_t lanes = std::min(kGroup, w.channels - channel);
    Floats* sums = partial.data() + i * perGroup;
    Frame& frame = ThreadFrame();
    for (int64_t first = 0; first < w.outHeight; first += stripRows) {
      const int64_t rows = std::min(stripRows, w.outHeight - first);
      const int64_t frameRows = (rows - 1) * w.strideY + w.kernelY;
      frame.Reserve(frameRows, frameColumns);
      frame.Fill(x + b * w.height * w.width * w.channels + channel, w.height, w.width, w.channels, lanes,
                 first * w.strideY - w.padTop, -w.padLeft, frameRows);
      const float* from = dy + (b * w.outHeight + first) * w.outWidth * w.channels + channel;
      for (int64_t v = 0; v * kLanes < lanes; v++) {
        work(w, frame, from + v * kLanes, rows, v, lanes - v * kLanes, sums + v);
      }
    }
  });
  ForEach(context, w.Groups(), w.batch * perGroup, [&](int64_t group) {
    const int64_t channel = group * kGroup;
    for (int64_t t = 0; t < w.Taps(); t++) {
      for (int64_t v = 0; v < 2 && channel + v * kLanes < w.channels; v++) {
        Floats sum{};
        for (int64_t b = 0; b < w.batch; b++) sum += partial[(b * w.Groups() + group) * perGroup + 2 * t + v];
        const int64_t at = channel + v * kLanes;
        StoreSome(dFilter + t * w.channels + at, sum, w.channels - at);
      }
    }
  });
}

class DepthwiseGradient : public OpKernel {
 public:
  explicit DepthwiseGradient(OpKernelConstruction* construction) : OpKernel(construction), settings_(construction) {
    std::vector<int64_t> sizes;
    OP_REQUIRES_OK(construction, construction->GetAttr("shape", &sizes));
    OP_REQUIRES_OK(construction, TensorShape::BuildTensorShape(sizes, &shape_));
  }

 protected:
  /** Refuses a dy that is not of the output's shape. */
  static absl::Status CheckGradient(const Window& w, const TensorShape& dy) {
    if (dy == TensorShape({w.batch, w.outHeight, w.outWidth, w.channels})) return absl::OkStatus();
    return tensorflow::errors::InvalidArgument("dy must have shape [", w.batch, ",", w.outHeight, ",", w.outWidth, ",",
                                               w.channels, "], got ", dy.DebugString());
  }

  const DepthwiseSettings settings_;
  TensorShape shape_;
};

class DepthwiseInputGradient : public DepthwiseGradient {
 public:
  using DepthwiseGradient::DepthwiseGradient;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& filter = context->input(1);
    Window w;
    OP_REQUIRES_OK(context, settings_.Sizes(shape_, filter.shape(), &w));
    OP_REQUIRES_OK(context, CheckGradient(w, dy.shape()));
    Tensor* dx;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape_, &dx));
    const float* gradient = dy.flat<float>().data();
    const float* taps = filter.flat<float>().data();
    float* to = dx->flat<float>().data();
    const bool square = w.kernelY == w.kernelX && w.strideY == 2 && w.strideX == 2;
    if (w.strideY == 1 && w.strideX == 1) {
      Correlate(context, Mirror(w), gradient, taps, true, to);
    } else if (square && w.kernelX == 3) {
      InputGradientStride2<3>(context, w, gradient, taps, to);
    } else if (square && w.kernelX == 5) {
      InputGradientStride2<5>(context, w, gradient, taps, to);
    } else {
      AnyInputGradient(context, w, gradient, taps, to);
    }
  }
};

class DepthwiseFilterGradient : public DepthwiseGradient {
 public:
  using DepthwiseGradient::DepthwiseGradient;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    Window w;
    OP_REQUIRES_OK(context, settings_.Sizes(x.shape(), shape_, &w));
    OP_REQUIRES_OK(context, CheckGradient(w, dy.shape()));
    Tensor* dFilter;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape_, &dFilter));
    FilterGradient(context, w, x.flat<float>().data(), dy.flat<float>().data(), dFilter->flat<float>().data());
  }
};

/** The output has the shape that the attribute names. */
absl::Status NamedShape(tensorflow::shape_inference::InferenceContext* c) {
  std::vector<int64_t> sizes;
  TF_RETURN_IF_ERROR(c->GetAttr("shape", &sizes));
  std::vector<tensorflow::shape_inference::DimensionHandle> dims;
  for (const int64_t size : sizes) dims.push_back(c->MakeDim(size));
  c->set_output(0, c->MakeShape(dims));
  return absl::OkStatus();
}

REGISTER_OP("TesseraDepthwiseInputGradient")
    .Input("dy: float")
    .Input("filter: float")
    .Output("dx: float")
    .Attr("strides: list(int)")
    .Attr("pads: list(int)")
    .Attr("shape: list(int)")
    .SetShapeFn(NamedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraDepthwiseInputGradient").Device(tensorflow::DEVICE_CPU), DepthwiseInputGradient);

REGISTER_OP("TesseraDepthwiseFilterGradient")
    .Input("x: float")
    .Input("dy: float")
    .Output("dfilter: float")
    .Attr("strides: list(int)")
    .Attr("pads: list(int)")
    .Attr("shape: list(int)")
    .SetShapeFn(NamedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraDepthwiseFilterGradient").Device(tensorflow::DEVICE_CPU),
                        DepthwiseFilterGradient);

}  // namespace
}  // namespace tessera
