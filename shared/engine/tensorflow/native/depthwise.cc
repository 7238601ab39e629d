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

/** One row of outputs of one vector of channels. */
template <int kKernel, int kStride>
void OutputRow(const Floats* const* rows, const Floats* taps, float* y, int64_t width, int64_t channels,
               int64_t lanes) {
  int64_t x = 0;
  for (; x + 8 <= width; x += 8) {
    Outputs<kKernel, kStride, 8>(rows, x * kStride, taps, y + x * channels, channels, lanes);
  }
  if (x + 4 <= width) {
    Outputs<kKernel, kStride, 4>(rows, x * kStride, taps, y + x * channels, channels, lanes);
    x += 4;
  }
  if (x + 2 <= width) {
    Outputs<kKernel, kStride, 2>(rows, x * kStride, taps, y + x * channels, channels, lanes);
    x += 2;
  }
  if (x < width) Outputs<kKernel, kStride, 1>(rows, x * kStride, taps, y + x * channels, channels, lanes);
}

/** The same for any size of filter and any stride. */
void AnyOutputRow(const Window& w, const Floats* const* rows, const Floats* taps, float* y, int64_t lanes) {
  for (int64_t x = 0; x < w.outWidth; x++) {
    Floats sum{};
    for (int64_t ky = 0; ky < w.kernelY; ky++) {
      for (int64_t kx = 0; kx < w.kernelX; kx++) {
        sum += rows[ky][2 * (x * w.strideX + kx)] * taps[2 * (ky * w.kernelX + kx)];
      }
    }
    StoreSome(y + x * w.channels, sum, lanes);
  }
}

using RowWork = void (*)(const Floats* const*, const Floats*, float*, int64_t, int64_t, int64_t);

/** The row's work for this filter and stride; null for one that has no code of its own. */
RowWork RowWorkFor(const Window& w) {
  if (w.kernelY != w.kernelX || w.strideY != w.strideX) return nullptr;
  if (w.kernelX == 3 && w.strideX == 1) return OutputRow<3, 1>;
  if (w.kernelX == 3 && w.strideX == 2) return OutputRow<3, 2>;
  if (w.kernelX == 5 && w.strideX == 1) return OutputRow<5, 1>;
  if (w.kernelX == 5 && w.strideX == 2) return OutputRow<5, 2>;
  return nullptr;
}

}  // namespace

void Correlate(OpKernelContext* context, const Window& window, const float* x, const float* filter, bool flip,
               float* y) {
  const Window& w = window;
  const RowWork work = RowWorkFor(w);
  const int64_t frameColumns = (w.outWidth - 1) * w.strideX + w.kernelX;
  const int64_t stripRows = StripRows(frameColumns, w.kernelY, w.strideY);
  const int64_t strips = (w.outHeight + stripRows - 1) / stripRows;
  const int64_t cycles = w.outWidth * std::min(stripRows, w.outHeight) * w.Taps() * 4;
  // Groups of one image follow each other: they share pages of memory.
  ForEach(context, w.batch * strips * w.Groups(), cycles, [&](int64_t i) {
    const int64_t group = i % w.Groups();
    const int64_t strip = i / w.Groups() % strips;
    const int64_t b = i / w.Groups() / strips;
    const int64_t channel = group * kGroup;
    const int64_t lanes = std::min(kGroup, w.channels - channel);
    const int64_t first = strip * stripRows;
    const int64_t last = std::min(w.outHeight, first + stripRows);
    const int64_t frameRows = (last - first - 1) * w.strideY + w.kernelY;
    Frame& frame = ThreadFrame();
    frame.Reserve(frameRows, frameColumns);
    frame.Fill(x + b * w.height * w.width * w.channels + channel, w.height, w.width, w.channels, lanes,
               first * w.strideY - w.padTop, -w.padLeft, frameRows);
    const std::vector<Floats> taps = GroupTaps(filter + channel, w.Taps(), w.channels, lanes, flip);
    std::vector<const Floats*> rows(w.kernelY);
    for (int64_t oy = first; oy < last; oy++) {
      float* to = y + (b * w.outHeight + oy) * w.outWidth * w.channels + channel;
      for (int64_t v = 0; v * kLanes < lanes; v++) {
        for (int64_t ky = 0; ky < w.kernelY; ky++) rows[ky] = frame.Row((oy - first) * w.strideY + ky) + v;
        const int64_t left = lanes - v * kLanes;
        if (work != nullptr) {
          work(rows.data(), taps.data() + v, to + v * kLanes, w.outWidth, w.channels, left);
        } else {
          AnyOutputRow(w, rows.data(), taps.data() + v, to + v * kLanes, left);
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
      tensorflow::shape_inference::ShapeHandle filter;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
      TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 4, &filter));
      std::vector<int64_t> strides, pads;
      TF_RETURN_IF_ERROR(c->GetAttr("strides", &strides));
      TF_RETURN_IF_ERROR(c->GetAttr("pads", &pads));
      // The recorder has no other way to know the size: (n + padding - kernel) / stride + 1, rounded down.
      const auto outSize = [&](int axis) {
        const auto size = c->Dim(x, axis + 1);
        const auto kernel = c->Dim(filter, axis);
        const size_t at = static_cast<size_t>(axis);
        if (!c->ValueKnown(size) || !c->ValueKnown(kernel) || pads.size() != 4 || strides.size() != 2) {
          return c->UnknownDim();
        }
        const int64_t room = c->Value(size) + pads[at] + pads[at + 2] - c->Value(kernel);
        return room < 0 || strides[at] < 1 ? c->UnknownDim() : c->MakeDim(room / strides[at] + 1);
      };
      c->set_output(0, c->MakeShape({c->Dim(x, 0), outSize(0), outSize(1), c->Dim(x, 3)}));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraDepthwise").Device(tensorflow::DEVICE_CPU), Depthwise);

}  // namespace
}  // namespace tessera
