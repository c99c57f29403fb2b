// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// What the fused kernels have in common as MLX primitives: they run on CPU streams only, allocate their
// outputs when scheduled, and compute on the stream's thread (and the pool) later. An exception thrown while
// computing is kept by MLX's stream and reaches the caller of `eval` as std::runtime_error.
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"
#include "mlx/version.h"

#include "buffer.h"
#include "kept_memory.h"
#include "stored.h"

#if MLX_VERSION_NUMERIC != 32004
#error "The fused kernels use MLX's internal headers and are written for 0.32.4."
#endif

namespace koine {

namespace mx = mlx::core;
using mx::array;

class FusedPrimitive : public mx::Primitive {
 public:
  using mx::Primitive::Primitive;

  void eval_gpu(const std::vector<array>&, std::vector<array>&) override {
    throw std::runtime_error(
        std::string("fused kernel ") + name() + " runs on the CPU; use the plain MLX graph on a GPU.");
  }

 protected:
  static void allocate(std::vector<array>& outputs) {
    for (array& output : outputs) output.set_data(keptMemory(output.nbytes()));
  }

  /// Hands `work` to the stream. MLX keeps the buffers of inputs and outputs until it has run, so raw
  /// pointers into them may be captured.
  template <class Work>
  void schedule(Work work) {
    mx::cpu::get_command_encoder(stream()).dispatch(std::move(work));
  }
};

inline mx::Stream cpuStream() { return mx::default_stream(mx::Device::cpu); }

/// "[2, 3]".
inline std::string text(const mx::Shape& shape) {
  std::string result = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    result += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return result + "]";
}

[[noreturn]] inline void refuse(
    const char* kernel, const char* argument, const std::string& expected, const std::string& found) {
  throw std::invalid_argument(
      std::string(kernel) + ": " + argument + ": expected " + expected + ", found " + found + ".");
}

inline const char* text(mx::Dtype type) {
  if (type == mx::float32) return "float32";
  if (type == mx::float16) return "float16";
  if (type == mx::bfloat16) return "bfloat16";
  if (type == mx::float64) return "float64";
  if (type == mx::int32) return "int32";
  if (type == mx::int64) return "int64";
  if (type == mx::uint32) return "uint32";
  if (type == mx::bool_) return "bool";
  return "another type";
}

inline void expectType(
    const char* kernel, const char* argument, const array& value, mx::Dtype type) {
  if (value.dtype() != type) refuse(kernel, argument, text(type), text(value.dtype()));
}

inline void expectShape(
    const char* kernel, const char* argument, const array& value, const mx::Shape& shape) {
  if (value.shape() != shape) refuse(kernel, argument, "shape " + text(shape), text(value.shape()));
}

inline void expectRank(
    const char* kernel, const char* argument, const array& value, std::size_t rank,
    const char* letters) {
  if (value.ndim() != rank) {
    refuse(kernel, argument, std::string("shape ") + letters, text(value.shape()));
  }
}

/// Whether evaluating `value` surely gives row-major memory.
inline bool isRowMajor(const array& value) {
  if (value.status() == array::Status::available) return value.flags().row_contiguous;
  if (!value.has_primitive()) return false;
  const mx::Primitive& primitive = value.primitive();
  if (dynamic_cast<const FusedPrimitive*>(&primitive) != nullptr) return true;
  // By name, since MLX does not export the types of its primitives.
  return std::strcmp(primitive.name(), "Reshape") == 0 && isRowMajor(value.inputs()[0]);
}

/// Row-major memory: a copy only where the array is a view of another order, a graph node only where it
/// may be one. A step of generation has hundreds of nodes, and each takes a microsecond or two.
inline array rowMajor(const array& value) {
  return isRowMajor(value) ? value : mx::contiguous(value, false, cpuStream());
}

inline void expectStoredType(const char* kernel, const char* argument, const array& value) {
  if (!isStoredType(value.dtype())) {
    refuse(kernel, argument, "float32, bfloat16 or float16", text(value.dtype()));
  }
}

}  // namespace koine
