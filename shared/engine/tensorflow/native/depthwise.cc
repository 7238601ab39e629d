// Depthwise convolution with one output a channel.
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

/** Outputs of a row that are summed together. */
constexpr int64_t kBlock = 8;

/** `kCount` neighbouring outputs of one vector of channels. The rows of x are in `rows`, two vectors a pixel. */
template <int kKernel, int kStride, int kCount>
TESSERA_INLINE void Outputs(const Floats* const* rows, int64_t at, const Floats* taps, float* y, int64_t channels,
                            int64_t lanes) {
  Floats sums[kCount] = {};
  for (int ky = 0; ky < kKernel; ky++) {
    const Floats* row = rows[ky] + 2 * at;
#pragma GCC unroll 8
    for (int kx = 0; kx < kKernel; kx++) {
      const Floats tap = taps[2 * (ky * kKernel + kx)];
#pragma GCC unroll 8
      for (int n = 0; n < kCount; n++) sums[n] += row[2 * (n * kStride + kx)] * tap;
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kCount; n++) StoreSome(y + n * channels, sums[n], lanes);
}

/** `count` outputs of one vector of channels, from column `at` of the frame on. */
using BlockWork = void (*)(const Window&, const Floats* const* rows, int64_t at, const Floats* taps, float* y, int64_t count,
                           int64_t lanes);

template <int kKernel, int kStride>
void OutputBlock(const Window& w, const Floats* const* rows, int64_t at, const Floats* taps, float* y, int64_t count,
                 int64_t lanes) {
  if (count == kBlock) return Outputs<kKernel, kStride, kBlock>(rows, at, taps, y, w.channels, lanes);
  for (; count >= 2; count -= 2, at += 2 * kStride, y += 2 * w.channels) {
    Outputs<kKernel, kStride, 2>(rows, at, taps, y, w.channels, lanes);
  }
  if (count > 0) Outputs<kKernel, kStride, 1>(rows, at, taps, y, w.channels, lanes);
}

/** The same for any size of filter and any stride. */
void AnyOutputBlock(const Window& w, const Floats* const* rows, int64_t at, const Floats* taps, float* y, int64_t count,
                    int64_t lanes) {
  for (int64_t n = 0; n < count; n++) {
    Floats sum{};
    for (int64_t ky = 0; ky < w.kernelY; ky++) {
      for (int64_t kx = 0; kx < w.kernelX; kx++) {
        sum += rows[ky][2 * (at + n * w.strideX + kx)] * taps[2 * (ky * w.kernelX + kx)];
      }
    }
    StoreSome(y + n * w.channels, sum, lanes);
  }
}

BlockWork BlockWorkFor(const Window& w) {
  if (w.kernelY != w.kernelX || w.strideY != w.strideX) return AnyOutputBlock;
  if (w.kernelX == 3 && w.strideX == 1) return OutputBlock<3, 1>;
  if (w.kernelX == 3 && w.strideX == 2) return OutputBlock<3, 2>;
  if (w.kernelX == 5 && w.strideX == 1) return OutputBlock<5, 1>;
  if (w.kernelX == 5 && w.strideX == 2) return OutputBlock<5, 2>;
  return AnyOutputBlock;
}

}  // namespace

void Correlate(OpKernelContext* context, const Window& window, const float* x, const float* filter, bool flip,
               float* y) {
  const Window& w = window;
  const BlockWork work = BlockWorkFor(w);
  const std::vector<Floats> taps = GroupTaps(filter, w.Taps(), w.channels, flip);
  const int64_t columns = (w.outWidth - 1) * w.strideX + w.kernelX;
  const int64_t stripRows = StripRows(w.batch, w.outHeight);
  const int64_t strips = (w.outHeight + stripRows - 1) / stripRows;
  const int64_t cycles = stripRows * w.outWidth * w.channels * w.Taps() / 8;
  ForEach(context, w.batch * strips, cycles, [&](int64_t i) {
    const int64_t b = i / strips;
    const int64_t first = i % strips * stripRows;
    RowRing& ring = ThreadRing();
    ring.Start(x + b * w.height * w.width * w.channels, w.height, w.width, w.channels, w.padTop, w.padLeft, columns,
               w.kernelY, first * w.strideY);
    std::vector<const Floats*> rows(w.kernelY);
    for (int64_t oy = first; oy < std::min(w.outHeight, first + stripRows); oy++) {
      ring.FillTo(oy * w.strideY + w.kernelY);
      float* row = y + (b * w.outHeight + oy) * w.outWidth * w.channels;
      for (int64_t ox = 0; ox < w.outWidth; ox += kBlock) {
        const int64_t count = std::min(kBlock, w.outWidth - ox);
        for (int64_t c = 0; c < w.channels; c += kLanes) {
          const int64_t group = c / kGroup;
          const int64_t v = c / kLanes % 2;
          for (int64_t ky = 0; ky < w.kernelY; ky++) rows[ky] = ring.Row(oy * w.strideY + ky, group) + v;
          work(w, rows.data(), ox * w.strideX, taps.data() + 2 * group * w.Taps() + v, row + ox * w.channels + c, count,
               w.channels - c);
        }
      }
    }
  });
}

namespace {

class Depthwise : public OpKernel {
 public:
  explicit Depthwise(OpKernelConstruction* construction) : OpKernel(construction), settings_(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& filter = context->input(1);
    Window w;
    OP_REQUIRES_OK(context, settings_.Sizes(x.shape(), filter.shape(), &w));
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, {w.batch, w.outHeight, w.outWidth, w.channels}, &y));
    Correlate(context, w, x.flat<float>().data(), filter.flat<float>().data(), false, y->flat<float>().data());
  }

 private:
  const DepthwiseSettings settings_;
};

REGISTER_OP("TesseraDepthwise")
    .Input("x: float")
    .Input("filter: float")
    .Output("y: float")
    .Attr("strides: list(int)")
    .Attr("pads: list(int)")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      tensorflow::shape_inference::ShapeHandle x;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
      c->set_output(0, c->MakeShape({c->Dim(x, 0), c->UnknownDim(), c->UnknownDim(), c->Dim(x, 3)}));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraDepthwise").Device(tensorflow::DEVICE_CPU), Depthwise);

}  // namespace
}  // namespace tessera
