// Graphs and sessions of TensorFlow for Node: a graph is built op by op with its shapes inferred at once, then run with plain
// typed arrays in and out, off the main thread.
//
// createGraph() -> graph
// addOperation(graph, type, name, inputs [[op, index], ...] (a list's one after the other), controls [op, ...], attributes [{name, type, value}, ...])
//   -> [{dtype, shape}, ...]; a dimension that TensorFlow cannot infer is -1
// createSession(graph, config: Uint8Array of a ConfigProto) -> session
// runSession(session, feeds [{op, dtype, shape, data: Uint8Array}, ...], fetches [[op, index], ...], targets [op, ...])
//   -> Promise of [{dtype, shape, data: ArrayBuffer}, ...]
// closeSession(session)
#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_def.pb.h"

namespace tessera {
namespace {

// A failure on its way to JavaScript. Never crosses the N-API border as a C++ exception: every entry catches it.
struct Failure {
  std::string message;
};

void Check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw Failure{info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API call failed"};
}

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  TF_Status* get() { return status_; }
  void Throw() const {
    if (TF_GetCode(status_) != TF_OK) throw Failure{TF_Message(status_)};
  }

 private:
  TF_Status* status_;
};

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  Check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  Check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

int64_t Integer(napi_env env, napi_value value) {
  int64_t number = 0;
  Check(env, napi_get_value_int64(env, value, &number));
  return number;
}

double Number(napi_env env, napi_value value) {
  double number = 0;
  Check(env, napi_get_value_double(env, value, &number));
  return number;
}

bool Truth(napi_env env, napi_value value) {
  bool truth = false;
  Check(env, napi_get_value_bool(env, value, &truth));
  return truth;
}

uint32_t Length(napi_env env, napi_value array) {
  uint32_t length = 0;
  Check(env, napi_get_array_length(env, array, &length));
  return length;
}

napi_value Element(napi_env env, napi_value array, uint32_t index) {
  napi_value element = nullptr;
  Check(env, napi_get_element(env, array, index, &element));
  return element;
}

napi_value Property(napi_env env, napi_value object, const char* name) {
  napi_value property = nullptr;
  Check(env, napi_get_named_property(env, object, name, &property));
  return property;
}

bool IsArray(napi_env env, napi_value value) {
  bool is = false;
  Check(env, napi_is_array(env, value, &is));
  return is;
}

std::vector<int64_t> Integers(napi_env env, napi_value array) {
  std::vector<int64_t> numbers(Length(env, array));
  for (uint32_t i = 0; i < numbers.size(); i++) numbers[i] = Integer(env, Element(env, array, i));
  return numbers;
}

std::vector<std::string> Texts(napi_env env, napi_value array) {
  std::vector<std::string> texts(Length(env, array));
  for (uint32_t i = 0; i < texts.size(); i++) texts[i] = Text(env, Element(env, array, i));
  return texts;
}

std::pair<const uint8_t*, size_t> Bytes(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  Check(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) throw Failure{"bytes must be a Uint8Array, got another array"};
  return {static_cast<const uint8_t*>(data), length};
}

struct Graph {
  Graph() : graph(TF_NewGraph()) {}
  ~Graph() { TF_DeleteGraph(graph); }
  TF_Graph* graph;
};

// Holds on to its graph: JavaScript may drop either first.
struct Session {
  std::shared_ptr<Graph> graph;
  TF_Session* session = nullptr;
  ~Session() {
    if (session == nullptr) return;
    Status status;
    TF_DeleteSession(session, status.get());
  }
};

template <typename T>
napi_value Wrap(napi_env env, std::shared_ptr<T> object) {
  napi_value external = nullptr;
  auto* holder = new std::shared_ptr<T>(std::move(object));
  const auto release = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<T>*>(data); };
  Check(env, napi_create_external(env, holder, release, nullptr, &external));
  return external;
}

template <typename T>
std::shared_ptr<T> Unwrap(napi_env env, napi_value external) {
  void* data = nullptr;
  Check(env, napi_get_value_external(env, external, &data));
  return *static_cast<std::shared_ptr<T>*>(data);
}

TF_Operation* Find(TF_Graph* graph, const std::string& name) {
  TF_Operation* operation = TF_GraphOperationByName(graph, name.c_str());
  if (operation == nullptr) throw Failure{"graph must have operation " + name + ", got none"};
  return operation;
}

TF_Output Output(napi_env env, TF_Graph* graph, napi_value pair) {
  TF_Operation* operation = Find(graph, Text(env, Element(env, pair, 0)));
  return {operation, static_cast<int>(Integer(env, Element(env, pair, 1)))};
}

using TensorPtr = std::unique_ptr<TF_Tensor, decltype(&TF_DeleteTensor)>;

// {dtype, shape, data} as a tensor of its own memory.
TensorPtr ToTensor(napi_env env, napi_value value) {
  const auto dtype = static_cast<TF_DataType>(Integer(env, Property(env, value, "dtype")));
  const std::vector<int64_t> shape = Integers(env, Property(env, value, "shape"));
  const auto [data, length] = Bytes(env, Property(env, value, "data"));
  size_t wanted = TF_DataTypeSize(dtype);
  for (int64_t size : shape) wanted *= static_cast<size_t>(size);
  if (wanted != length) {
    throw Failure{"tensor must have " + std::to_string(wanted) + " bytes, got " + std::to_string(length)};
  }
  TensorPtr tensor(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), length), TF_DeleteTensor);
  if (length > 0) std::memcpy(TF_TensorData(tensor.get()), data, length);
  return tensor;
}

napi_value ShapeValue(napi_env env, const std::vector<int64_t>& shape) {
  napi_value array = nullptr;
  Check(env, napi_create_array_with_length(env, shape.size(), &array));
  for (size_t i = 0; i < shape.size(); i++) {
    napi_value size = nullptr;
    Check(env, napi_create_int64(env, shape[i], &size));
    Check(env, napi_set_element(env, array, static_cast<uint32_t>(i), size));
  }
  return array;
}

napi_value TensorInfo(napi_env env, TF_DataType dtype, const std::vector<int64_t>& shape) {
  napi_value info = nullptr;
  napi_value type = nullptr;
  Check(env, napi_create_object(env, &info));
  Check(env, napi_create_int32(env, dtype, &type));
  Check(env, napi_set_named_property(env, info, "dtype", type));
  Check(env, napi_set_named_property(env, info, "shape", ShapeValue(env, shape)));
  return info;
}

void SetList(napi_env env, TF_OperationDescription* description, const char* name, TF_AttrType type, napi_value value) {
  const std::vector<int64_t> numbers = Integers(env, value);
  const int count = static_cast<int>(numbers.size());
  if (type == TF_ATTR_INT) {
    TF_SetAttrIntList(description, name, numbers.data(), count);
  } else if (type == TF_ATTR_TYPE) {
    std::vector<TF_DataType> types;
    for (int64_t number : numbers) types.push_back(static_cast<TF_DataType>(number));
    TF_SetAttrTypeList(description, name, types.data(), count);
  } else if (type == TF_ATTR_SHAPE) {
    TF_SetAttrShape(description, name, numbers.data(), count);
  } else {
    throw Failure{std::string("attribute ") + name + " must not be a list of its type"};
  }
}

// Attributes as TensorFlow.js writes them, and `tensor` for a constant.
void SetAttribute(napi_env env, TF_OperationDescription* description, napi_value attribute) {
  const std::string name = Text(env, Property(env, attribute, "name"));
  napi_value value = Property(env, attribute, "value");
  const auto type = static_cast<TF_AttrType>(Integer(env, Property(env, attribute, "type")));
  if (type == TF_ATTR_TENSOR) {
    Status status;
    TensorPtr tensor = ToTensor(env, value);
    TF_SetAttrTensor(description, name.c_str(), tensor.get(), status.get());
    return status.Throw();
  }
  if (IsArray(env, value)) return SetList(env, description, name.c_str(), type, value);
  switch (type) {
    case TF_ATTR_STRING: {
      const std::string text = Text(env, value);
      return TF_SetAttrString(description, name.c_str(), text.data(), text.size());
    }
    case TF_ATTR_INT:
      return TF_SetAttrInt(description, name.c_str(), Integer(env, value));
    case TF_ATTR_FLOAT:
      return TF_SetAttrFloat(description, name.c_str(), static_cast<float>(Number(env, value)));
    case TF_ATTR_BOOL:
      return TF_SetAttrBool(description, name.c_str(), Truth(env, value));
    case TF_ATTR_TYPE:
      return TF_SetAttrType(description, name.c_str(), static_cast<TF_DataType>(Integer(env, value)));
    default:
      throw Failure{"attribute " + name + " must have a known type, got " + std::to_string(type)};
  }
}

// How many tensors each input of an op takes when it is given `given` in all, a list's one after the other: -1 for an input that is no list.
std::vector<int> InputSizes(const std::string& type, uint32_t given) {
  const tensorflow::OpDef* definition = nullptr;
  const absl::Status found = tensorflow::OpRegistry::Global()->LookUpOpDef(type, &definition);
  if (!found.ok()) throw Failure{std::string(found.message())};
  std::vector<int> sizes;
  int lists = 0;
  for (const auto& input : definition->input_arg()) {
    const bool list = !input.number_attr().empty() || !input.type_list_attr().empty();
    sizes.push_back(list ? static_cast<int>(given) - definition->input_arg_size() + 1 : -1);
    lists += list ? 1 : 0;
  }
  const bool fits = lists == 0 ? given == sizes.size() : given + 1 >= sizes.size();
  if (lists > 1 || !fits) throw Failure{"op " + type + " must not have " + std::to_string(given) + " inputs"};
  return sizes;
}

void AddInputs(TF_OperationDescription* description, const std::string& type, const std::vector<TF_Output>& inputs) {
  size_t next = 0;
  for (const int size : InputSizes(type, static_cast<uint32_t>(inputs.size()))) {
    if (size < 0) {
      TF_AddInput(description, inputs[next++]);
    } else {
      TF_AddInputList(description, inputs.data() + next, size);
      next += static_cast<size_t>(size);
    }
  }
}

napi_value CreateGraph(napi_env env, const std::vector<napi_value>&) {
  return Wrap(env, std::make_shared<Graph>());
}

napi_value AddOperation(napi_env env, const std::vector<napi_value>& args) {
  TF_Graph* graph = Unwrap<Graph>(env, args.at(0))->graph;
  const std::string type = Text(env, args.at(1));
  const std::string name = Text(env, args.at(2));
  // Everything that can fail on our side comes before the description: TensorFlow has no way to give one up.
  std::vector<TF_Output> inputs(Length(env, args.at(3)));
  for (uint32_t i = 0; i < inputs.size(); i++) inputs[i] = Output(env, graph, Element(env, args.at(3), i));
  const std::vector<std::string> controls = Texts(env, args.at(4));
  const uint32_t attributes = Length(env, args.at(5));
  TF_OperationDescription* description = TF_NewOperation(graph, type.c_str(), name.c_str());
  std::string failed;
  try {
    AddInputs(description, type, inputs);
    for (const std::string& control : controls) TF_AddControlInput(description, Find(graph, control));
    for (uint32_t i = 0; i < attributes; i++) SetAttribute(env, description, Element(env, args.at(5), i));
  } catch (const Failure& failure) {
    failed = failure.message;
  }
  Status status;
  TF_Operation* operation = TF_FinishOperation(description, status.get());
  if (!failed.empty()) throw Failure{failed};
  status.Throw();
  napi_value outputs = nullptr;
  const int count = TF_OperationNumOutputs(operation);
  Check(env, napi_create_array_with_length(env, static_cast<size_t>(count), &outputs));
  for (int i = 0; i < count; i++) {
    const TF_Output output{operation, i};
    const int rank = TF_GraphGetTensorNumDims(graph, output, status.get());
    status.Throw();
    std::vector<int64_t> shape(rank < 0 ? 1 : static_cast<size_t>(rank), -1);
    if (rank > 0) TF_GraphGetTensorShape(graph, output, shape.data(), rank, status.get());
    status.Throw();
    Check(env, napi_set_element(env, outputs, static_cast<uint32_t>(i),
                                TensorInfo(env, TF_OperationOutputType(output), shape)));
  }
  return outputs;
}

napi_value CreateSession(napi_env env, const std::vector<napi_value>& args) {
  auto session = std::make_shared<Session>();
  session->graph = Unwrap<Graph>(env, args.at(0));
  const auto [config, length] = Bytes(env, args.at(1));
  Status status;
  std::unique_ptr<TF_SessionOptions, decltype(&TF_DeleteSessionOptions)> options(TF_NewSessionOptions(),
                                                                                 TF_DeleteSessionOptions);
  TF_SetConfig(options.get(), config, length, status.get());
  status.Throw();
  session->session = TF_NewSession(session->graph->graph, options.get(), status.get());
  status.Throw();
  return Wrap(env, std::move(session));
}

napi_value CloseSession(napi_env env, const std::vector<napi_value>& args) {
  const std::shared_ptr<Session> session = Unwrap<Session>(env, args.at(0));
  Status status;
  if (session->session != nullptr) TF_CloseSession(session->session, status.get());
  status.Throw();
  napi_value nothing = nullptr;
  Check(env, napi_get_undefined(env, &nothing));
  return nothing;
}

// One run: filled on the main thread, executed on another, answered on the main thread.
struct Run {
  std::shared_ptr<Session> session;
  std::vector<TF_Output> feeds;
  std::vector<TensorPtr> feed_tensors;
  std::vector<TF_Output> fetches;
  std::vector<TF_Tensor*> fetched;
  std::vector<const TF_Operation*> targets;
  Status status;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  ~Run() {
    for (TF_Tensor* tensor : fetched) {
      if (tensor != nullptr) TF_DeleteTensor(tensor);
    }
  }
};

void Execute(napi_env, void* data) {
  Run* run = static_cast<Run*>(data);
  std::vector<TF_Tensor*> values;
  for (const TensorPtr& tensor : run->feed_tensors) values.push_back(tensor.get());
  TF_SessionRun(run->session->session, nullptr, run->feeds.data(), values.data(), static_cast<int>(values.size()),
                run->fetches.data(), run->fetched.data(), static_cast<int>(run->fetches.size()), run->targets.data(),
                static_cast<int>(run->targets.size()), nullptr, run->status.get());
}

napi_value Fetched(napi_env env, const std::vector<TF_Tensor*>& tensors) {
  napi_value results = nullptr;
  Check(env, napi_create_array_with_length(env, tensors.size(), &results));
  for (size_t i = 0; i < tensors.size(); i++) {
    TF_Tensor* tensor = tensors[i];
    std::vector<int64_t> shape(static_cast<size_t>(TF_NumDims(tensor)));
    for (size_t d = 0; d < shape.size(); d++) shape[d] = TF_Dim(tensor, static_cast<int>(d));
    napi_value info = TensorInfo(env, TF_TensorType(tensor), shape);
    void* bytes = nullptr;
    napi_value buffer = nullptr;
    const size_t length = TF_TensorByteSize(tensor);
    Check(env, napi_create_arraybuffer(env, length, &bytes, &buffer));
    if (length > 0) std::memcpy(bytes, TF_TensorData(tensor), length);
    Check(env, napi_set_named_property(env, info, "data", buffer));
    Check(env, napi_set_element(env, results, static_cast<uint32_t>(i), info));
  }
  return results;
}

napi_value ErrorValue(napi_env env, const std::string& message) {
  napi_value text = nullptr;
  napi_value error = nullptr;
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_create_error(env, nullptr, text, &error);
  return error;
}

void Complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<Run> run(static_cast<Run*>(data));
  try {
    run->status.Throw();
    napi_resolve_deferred(env, run->deferred, Fetched(env, run->fetched));
  } catch (const Failure& failure) {
    napi_reject_deferred(env, run->deferred, ErrorValue(env, failure.message));
  }
  napi_delete_async_work(env, run->work);
}

napi_value RunSession(napi_env env, const std::vector<napi_value>& args) {
  auto run = std::make_unique<Run>();
  run->session = Unwrap<Session>(env, args.at(0));
  TF_Graph* graph = run->session->graph->graph;
  for (uint32_t i = 0; i < Length(env, args.at(1)); i++) {
    napi_value feed = Element(env, args.at(1), i);
    run->feeds.push_back({Find(graph, Text(env, Property(env, feed, "op"))), 0});
    run->feed_tensors.push_back(ToTensor(env, feed));
  }
  for (uint32_t i = 0; i < Length(env, args.at(2)); i++) {
    run->fetches.push_back(Output(env, graph, Element(env, args.at(2), i)));
  }
  run->fetched.resize(run->fetches.size(), nullptr);
  for (const std::string& target : Texts(env, args.at(3))) run->targets.push_back(Find(graph, target));
  napi_value promise = nullptr;
  napi_value name = nullptr;
  Check(env, napi_create_string_utf8(env, "tessera:runSession", NAPI_AUTO_LENGTH, &name));
  Check(env, napi_create_promise(env, &run->deferred, &promise));
  Check(env, napi_create_async_work(env, nullptr, name, Execute, Complete, run.get(), &run->work));
  Check(env, napi_queue_async_work(env, run->work));
  run.release();  // Complete deletes it.
  return promise;
}

template <napi_value (*Entry)(napi_env, const std::vector<napi_value>&), size_t Count>
napi_value Call(napi_env env, napi_callback_info info) {
  try {
    size_t count = Count;
    std::vector<napi_value> args(Count);
    Check(env, napi_get_cb_info(env, info, &count, args.data(), nullptr, nullptr));
    if (count < Count) throw Failure{"call must have " + std::to_string(Count) + " arguments, got " + std::to_string(count)};
    return Entry(env, args);
  } catch (const Failure& failure) {
    napi_throw_error(env, nullptr, failure.message.c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

template <napi_value (*Entry)(napi_env, const std::vector<napi_value>&), size_t Count>
void Export(napi_env env, napi_value exports, const char* name) {
  napi_value function = nullptr;
  Check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, Call<Entry, Count>, nullptr, &function));
  Check(env, napi_set_named_property(env, exports, name, function));
}

}  // namespace
}  // namespace tessera

NAPI_MODULE_INIT() {
  using namespace tessera;
  try {
    Export<CreateGraph, 0>(env, exports, "createGraph");
    Export<AddOperation, 6>(env, exports, "addOperation");
    Export<CreateSession, 2>(env, exports, "createSession");
    Export<RunSession, 4>(env, exports, "runSession");
    Export<CloseSession, 1>(env, exports, "closeSession");
  } catch (const Failure& failure) {
    napi_throw_error(env, nullptr, failure.message.c_str());
  }
  return exports;
}
