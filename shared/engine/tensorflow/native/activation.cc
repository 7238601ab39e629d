// Swish and its gradient, element by element.
#include "parallel.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "vector.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

class SwishForward : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor* y;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, x.shape(), &y));
    const float* from = x.flat<float>().data();
    float* to = y->flat<float>().data();
    ForPieces(context, x.NumElements(), 2, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kLanes) StoreSome(to + i, Swish(LoadSome(from + i, end - i)), end - i);
    });
  }
};

class SwishGradient : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context, x.shape() == dy.shape(),
                tensorflow::errors::InvalidArgument("dy must have shape ", x.shape().DebugString(), ", got ",
                                                    dy.shape().DebugString()));
    Tensor* dx;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({1, 0}, 0, x.shape(), &dx));
    const float* from = x.flat<float>().data();
    const float* gradient = dy.flat<float>().data();
    float* to = dx->flat<float>().data();
    ForPieces(context, x.NumElements(), 2, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kLanes) {
        const Floats slope = SwishSlope(LoadSome(from + i, end - i));
        StoreSome(to + i, LoadSome(gradient + i, end - i) * slope, end - i);
      }
    });
  }
};

REGISTER_OP("TesseraSwish")
    .Input("x: float")
    .Output("y: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraSwish").Device(tensorflow::DEVICE_CPU), SwishForward);

REGISTER_OP("TesseraSwishGradient")
    .Input("x: float")
    .Input("dy: float")
    .Output("dx: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraSwishGradient").Device(tensorflow::DEVICE_CPU), SwishGradient);

}  // namespace
}  // namespace tessera
