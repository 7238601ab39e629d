// Gradient of batch normalisation with its activation: two passes over x and dy, σ computed again in each rather than kept.
#include "batch-norm.h"
#include "parallel.h"
#include "periods.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

/** Gradient before the activation. `centred` is x - mean. */
template <bool kSwish>
TESSERA_INLINE Floats Before(Floats dy, Floats centred, Floats factor, Floats beta) {
  return kSwish ? dy * SwishSlope(centred * factor + beta) : dy;
}

/** Σ dz and Σ dz (x - mean) of each column of a block. */
template <bool kSwish>
void BlockSums(const float* x, const float* dy, int64_t periods, int64_t floats, const Affine& affine, float* sums,
               float* products) {
  for (int64_t i = 0; i < floats; i += kLanes) Store(sums + i, Floats{});
  for (int64_t i = 0; i < floats; i += kLanes) Store(products + i, Floats{});
  int64_t p = 0;
  for (; p + 2 <= periods; p += 2) {
    const int64_t row = p * floats;
    for (int64_t i = 0; i < floats; i += kLanes) {
      const Floats mean = Load(affine.mean.data() + i);
      const Floats factor = Load(affine.factor.data() + i), beta = Load(affine.beta.data() + i);
      const Floats c0 = Load(x + row + i) - mean, c1 = Load(x + row + floats + i) - mean;
      const Floats d0 = Before<kSwish>(Load(dy + row + i), c0, factor, beta);
      const Floats d1 = Before<kSwish>(Load(dy + row + floats + i), c1, factor, beta);
      Store(sums + i, Load(sums + i) + (d0 + d1));
      Store(products + i, Load(products + i) + (d0 * c0 + d1 * c1));
    }
  }
  for (; p < periods; p++) {
    const int64_t row = p * floats;
    for (int64_t i = 0; i < floats; i += kLanes) {
      const Floats c = Load(x + row + i) - Load(affine.mean.data() + i);
      const Floats d =
          Before<kSwish>(Load(dy + row + i), c, Load(affine.factor.data() + i), Load(affine.beta.data() + i));
      Store(sums + i, Load(sums + i) + d);
      Store(products + i, Load(products + i) + d * c);
    }
  }
}

/** dγ [C] = Σ dz x̂ and dβ [C] = Σ dz: blocks in their order, then the columns of a channel, then the tail. */
template <bool kSwish>
void Sums(OpKernelContext* context, const float* x, const float* dy, const Periods& periods, const Affine& affine,
          float* dGamma, float* dBeta) {
  const int64_t floats = periods.floats;
  const int64_t channels = periods.channels;
  std::vector<float> partial(2 * floats * (periods.blocks + 1), 0.0f);
  ForEach(context, periods.blocks, (kSwish ? 4 : 1) * floats * periods.blockPeriods, [&](int64_t block) {
    const int64_t from = periods.Begin(block) * floats;
    float* to = partial.data() + 2 * floats * block;
    BlockSums<kSwish>(x + from, dy + from, periods.End(block) - periods.Begin(block), floats, affine, to, to + floats);
  });
  if (periods.tail > 0) {
    float* to = partial.data() + 2 * floats * periods.blocks;
    const int64_t at = periods.count * floats;
    for (int64_t i = 0; i < periods.tail; i += kLanes) {
      const int64_t left = periods.tail - i;
      const Floats c = LoadSome(x + at + i, left) - Load(affine.mean.data() + i);
      const Floats d = Before<kSwish>(LoadSome(dy + at + i, left), c, Load(affine.factor.data() + i),
                                      Load(affine.beta.data() + i));
      Store(to + i, d);
      Store(to + floats + i, d * c);
    }
  }
  std::fill_n(dGamma, channels, 0.0f);
  std::fill_n(dBeta, channels, 0.0f);
  float* total = partial.data();
  for (int64_t block = 1; block <= periods.blocks; block++) {
    const float* from = partial.data() + 2 * floats * block;
    for (int64_t i = 0; i < 2 * floats; i++) total[i] += from[i];
  }
  for (int64_t i = 0; i < floats; i++) {
    dBeta[i % channels] += total[i];
    dGamma[i % channels] += total[floats + i] * affine.inverse[i];
  }
}

/** dx = factor · dz + slope · (x - mean) + shift. */
template <bool kSwish>
void Inputs(OpKernelContext* context, const float* x, const float* dy, const Periods& periods, const Affine& affine,
            const std::vector<float>& slopes, const std::vector<float>& shifts, float* dx) {
  const int64_t floats = periods.floats;
  const auto value = [&](Floats x, Floats dy, int64_t i) {
    const Floats factor = Load(affine.factor.data() + i);
    const Floats centred = x - Load(affine.mean.data() + i);
    const Floats dz = Before<kSwish>(dy, centred, factor, Load(affine.beta.data() + i));
    return dz * factor + (centred * Load(slopes.data() + i) + Load(shifts.data() + i));
  };
  const int64_t at = periods.count * floats;
  for (int64_t i = 0; i < periods.tail; i += kLanes) {
    const int64_t left = periods.tail - i;
    StoreSome(dx + at + i, value(LoadSome(x + at + i, left), LoadSome(dy + at + i, left), i), left);
  }
  // Last block first: it is the one that the sums left in the cache.
  ForEach(context, periods.blocks, (kSwish ? 4 : 1) * floats * periods.blockPeriods, [&](int64_t n) {
    const int64_t block = periods.blocks - 1 - n;
    for (int64_t p = periods.Begin(block); p < periods.End(block); p++) {
      const int64_t row = p * floats;
      for (int64_t i = 0; i < floats; i += kLanes) {
        Store(dx + row + i, value(Load(x + row + i), Load(dy + row + i), i));
      }
    }
  });
}

class BatchNormGradient : public OpKernel {
 public:
  explicit BatchNormGradient(OpKernelConstruction* construction) : OpKernel(construction), settings_(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("through_statistics", &throughStatistics_));
  }

  void Compute(OpKernelContext* context) override {
    if (settings_.swish) {
      Run<true>(context);
    } else {
      Run<false>(context);
    }
  }

 private:
  template <bool kSwish>
  void Run(OpKernelContext* context) {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES_OK(context, CheckChannels(context, 2, 5));
    OP_REQUIRES(context, dy.shape() == x.shape(),
                tensorflow::errors::InvalidArgument("dy must have shape ", x.shape().DebugString(), ", got ",
                                                    dy.shape().DebugString()));
    const int64_t channels = x.dim_size(x.dims() - 1);
    const int64_t rows = x.NumElements() / channels;
    Tensor *dx, *dGamma, *dBeta;
    // dx may take the place of dy: an element is read before it is written.
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({1}, 0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, {channels}, &dGamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, {channels}, &dBeta));
    const Periods periods(rows, channels);
    const Affine affine(periods, settings_.epsilon, context->input(2), context->input(3), context->input(4),
                        context->input(5));
    const float* from = x.flat<float>().data();
    const float* gradient = dy.flat<float>().data();
    float* dg = dGamma->flat<float>().data();
    float* db = dBeta->flat<float>().data();
    Sums<kSwish>(context, from, gradient, periods, affine, dg, db);
    std::vector<float> slopes(periods.floats, 0.0f), shifts(periods.floats, 0.0f);
    if (throughStatistics_) {
      for (int64_t i = 0; i < periods.floats; i++) {
        slopes[i] = -affine.factor[i] * affine.inverse[i] * dg[i % channels] / rows;
        shifts[i] = -affine.factor[i] * db[i % channels] / rows;
      }
    }
    Inputs<kSwish>(context, from, gradient, periods, affine, slopes, shifts, dx->flat<float>().data());
  }

  const NormSettings settings_;
  bool throughStatistics_;
};

REGISTER_OP("TesseraBatchNormGradient")
    .Input("x: float")
    .Input("dy: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("mean: float")
    .Input("variance: float")
    .Output("dx: float")
    .Output("dgamma: float")
    .Output("dbeta: float")
    .Attr("epsilon: float")
    .Attr("activation: {'none', 'swish'} = 'none'")
    .Attr("through_statistics: bool = true")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      c->set_output(0, c->input(0));
      c->set_output(1, c->input(2));
      c->set_output(2, c->input(2));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraBatchNormGradient").Device(tensorflow::DEVICE_CPU), BatchNormGradient);

}  // namespace
}  // namespace tessera
