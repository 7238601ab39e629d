// The optimiser's step and the moving average, as functions and in place on variables.
#include "parallel.h"
#include "resource.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "vector.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

#define REQUIRE_SHAPE(name, tensor, want)                                                              \
  OP_REQUIRES(context, (tensor).shape() == (want),                                                     \
              tensorflow::errors::InvalidArgument(name, " must have shape ", (want).DebugString(), ", got ", \
                                                  (tensor).shape().DebugString()))

struct Sgd {
  float momentum;
  float weightDecay;

  explicit Sgd(OpKernelConstruction* construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("momentum", &momentum));
    OP_REQUIRES_OK(construction, construction->GetAttr("weight_decay", &weightDecay));
  }

  /** v ← momentum · v + gradient + decay · w; w ← w - rate · v. The results may be written over the arguments. */
  void Step(OpKernelContext* context, int64_t count, const float* w, const float* gradient, const float* v, float rate,
            float* newW, float* newV) const {
    const Sgd s = *this;
    ForPieces(context, count, 1, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i += kLanes) {
        const Floats weight = LoadSome(w + i, to - i);
        Floats velocity = LoadSome(gradient + i, to - i) + weight * s.weightDecay;
        velocity = LoadSome(v + i, to - i) * s.momentum + velocity;
        StoreSome(newV + i, velocity, to - i);
        StoreSome(newW + i, weight - velocity * rate, to - i);
      }
    });
  }
};

/** keep · a + (1 - keep) · b. */
void Towards(OpKernelContext* context, int64_t count, const float* a, const float* b, float keep, float* y) {
  const float move = 1.0f - keep;
  ForPieces(context, count, 1, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += kLanes) {
      StoreSome(y + i, LoadSome(a + i, to - i) * keep + LoadSome(b + i, to - i) * move, to - i);
    }
  });
}

class SgdMomentum : public OpKernel {
 public:
  explicit SgdMomentum(OpKernelConstruction* construction) : OpKernel(construction), sgd_(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& weight = context->input(0);
    const Tensor& gradient = context->input(1);
    const Tensor& velocity = context->input(2);
    REQUIRE_SHAPE("gradient", gradient, weight.shape());
    REQUIRE_SHAPE("velocity", velocity, weight.shape());
    REQUIRE_SHAPE("learning_rate", context->input(3), tensorflow::TensorShape({}));
    Tensor *newWeight, *newVelocity;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, weight.shape(), &newWeight));
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({2, 1}, 1, weight.shape(), &newVelocity));
    sgd_.Step(context, weight.NumElements(), weight.flat<float>().data(), gradient.flat<float>().data(),
              velocity.flat<float>().data(), context->input(3).scalar<float>()(), newWeight->flat<float>().data(),
              newVelocity->flat<float>().data());
  }

 private:
  const Sgd sgd_;
};

class ApplySgdMomentum : public OpKernel {
 public:
  explicit ApplySgdMomentum(OpKernelConstruction* construction) : OpKernel(construction), sgd_(construction) {}

  void Compute(OpKernelContext* context) override {
    WritableVariable weight, velocity;
    OP_REQUIRES_OK(context, weight.Open(context, 0));
    OP_REQUIRES_OK(context, velocity.Open(context, 1, &weight));
    const Tensor& gradient = context->input(2);
    REQUIRE_SHAPE("gradient", gradient, weight.tensor().shape());
    REQUIRE_SHAPE("velocity", velocity.tensor(), weight.tensor().shape());
    REQUIRE_SHAPE("learning_rate", context->input(3), tensorflow::TensorShape({}));
    sgd_.Step(context, gradient.NumElements(), weight.data(), gradient.flat<float>().data(), velocity.data(),
              context->input(3).scalar<float>()(), weight.data(), velocity.data());
  }

 private:
  const Sgd sgd_;
};

class TowardsOp : public OpKernel {
 public:
  explicit TowardsOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("keep", &keep_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& a = context->input(0);
    const Tensor& b = context->input(1);
    REQUIRE_SHAPE("b", b, a.shape());
    Tensor* y;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0, 1}, 0, a.shape(), &y));
    Towards(context, a.NumElements(), a.flat<float>().data(), b.flat<float>().data(), keep_, y->flat<float>().data());
  }

 private:
  float keep_;
};

class ApplyTowards : public OpKernel {
 public:
  explicit ApplyTowards(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("keep", &keep_));
  }

  void Compute(OpKernelContext* context) override {
    WritableVariable a;
    OP_REQUIRES_OK(context, a.Open(context, 0));
    const Tensor& b = context->input(1);
    REQUIRE_SHAPE("b", b, a.tensor().shape());
    Towards(context, b.NumElements(), a.data(), b.flat<float>().data(), keep_, a.data());
  }

 private:
  float keep_;
};

REGISTER_OP("TesseraSgdMomentum")
    .Input("weight: float")
    .Input("gradient: float")
    .Input("velocity: float")
    .Input("learning_rate: float")
    .Output("new_weight: float")
    .Output("new_velocity: float")
    .Attr("momentum: float")
    .Attr("weight_decay: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      c->set_output(0, c->input(0));
      c->set_output(1, c->input(0));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraSgdMomentum").Device(tensorflow::DEVICE_CPU), SgdMomentum);

REGISTER_OP("TesseraApplySgdMomentum")
    .Input("weight: resource")
    .Input("velocity: resource")
    .Input("gradient: float")
    .Input("learning_rate: float")
    .Attr("momentum: float")
    .Attr("weight_decay: float")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs);
REGISTER_KERNEL_BUILDER(Name("TesseraApplySgdMomentum").Device(tensorflow::DEVICE_CPU), ApplySgdMomentum);

REGISTER_OP("TesseraTowards")
    .Input("a: float")
    .Input("b: float")
    .Output("y: float")
    .Attr("keep: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraTowards").Device(tensorflow::DEVICE_CPU), TowardsOp);

REGISTER_OP("TesseraApplyTowards")
    .Input("a: resource")
    .Input("b: float")
    .Attr("keep: float")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs);
REGISTER_KERNEL_BUILDER(Name("TesseraApplyTowards").Device(tensorflow::DEVICE_CPU), ApplyTowards);

}  // namespace
}  // namespace tessera
