// The two gradients of the depthwise convolution. TensorFlow's own kernel is as fast as memory forward, and the input gradient at stride 1 is a
// forward pass; its filter gradient and its input gradient at stride 2 are two to seven times slower than these.
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

/** Pixels of dx of one parity that are summed together. */
constexpr int64_t kBlock = 4;

template <int kKernel, int kParityY, int kParityX>
void SpreadBlock(const Floats* const* rows, int64_t at, const Floats* taps, float* dx, int64_t count, int64_t channels,
                 int64_t lanes) {
  if (count == kBlock) return Spread<kKernel, kParityY, kParityX, kBlock>(rows, at, taps, dx, channels, lanes);
  for (int64_t n = 0; n < count; n++) {
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
  const std::vector<Floats> taps = GroupTaps(filter, w.Taps(), w.channels);
  // The frame begins with what the first pixel needs, kReach before the place that its own half is at.
  const int64_t top = kReach - w.padTop / 2;
  const int64_t left = kReach - w.padLeft / 2;
  const int64_t columns = (w.width - 1 + w.padLeft) / 2 + left + 1;
  const int64_t stripRows = StripRows(w.batch, w.height);
  const int64_t strips = (w.height + stripRows - 1) / stripRows;
  const int64_t cycles = stripRows * w.width * w.channels * w.Taps() / 32;
  ForEach(context, w.batch * strips, cycles, [&](int64_t i) {
    const int64_t b = i / strips;
    const int64_t first = i % strips * stripRows;
    RowRing& ring = ThreadRing();
    ring.Start(dy + b * w.outHeight * w.outWidth * w.channels, w.outHeight, w.outWidth, w.channels, top, left, columns,
               kReach + 1, (first + w.padTop) / 2 + top - kReach);
    for (int64_t iy = first; iy < std::min(w.height, first + stripRows); iy++) {
      const int64_t t = iy + w.padTop;
      ring.FillTo(t / 2 + top + 1);
      float* row = dx + (b * w.height + iy) * w.width * w.channels;
      for (int64_t x = 0; x < w.width; x += 2 * kBlock) {
        for (int64_t c = 0; c < w.channels; c += kLanes) {
          const int64_t group = c / kGroup;
          const int64_t v = c / kLanes % 2;
          const Floats* rows[kReach + 1];
          for (int64_t j = 0; j <= kReach; j++) rows[j] = ring.Row(t / 2 + top - j, group) + v;
          for (int64_t ix = x; ix < std::min(x + 2, w.width); ix++) {
            const int64_t s = ix + w.padLeft;
            const auto work = t % 2 == 0 ? (s % 2 == 0 ? SpreadBlock<kKernel, 0, 0> : SpreadBlock<kKernel, 0, 1>)
                                         : (s % 2 == 0 ? SpreadBlock<kKernel, 1, 0> : SpreadBlock<kKernel, 1, 1>);
            work(rows, s / 2 + left, taps.data() + 2 * group * w.Taps() + v, row + ix * w.channels + c,
                 std::min(kBlock, (w.width - ix + 1) / 2), w.channels, w.channels - c);
          }
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

/** Adds to `sums` what rows `first` to `last` of dy make of one vector of channels: for each tap dy times the pixel under it. */
using TapWork = void (*)(const Window&, const RowRing&, const float* dy, int64_t first, int64_t last, int64_t c,
                         Floats* sums);

template <int kKernel, int kStride>
void TapSums(const Window& w, const RowRing& ring, const float* dy, int64_t first, int64_t last, int64_t c,
             Floats* sums) {
  Floats taps[kKernel * kKernel] = {};
  for (int64_t oy = first; oy < last; oy++) {
    const Floats* x[kKernel];
    for (int ky = 0; ky < kKernel; ky++) x[ky] = ring.Row(oy * kStride + ky, c / kGroup) + c / kLanes % 2;
    const float* gradient = dy + oy * w.outWidth * w.channels + c;
    for (int64_t ox = 0; ox < w.outWidth; ox++, gradient += w.channels) {
      const Floats d = LoadSome(gradient, w.channels - c);
#pragma GCC unroll 8
      for (int ky = 0; ky < kKernel; ky++) {
#pragma GCC unroll 8
        for (int kx = 0; kx < kKernel; kx++) taps[ky * kKernel + kx] += d * x[ky][2 * (ox * kStride + kx)];
      }
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < kKernel * kKernel; t++) sums[2 * t] += taps[t];
}

/** The same for any filter and stride. */
void AnyTapSums(const Window& w, const RowRing& ring, const float* dy, int64_t first, int64_t last, int64_t c,
                Floats* sums) {
  for (int64_t oy = first; oy < last; oy++) {
    for (int64_t ky = 0; ky < w.kernelY; ky++) {
      const Floats* x = ring.Row(oy * w.strideY + ky, c / kGroup) + c / kLanes % 2;
      for (int64_t ox = 0; ox < w.outWidth; ox++) {
        const Floats d = LoadSome(dy + (oy * w.outWidth + ox) * w.channels + c, w.channels - c);
        for (int64_t kx = 0; kx < w.kernelX; kx++) sums[2 * (ky * w.kernelX + kx)] += d * x[2 * (ox * w.strideX + kx)];
      }
    }
  }
}

TapWork TapWorkFor(const Window& w) {
  if (w.kernelY != w.kernelX || w.strideY != w.strideX) return AnyTapSums;
  if (w.kernelX == 3 && w.strideX == 1) return TapSums<3, 1>;
  if (w.kernelX == 3 && w.strideX == 2) return TapSums<3, 2>;
  if (w.kernelX == 5 && w.strideX == 1) return TapSums<5, 1>;
  if (w.kernelX == 5 && w.strideX == 2) return TapSums<5, 2>;
  return AnyTapSums;
}

/** Rows of dy that are summed in registers: 64 pixels, if the frame for them takes at most 512 KiB. */
int64_t RowsInRegisters(const Window& w, int64_t columns) {
  const int64_t rowBytes = columns * w.Groups() * kGroup * static_cast<int64_t>(sizeof(float));
  const int64_t fitting = ((512 << 10) / rowBytes - w.kernelY) / w.strideY + 1;
  return std::clamp<int64_t>(std::min(64 / w.outWidth, fitting), 1, w.outHeight);
}

/** Each piece of work has sums of its own, which are added in their order. */
void FilterGradient(OpKernelContext* context, const Window& w, const float* x, const float* dy, float* dFilter) {
  const TapWork work = TapWorkFor(w);
  const int64_t columns = (w.outWidth - 1) * w.strideX + w.kernelX;
  const int64_t together = RowsInRegisters(w, columns);
  const int64_t stripRows = StripRows(w.batch, w.outHeight);
  const int64_t strips = (w.outHeight + stripRows - 1) / stripRows;
  const int64_t perGroup = 2 * w.Taps();
  std::vector<Floats> partial(w.batch * strips * w.Groups() * perGroup);
  ForEach(context, w.batch * strips, stripRows * w.outWidth * w.channels * w.Taps() / 8, [&](int64_t i) {
    const int64_t b = i / strips;
    const int64_t first = i % strips * stripRows;
    const int64_t end = std::min(w.outHeight, first + stripRows);
    const float* gradient = dy + b * w.outHeight * w.outWidth * w.channels;
    Floats* sums = partial.data() + i * w.Groups() * perGroup;
    RowRing& ring = ThreadRing();
    ring.Start(x + b * w.height * w.width * w.channels, w.height, w.width, w.channels, w.padTop, w.padLeft, columns,
               (together - 1) * w.strideY + w.kernelY, first * w.strideY);
    for (int64_t oy = first; oy < end; oy += together) {
      const int64_t last = std::min(end, oy + together);
      ring.FillTo((last - 1) * w.strideY + w.kernelY);
      for (int64_t c = 0; c < w.channels; c += kLanes) {
        work(w, ring, gradient, oy, last, c, sums + c / kGroup * perGroup + c / kLanes % 2);
      }
    }
  });
  ForEach(context, w.Groups(), w.batch * strips * perGroup, [&](int64_t group) {
    for (int64_t t = 0; t < w.Taps(); t++) {
      for (int64_t v = 0; v < 2; v++) {
        const int64_t c = group * kGroup + v * kLanes;
        if (c >= w.channels) continue;
        Floats sum{};
        for (int64_t i = 0; i < w.batch * strips; i++) sum += partial[(i * w.Groups() + group) * perGroup + 2 * t + v];
        StoreSome(dFilter + t * w.channels + c, sum, w.channels - c);
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
    if (square && w.kernelX == 3) {
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
