// The queue of teacher features: rows written to a ring, as a function and in place on a variable.
#include <algorithm>

#include "resource.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

/** Refuses rows that are not as wide as the ring, and an index that is not in it. */
absl::Status CheckRing(const Tensor& ring, const Tensor& rows, const Tensor& index) {
  if (ring.dims() != 2 || rows.dims() != 2 || rows.dim_size(1) != ring.dim_size(1)) {
    return tensorflow::errors::InvalidArgument("rows must be as wide as the queue of ", ring.shape().DebugString(),
                                               ", got ", rows.shape().DebugString());
  }
  if (index.dims() != 0) {
    return tensorflow::errors::InvalidArgument("index must be a scalar, got ", index.shape().DebugString());
  }
  const int32_t at = index.scalar<int32_t>()();
  if (at < 0 || at >= ring.dim_size(0)) {
    return tensorflow::errors::InvalidArgument("index must be in [0, ", ring.dim_size(0), "), got ", at);
  }
  return absl::OkStatus();
}

/** Writes the rows from `index` on, going on at row 0; of rows that fall on one slot the last stays. */
void Write(float* ring, int64_t size, const Tensor& rows, int64_t index) {
  const int64_t width = rows.dim_size(1);
  const int64_t count = rows.dim_size(0);
  const float* from = rows.flat<float>().data();
  for (int64_t r = std::max<int64_t>(0, count - size); r < count; r++) {
    std::copy_n(from + r * width, width, ring + (index + r) % size * width);
  }
}

class Enqueue : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& queue = context->input(0);
    OP_REQUIRES_OK(context, CheckRing(queue, context->input(1), context->input(2)));
    Tensor* moved;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output({0}, 0, queue.shape(), &moved));
    float* to = moved->flat<float>().data();
    const float* from = queue.flat<float>().data();
    if (to != from) std::copy_n(from, queue.NumElements(), to);
    Write(to, queue.dim_size(0), context->input(1), context->input(2).scalar<int32_t>()());
  }
};

class ApplyEnqueue : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    WritableVariable queue;
    OP_REQUIRES_OK(context, queue.Open(context, 0));
    OP_REQUIRES_OK(context, CheckRing(queue.tensor(), context->input(1), context->input(2)));
    Write(queue.data(), queue.tensor().dim_size(0), context->input(1), context->input(2).scalar<int32_t>()());
  }
};

REGISTER_OP("TesseraEnqueue")
    .Input("queue: float")
    .Input("rows: float")
    .Input("index: int32")
    .Output("moved: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape);
REGISTER_KERNEL_BUILDER(Name("TesseraEnqueue").Device(tensorflow::DEVICE_CPU), Enqueue);

REGISTER_OP("TesseraApplyEnqueue")
    .Input("queue: resource")
    .Input("rows: float")
    .Input("index: int32")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs);
REGISTER_KERNEL_BUILDER(Name("TesseraApplyEnqueue").Device(tensorflow::DEVICE_CPU), ApplyEnqueue);

}  // namespace
}  // namespace tessera
