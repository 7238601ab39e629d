// What batch normalisation and its gradient share.
#ifndef TESSERA_BATCH_NORM_H_
#define TESSERA_BATCH_NORM_H_

#include <cmath>
#include <string>
#include <vector>

#include "periods.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tessera {

struct NormSettings {
  float epsilon;
  bool swish;

  explicit NormSettings(tensorflow::OpKernelConstruction* construction) {
    std::string activation;
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon));
    OP_REQUIRES_OK(construction, construction->GetAttr("activation", &activation));
    swish = activation == "swish";
  }
};

/** Refuses an input 0 without channels, and inputs `first` to `last` that are not one value a channel. */
inline absl::Status CheckChannels(tensorflow::OpKernelContext* context, int first, int last) {
  const tensorflow::Tensor& x = context->input(0);
  if (x.dims() < 1 || x.NumElements() == 0) {
    return tensorflow::errors::InvalidArgument("x must have values, got shape ", x.shape().DebugString());
  }
  const int64_t channels = x.dim_size(x.dims() - 1);
  for (int i = first; i <= last; i++) {
    const auto& shape = context->input(i).shape();
    if (shape.dims() != 1 || shape.dim_size(0) != channels) {
      return tensorflow::errors::InvalidArgument("input ", i, " must have shape [", channels, "], got ",
                                                 shape.DebugString());
    }
  }
  return absl::OkStatus();
}

/** z = (x - mean) · factor + beta, with factor = γ · inverse and inverse = 1 / √(variance + ε); each for one period. */
struct Affine {
  std::vector<float> mean, inverse, factor, beta;

  Affine(const Periods& periods, float epsilon, const tensorflow::Tensor& gamma, const tensorflow::Tensor& beta,
         const tensorflow::Tensor& mean, const tensorflow::Tensor& variance)
      : mean(periods.Repeat(mean.flat<float>().data())),
        inverse(periods.Repeat(variance.flat<float>().data())),
        factor(periods.Repeat(gamma.flat<float>().data())),
        beta(periods.Repeat(beta.flat<float>().data())) {
    for (int64_t i = 0; i < periods.floats; i++) {
      inverse[i] = 1.0f / std::sqrt(inverse[i] + epsilon);
      factor[i] *= inverse[i];
    }
  }
};

}  // namespace tessera

#endif  // TESSERA_BATCH_NORM_H_
