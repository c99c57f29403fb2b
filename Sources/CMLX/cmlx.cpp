// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The engine's and the arrays' part of the C face.

#include "cmlx.h"

#include <dlfcn.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "fused/fused.h"
#include "fused/gemm.h"
#include "fused/kept_memory.h"
#include "mlx/mlx.h"
#include "mlx/version.h"
#include "shim.h"

namespace mx = mlx::core;
using koine::dtype_of;
using koine::guarded;
using koine::make;
using koine::shape_of;
using koine::values_of;

// The fused operators use headers of MLX that it does not promise to keep.
static_assert(MLX_VERSION_NUMERIC == 32004, "built for MLX 0.32.4: run scripts/setup");

extern "C" {

const char *cmlx_last_error(void) { return koine::lastError().c_str(); }

// MARK: Engine

const char *cmlx_version(void) { return mx::version(); }

const char *cmlx_blas(void) {
  // The symbol lookup follows the order in which the dynamic linker resolved cblas_sgemm.
  using Config = char *(*)(void);
  static std::string name = [] {
    auto config = reinterpret_cast<Config>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
    Dl_info sgemm{}, openblas{};
    void *address = dlsym(RTLD_DEFAULT, "cblas_sgemm");
    if (config == nullptr || address == nullptr ||
        dladdr(address, &sgemm) == 0 ||
        dladdr(reinterpret_cast<void *>(config), &openblas) == 0 ||
        std::string(sgemm.dli_fname) != openblas.dli_fname) {
      return std::string("reference BLAS");
    }
    std::string text = config();
    auto core = reinterpret_cast<Config>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    if (core != nullptr && text.find(core()) == std::string::npos) text += std::string(" ") + core();
    return text;
  }();
  return name.c_str();
}

int cmlx_set_threads(int count) {
  return guarded([&] { koine::setThreadCount(count); });
}
const char *cmlx_fused_instruction_set(void) { return koine::kernelName(); }
void cmlx_fused_limit_instruction_set(int narrow) { koine::limitKernel(narrow != 0); }

const char *cmlx_default_device(void) {
  return mx::default_device() == mx::Device::gpu ? "gpu" : "cpu";
}

size_t cmlx_peak_memory(void) { return koine::peakMemoryInUse(); }
void cmlx_reset_peak_memory(void) { koine::resetPeakMemoryInUse(); }
int cmlx_clear_cache(void) {
  return guarded([] {
    koine::releaseKeptMemory();
    mx::clear_cache();
  });
}
int cmlx_disable_compile(void) {
  return guarded([] { mx::disable_compile(); });
}

// MARK: Arrays

int cmlx_array_copy(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                    cmlx_dtype dtype) {
  return make(out, [&] {
    auto dimensions = shape_of(shape, rank);
    switch (dtype) {
    case CMLX_FLOAT32: return mx::array(static_cast<const float *>(data), dimensions);
    case CMLX_INT32: return mx::array(static_cast<const int32_t *>(data), dimensions);
    case CMLX_UINT32: return mx::array(static_cast<const uint32_t *>(data), dimensions);
    case CMLX_BOOL: return mx::array(static_cast<const bool *>(data), dimensions);
    case CMLX_FLOAT16:
      return mx::array(static_cast<const mx::float16_t *>(data), dimensions, mx::float16);
    case CMLX_BFLOAT16:
      return mx::array(static_cast<const mx::bfloat16_t *>(data), dimensions, mx::bfloat16);
    case CMLX_OTHER: break;
    }
    throw std::invalid_argument("an element type the shim does not pass");
  });
}

int cmlx_array_external(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                        cmlx_dtype dtype, void *owner, void (*release)(void *owner)) {
  // Released by whoever holds it last: the array, or this call when it fails.
  std::shared_ptr<void> keeper(owner, release);
  return make(out, [&] {
    void *memory = const_cast<void *>(data);
    const auto dimensions = shape_of(shape, rank);
    const auto type = dtype_of(dtype);
    if (mx::default_device() == mx::Device::cpu) {
      // MLX's CPU allocator keeps a number before what it hands out and takes no foreign memory; a
      // buffer that claims to begin that much earlier is foreign memory all the same.
      const std::ptrdiff_t before = koine::bufferHeader();
      if (before >= 0) {
        mx::allocator::Buffer buffer(static_cast<char *>(memory) - before);
        return mx::array(
            mx::allocator::Data(buffer, [keeper](mx::allocator::Buffer) mutable { keeper.reset(); }),
            dimensions, type);
      }
    }
    return mx::array(memory, dimensions, type, [keeper](void *) mutable { keeper.reset(); });
  });
}

int cmlx_array_scalar(cmlx_array *out, float value) {
  return make(out, [&] { return mx::array(value); });
}

int cmlx_array_retain(cmlx_array *out, cmlx_array array) {
  return make(out, [&] { return array->value; });
}

void cmlx_array_free(cmlx_array array) { delete array; }
int cmlx_array_rank(cmlx_array array) { return static_cast<int>(array->value.ndim()); }
int32_t cmlx_array_dimension(cmlx_array array, int axis) { return array->value.shape(axis); }
size_t cmlx_array_size(cmlx_array array) { return array->value.size(); }

cmlx_dtype cmlx_array_dtype(cmlx_array array) {
  switch (array->value.dtype().val()) {
  case mx::Dtype::Val::bool_: return CMLX_BOOL;
  case mx::Dtype::Val::uint32: return CMLX_UINT32;
  case mx::Dtype::Val::int32: return CMLX_INT32;
  case mx::Dtype::Val::float16: return CMLX_FLOAT16;
  case mx::Dtype::Val::bfloat16: return CMLX_BFLOAT16;
  case mx::Dtype::Val::float32: return CMLX_FLOAT32;
  default: return CMLX_OTHER;
  }
}

int cmlx_eval(const cmlx_array *arrays, int count) {
  return guarded([&] { mx::eval(values_of(arrays, count)); });
}

const void *cmlx_array_data(cmlx_array array) {
  const auto &value = array->value;
  if (!value.is_available() || !value.flags().row_contiguous) return nullptr;
  return value.data<char>();
}

// MARK: Plain memory

void cmlx_move_toward(float *average, const float *values, size_t count, float share) {
  koine::moveToward(average, values, count, share);
}
double cmlx_squared_norm(const float *values, size_t count) {
  return koine::squaredNorm(values, count);
}
size_t cmlx_first_non_finite(const float *values, size_t count) {
  auto index = koine::firstNonFinite(values, count);
  return index < 0 ? count : static_cast<size_t>(index);
}

size_t cmlx_first_non_finite_stored(const void *values, size_t count, cmlx_dtype dtype) {
  const auto type = dtype == CMLX_BFLOAT16  ? koine::StoredType::bfloat16
                    : dtype == CMLX_FLOAT16 ? koine::StoredType::float16
                                            : koine::StoredType::float32;
  auto index = koine::firstNonFinite(values, count, type);
  return index < 0 ? count : static_cast<size_t>(index);
}

}  // extern "C"
