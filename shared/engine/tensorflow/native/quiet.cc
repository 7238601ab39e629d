// Loads a library while standard error leads nowhere. TensorFlow 2.21 logs how it was compiled as soon as it is loaded, before anything of it can
// be told not to: two lines on the screen of everyone who starts an agent. An addon of its own, because one that needs the library loads it first.
//
// load(path): null, or what dlopen says is wrong. The library stays loaded; who needs it later finds it.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

napi_value Load(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "load must have a path, got something else");
    return nullptr;
  }
  std::string path(length, '\0');
  napi_get_value_string_utf8(env, argument, path.data(), length + 1, &length);
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (saved >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  const void* library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  std::fflush(stderr);
  if (saved >= 0) dup2(saved, STDERR_FILENO);
  if (saved >= 0) close(saved);
  if (nowhere >= 0) close(nowhere);
  napi_value result = nullptr;
  if (library != nullptr) {
    napi_get_null(env, &result);
  } else {
    const char* fault = dlerror();
    napi_create_string_utf8(env, fault != nullptr ? fault : "dlopen failed", NAPI_AUTO_LENGTH, &result);
  }
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value load = nullptr;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, Load, nullptr, &load);
  napi_set_named_property(env, exports, "load", load);
  return exports;
}
