// Factors by channel and means over an image's pixels: what squeeze-and-excitation and the head do. x is [B, ..., C].
#include <vector>

#include "parallel.h"
#include "periods.h"
#include "tensorflow/core/framework/common_shape_fns.h"
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

/** The sizes of x [B, ..., C]. */
struct Images {
  int64_t batch;
  int64_t pixels;
  int64_t channels;

  explicit Images(const TensorShape& x)
      : batch(x.dim_size(0)), pixels(1), channels(x.dim_size(x.dims() - 1)) {
    for (int i = 1; i < x.dims() - 1; i++) pixels *= x.dim_size(i);
  }

  int64_t Floats() const { return pixels * channels; }
};

#define REQUIRE_IMAGES(x)                                                                              \
  OP_REQUIRES(context, (x).dims() >= 2 && (x).num_elements() > 0,                                      \
              tensorflow::errors::InvalidArgument("x must have values and two dimensions, got shape ", \
                                                  (x).DebugString()))

/** to += the sum over the rows of one image, by channel; `products` multiplies each value by its partner in `other` first. */
template <bool kProducts>
void AddRows(const float* x, const float* other, const Periods& periods, float* to) {
  const int64_t floats = periods.floats;
  std::vector<float> sums(floats, 0.0f);
  const auto value = [&](int64_t at) { return kProducts ? Load(x + at) * Load(other + at) : Load(x + at); };
  int64_t p = 0;
  for (; p + 4 <= periods.count; p += 4) {
    for (int64_t i = 0; i < floats; i += kLanes) {
      const int64_t at = p * floats + i;
      const Floats low = value(at) + value(at + floats);
      const Floats high = value(at + 2 * floats) + value(at + 3 * floats);
      Store(sums.data() + i, Load(sums.data() + i) + (low + high));
    }
  }
  for (; p < periods.count; p++) {
    for (int64_t i = 0; i < floats; i += kLanes) {
      Store(sums.data() + i, Load(sums.data() + i) + value(p * floats + i));
    }
  }
  for (int64_t i = 0; i < floats; i++) to[i % periods.channels] += sums[i];
  const int64_t tailAt = periods.count * floats;
  for (int64_t i = 0; i < periods.tail; i++) {
    to[i % periods.channels] += kProducts ? x[tailAt + i] * other[tailAt + i] : x[tailAt + i];
  }
}

/** y = x · factor for one image; `factors` is repeated to a period. y may be x. */
void MultiplyRows(const float* x, const std::vector<float>& factors, const Periods& periods, float* y) {
  const int64_t floats = periods.floats;
  for (int64_t p = 0; p < periods.count; p++) {
    for (int64_t i = 0; i < floats; i += kLanes) {
      const int64_t at = p * floats + i;
      Store(y + at, Load(x + at) * Load(factors.data() + i));
    }
  }
  const int64_t tailAt = periods.count * floats;
  for (int64_t i = 0; i < periods.tail; i++) y[tailAt + i] = x[tailAt + i] * factors[i];
}

class AveragePool : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    REQUIRE_IMAGES(x.shape());
    const Images images(x.shape());
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, {images.batch, images.channels}, &y));
    const float* from = x.flat<float>().data();
    float* to = y->flat<float>().data();
    const Periods periods(images.pixels, images.channels);
    ForEach(context, images.batch, images.Floats() / 4, [&](int64_t b) {
      float* row = to + b * images.channels;
      std::fill_n(row, images.channels, 0.0f);
      AddRows<false>(from + b * images.Floats(), nullptr, periods, row);
      for (int64_t c = 0; c < images.channels; c++) row[c] /= images.pixels;
    });
  }
};

class AveragePoolGradient : public OpKernel {
 public:
  explicit AveragePoolGradient(OpKernelConstruction* construction) : OpKernel(construction) {
    std::vector<int64_t> sizes;
    OP_REQUIRES_OK(construction, construction->GetAttr("shape", &sizes));
    OP_REQUIRES_OK(construction, tensorflow::TensorShape::BuildTensorShape(sizes, &shape_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    REQUIRE_IMAGES(shape_);
    const Images images(shape_);
    OP_REQUIRES(context, dy.NumElements() == images.batch * images.channels,
                tensorflow::errors::InvalidArgument("dy must have a value for each image and channel of ",
                                                    shape_.DebugString(), ", got ", dy.shape().DebugString()));
    Tensor* dx;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape_, &dx));
    const float* from = dy.flat<float>().data();
    float* to = dx->flat<float>().data();
    const Periods periods(images.pixels, images.channels);
    ForEach(context, images.batch, images.Floats() / 4, [&](int64_t b) {
      std::vector<float> row = periods.Repeat(from + b * images.channels);
      for (float& value : row) value /= images.pixels;
      float* image = to + b * images.Floats();
      for (int64_t p = 0; p < periods.count; p++) std::copy_n(row.data(), periods.floats, image + p * periods.floats);
      std::copy_n(row.data(), periods.tail, image + periods.count * periods.floats);
    });
  }

 private:
  TensorShape shape_;
};

class ScaleChannels : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& s = context->input(1);
    REQUIRE_IMAGES(x.shape());
    const Images images(x.shape());
    OP_REQUIRES(context, s.NumElements() == images.batch * images.channels,
                tensorflow::errors::InvalidArgument("s must have a factor for each image and channel of ",
                                                    x.shape().DebugString(), ", got ", s.shape().DebugString()));
    Tensor* y;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, x.shape(), &y));
    const float* from = x.flat<float>().data();
    const float* by = s.flat<float>().data();
    float* to = y->flat<float>().data();
    const Periods periods(images.pixels, images.channels);
    ForEach(context, images.batch, images.Floats() / 2, [&](int64_t b) {
      const int64_t at = b * images.Floats();
      MultiplyRows(from + at, periods.Repeat(by + b * images.channels), periods, to + at);
    });
  }
};

class ScaleChannelsGradient : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& s = context->input(1);
    const Tensor& dy = context->input(2);
    REQUIRE_IMAGES(x.shape());
    const Images images(x.shape());
    OP_REQUIRES(context, s.NumElements() == images.batch * images.channels && dy.shape() == x.shape(),
                tensorflow::errors::InvalidArgument("s and dy must fit x of ", x.shape().DebugString(), ", got ",
                                                    s.shape().DebugString(), " and ", dy.shape().DebugString()));
    Tensor *dx, *ds;
    // In place of dy alone: its image has been summed when it is overwritten.
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({2}, 0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, s.shape(), &ds));
    const float* from = x.flat<float>().data();
    const float* by = s.flat<float>().data();
    const float* gradient = dy.flat<float>().data();
    float* to = dx->flat<float>().data();
    float* sums = ds->flat<float>().data();
    const Periods periods(images.pixels, images.channels);
    ForEach(context, images.batch, images.Floats(), [&](int64_t b) {
      Gradient(from + b * images.Floats(), by + b * images.channels, gradient + b * images.Floats(), periods,
               to + b * images.Floats(), sums + b * images.channels);
    });
  }

 private:
  /** One image: each value of dy is read once, for dx and for ds. */
  static void Gradient(const float* x, const float* s, const float* dy, const Periods& periods, float* dx, float* ds) {
    const int64_t floats = periods.floats;
    const std::vector<float> factors = periods.Repeat(s);
    std::vector<float> sums(floats, 0.0f);
    int64_t p = 0;
    for (; p + 2 <= periods.count; p += 2) {
      for (int64_t i = 0; i < floats; i += kLanes) {
        const int64_t at = p * floats + i;
        const Floats first = Load(dy + at), second = Load(dy + at + floats);
        const Floats factor = Load(factors.data() + i);
        const Floats sum = first * Load(x + at) + second * Load(x + at + floats);
        Store(sums.data() + i, Load(sums.data() + i) + sum);
        Store(dx + at, first * factor);
        Store(dx + at + floats, second * factor);
      }
    }
    for (; p < periods.count; p++) {
      for (int64_t i = 0; i < floats; i += kLanes) {
        const int64_t at = p * floats + i;
        const Floats value = Load(dy + at);
        Store(sums.data() + i, Load(sums.data() + i) + value * Load(x + at));
        Store(dx + at, value * Load(factors.data() + i));
      }
    }
    const int64_t tailAt = periods.count * floats;
    for (int64_t i = 0; i < periods.tail; i++) {
      sums[i] += dy[tailAt + i] * x[tailAt + i];
      dx[tailAt + i] = dy[tailAt + i] * factors[i];
    }
    std::fill_n(ds, periods.channels, 0.0f);
    for (int64_t i = 0; i < floats; i++) ds[i % periods.channels] += sums[i];
  }
};

REGISTER_OP("TesseraAveragePool")
    .Input("x: float")
    .Output("y: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      tensorflow::shape_inference::ShapeHandle x;
      TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(0), 2, &x));
      c->set_output(0, c->MakeShape({c->Dim(x, 0), c->Dim(x, -1)}));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraAveragePool").Device(tensorflow::DEVICE_CPU), AveragePool);

REGISTER_OP("TesseraAveragePoolGradient")
    .Input("dy: float")
    .Output("dx: float")
    .Attr("shape: list(int)")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      std::vector<int64_t> sizes;
      TF_RETURN_IF_ERROR(c->GetAttr("shape", &sizes));
      std::vector<tensorflow::shape_inference::DimensionHandle> dims;
      for (const int64_t size : sizes) dims.push_back(c->MakeDim(size));
      c->set_output(0, c->MakeShape(dims));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraAveragePoolGradient").Device(tensorflow::DEVICE_CPU), AveragePoolGradient);

REGISTER_OP("TesseraScaleChannels")
    .Input("x: float")
    .Input("s: float")
    .Output("y: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraScaleChannels").Device(tensorflow::DEVICE_CPU), ScaleChannels);

REGISTER_OP("TesseraScaleChannelsGradient")
    .Input("x: float")
    .Input("s: float")
    .Input("dy: float")
    .Output("dx: float")
    .Output("ds: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      c->set_output(0, c->input(0));
      c->set_output(1, c->input(1));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraScaleChannelsGradient").Device(tensorflow::DEVICE_CPU), ScaleChannelsGradient);

}  // namespace
}  // namespace tessera
