// Batch normalisation over N, H and W with the activation behind it, forward.
#include <cmath>
#include <string>

#include "batch-norm.h"
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

/** mean and sum of squared deviations of `count` values, by channel or by column of a period. */
struct Sample {
  float* mean;
  float* spread;
  int64_t count;
};

/** Adds the values of `other` to `sample`, `width` columns (Chan, Golub and LeVeque, 1979). */
void Merge(Sample& sample, const Sample& other, int64_t width) {
  const float total = sample.count + other.count;
  const float share = other.count / total;
  const float cross = static_cast<float>(sample.count) * other.count / total;
  for (int64_t i = 0; i < width; i++) {
    const float step = other.mean[i] - sample.mean[i];
    sample.mean[i] += step * share;
    sample.spread[i] += other.spread[i] + step * step * cross;
  }
  sample.count += other.count;
}

/** The moments of each column of one block of periods: its mean first, then deviations from it, while it is in the cache. */
void BlockMoments(const float* x, int64_t periods, int64_t floats, float* mean, float* spread) {
  for (int64_t i = 0; i < floats; i += kLanes) Store(mean + i, Floats{});
  for (int64_t i = 0; i < floats; i += kLanes) Store(spread + i, Floats{});
  int64_t p = 0;
  for (; p + 4 <= periods; p += 4) {
    const float* row = x + p * floats;
    for (int64_t i = 0; i < floats; i += kLanes) {
      const Floats low = Load(row + i) + Load(row + floats + i);
      const Floats high = Load(row + 2 * floats + i) + Load(row + 3 * floats + i);
      Store(mean + i, Load(mean + i) + (low + high));
    }
  }
  for (; p < periods; p++) {
    for (int64_t i = 0; i < floats; i += kLanes) Store(mean + i, Load(mean + i) + Load(x + p * floats + i));
  }
  const float over = 1.0f / periods;
  for (int64_t i = 0; i < floats; i += kLanes) Store(mean + i, Load(mean + i) * over);
  p = 0;
  for (; p + 4 <= periods; p += 4) {
    const float* row = x + p * floats;
    for (int64_t i = 0; i < floats; i += kLanes) {
      const Floats centre = Load(mean + i);
      const Floats d0 = Load(row + i) - centre;
      const Floats d1 = Load(row + floats + i) - centre;
      const Floats d2 = Load(row + 2 * floats + i) - centre;
      const Floats d3 = Load(row + 3 * floats + i) - centre;
      Store(spread + i, Load(spread + i) + ((d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)));
    }
  }
  for (; p < periods; p++) {
    for (int64_t i = 0; i < floats; i += kLanes) {
      const Floats d = Load(x + p * floats + i) - Load(mean + i);
      Store(spread + i, Load(spread + i) + d * d);
    }
  }
}

/** mean [C] and biased variance [C] of x: columns of blocks are merged, then the columns of a channel, then the tail. */
void Moments(OpKernelContext* context, const float* x, const Periods& periods, float* mean, float* variance) {
  const int64_t floats = periods.floats;
  const int64_t channels = periods.channels;
  std::vector<float> partial(2 * floats * std::max<int64_t>(1, periods.blocks));
  ForEach(context, periods.blocks, 2 * floats * periods.blockPeriods / kLanes, [&](int64_t block) {
    float* to = partial.data() + 2 * floats * block;
    BlockMoments(x + periods.Begin(block) * floats, periods.End(block) - periods.Begin(block), floats, to, to + floats);
  });
  Sample all{partial.data(), partial.data() + floats, periods.blocks > 0 ? periods.End(0) : 0};
  for (int64_t block = 1; block < periods.blocks; block++) {
    float* from = partial.data() + 2 * floats * block;
    Merge(all, {from, from + floats, periods.End(block) - periods.Begin(block)}, floats);
  }
  Sample sample{mean, variance, 0};
  std::fill_n(mean, channels, 0.0f);
  std::fill_n(variance, channels, 0.0f);
  if (all.count > 0) {
    for (int64_t r = 0; r < periods.repeats; r++) {
      Merge(sample, {all.mean + r * channels, all.spread + r * channels, all.count}, channels);
    }
  }
  if (periods.tail > 0) {
    std::vector<float> last(2 * channels, 0.0f);
    const float* tail = x + periods.count * floats;
    const int64_t rows = periods.tail / channels;
    for (int64_t i = 0; i < periods.tail; i++) last[i % channels] += tail[i];
    for (int64_t c = 0; c < channels; c++) last[c] /= rows;
    for (int64_t i = 0; i < periods.tail; i++) {
      const float d = tail[i] - last[i % channels];
      last[channels + i % channels] += d * d;
    }
    Merge(sample, {last.data(), last.data() + channels, rows}, channels);
  }
  for (int64_t c = 0; c < channels; c++) variance[c] /= sample.count;
}

template <bool kSwish>
void Normalise(OpKernelContext* context, const float* x, const Periods& periods, const Affine& affine, float* y) {
  const int64_t floats = periods.floats;
  const float* means = affine.mean.data();
  const float* factors = affine.factor.data();
  const float* betas = affine.beta.data();
  const auto value = [](Floats x, Floats mean, Floats factor, Floats beta) {
    const Floats z = (x - mean) * factor + beta;
    return kSwish ? Swish(z) : z;
  };
  const int64_t tailAt = periods.count * floats;
  for (int64_t i = 0; i < periods.tail; i += kLanes) {
    const int64_t left = periods.tail - i;
    const Floats z = LoadSome(x + tailAt + i, left);
    StoreSome(y + tailAt + i, value(z, Load(means + i), Load(factors + i), Load(betas + i)), left);
  }
  // Last block first: it is the one that the statistics left in the cache.
  ForEach(context, periods.blocks, (kSwish ? 3 : 1) * floats * periods.blockPeriods, [&](int64_t i) {
    const int64_t block = periods.blocks - 1 - i;
    const int64_t end = periods.End(block);
    int64_t p = periods.Begin(block);
    for (; p + 2 <= end; p += 2) {
      const float* from = x + p * floats;
      float* to = y + p * floats;
      for (int64_t i = 0; i < floats; i += kLanes) {
        const Floats mean = Load(means + i), factor = Load(factors + i), beta = Load(betas + i);
        const Floats first = value(Load(from + i), mean, factor, beta);
        const Floats second = value(Load(from + floats + i), mean, factor, beta);
        Store(to + i, first);
        Store(to + floats + i, second);
      }
    }
    for (; p < end; p++) {
      for (int64_t i = 0; i < floats; i += kLanes) {
        const Floats from = Load(x + p * floats + i);
        Store(y + p * floats + i, value(from, Load(means + i), Load(factors + i), Load(betas + i)));
      }
    }
  });
}

void Normalise(OpKernelContext* context, const float* x, const Periods& periods, const Affine& affine, bool swish,
               float* y) {
  if (swish) {
    Normalise<true>(context, x, periods, affine, y);
  } else {
    Normalise<false>(context, x, periods, affine, y);
  }
}

class BatchNormTrain : public OpKernel {
 public:
  explicit BatchNormTrain(OpKernelConstruction* construction) : OpKernel(construction), settings_(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES_OK(context, CheckChannels(context, 1, 2));
    Tensor *y, *mean, *variance;
    const int64_t channels = x.dim_size(x.dims() - 1);
    // Not in place of x: the gradient reads it.
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, {channels}, &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, {channels}, &variance));
    const Periods periods(x.NumElements() / channels, channels);
    const float* from = x.flat<float>().data();
    Moments(context, from, periods, mean->flat<float>().data(), variance->flat<float>().data());
    const Affine affine(periods, settings_.epsilon, context->input(1), context->input(2), *mean, *variance);
    Normalise(context, from, periods, affine, settings_.swish, y->flat<float>().data());
  }

 private:
  const NormSettings settings_;
};

class BatchNormInference : public OpKernel {
 public:
  explicit BatchNormInference(OpKernelConstruction* construction) : OpKernel(construction), settings_(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES_OK(context, CheckChannels(context, 1, 4));
    Tensor* y;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, x.shape(), &y));
    const int64_t channels = x.dim_size(x.dims() - 1);
    const Periods periods(x.NumElements() / channels, channels);
    const Affine affine(periods, settings_.epsilon, context->input(1), context->input(2), context->input(3),
                        context->input(4));
    Normalise(context, x.flat<float>().data(), periods, affine, settings_.swish, y->flat<float>().data());
  }

 private:
  const NormSettings settings_;
};

REGISTER_OP("TesseraBatchNormTrain")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Output("y: float")
    .Output("mean: float")
    .Output("variance: float")
    .Attr("epsilon: float")
    .Attr("activation: {'none', 'swish'} = 'none'")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      c->set_output(0, c->input(0));
      c->set_output(1, c->input(1));
      c->set_output(2, c->input(1));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraBatchNormTrain").Device(tensorflow::DEVICE_CPU), BatchNormTrain);

REGISTER_OP("TesseraBatchNormInference")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("mean: float")
    .Input("variance: float")
    .Output("y: float")
    .Attr("epsilon: float")
    .Attr("activation: {'none', 'swish'} = 'none'")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraBatchNormInference").Device(tensorflow::DEVICE_CPU), BatchNormInference);

}  // namespace
}  // namespace tessera
