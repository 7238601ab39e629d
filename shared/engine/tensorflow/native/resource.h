// A variable of the session, changed where it lies.
#ifndef TESSERA_RESOURCE_H_
#define TESSERA_RESOURCE_H_

#include <algorithm>
#include <memory>

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_mgr.h"
#include "tensorflow/core/framework/resource_var.h"

namespace tessera {

/**
 * A variable, locked until the end of the scope, with its values to write to. A buffer that a reader still holds is copied first,
 * so that what was read before the step stays as it was.
 */
class WritableVariable {
 public:
  /** `held`: a variable that is locked already, and must be another one. */
  absl::Status Open(tensorflow::OpKernelContext* context, int index, const WritableVariable* held = nullptr) {
    TF_RETURN_IF_ERROR(tensorflow::LookupResource(context, tensorflow::HandleFromInput(context, index), &variable_));
    if (held != nullptr && held->variable_.get() == variable_.get()) {
      return tensorflow::errors::InvalidArgument("input ", index, " must be another variable, got the same");
    }
    lock_ = std::make_unique<tensorflow::mutex_lock>(*variable_->mu());
    tensorflow::Tensor* tensor = variable_->tensor();
    if (!variable_->is_initialized || tensor->dtype() != tensorflow::DT_FLOAT) {
      return tensorflow::errors::FailedPrecondition("variable must be initialized and of float32, input ", index);
    }
    if (!tensor->RefCountIsOne()) {
      tensorflow::Tensor copy;
      TF_RETURN_IF_ERROR(context->allocate_temp(tensorflow::DT_FLOAT, tensor->shape(), &copy));
      std::copy_n(tensor->flat<float>().data(), tensor->NumElements(), copy.flat<float>().data());
      *tensor = copy;
    }
    return absl::OkStatus();
  }

  tensorflow::Tensor& tensor() { return *variable_->tensor(); }
  float* data() { return tensor().flat<float>().data(); }

 private:
  tensorflow::core::RefCountPtr<tensorflow::Var> variable_;
  std::unique_ptr<tensorflow::mutex_lock> lock_;
};

}  // namespace tessera

#endif  // TESSERA_RESOURCE_H_
