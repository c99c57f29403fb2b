// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// What the files behind cmlx.h share: the array handle, what C types mean to MLX, and the boundary no exception
// crosses.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cmlx.h"
#include "mlx/array.h"

struct cmlx_array_s {
  mlx::core::array value;
};

namespace koine {

/// The text of this thread's last failing call.
inline std::string &lastError() {
  thread_local std::string text;
  return text;
}

inline cmlx_array wrap(mlx::core::array value) { return new cmlx_array_s{std::move(value)}; }

inline mlx::core::Dtype dtype_of(cmlx_dtype dtype) {
  switch (dtype) {
  case CMLX_BOOL: return mlx::core::bool_;
  case CMLX_UINT32: return mlx::core::uint32;
  case CMLX_INT32: return mlx::core::int32;
  case CMLX_FLOAT16: return mlx::core::float16;
  case CMLX_BFLOAT16: return mlx::core::bfloat16;
  case CMLX_FLOAT32: return mlx::core::float32;
  case CMLX_OTHER: break;
  }
  throw std::invalid_argument("an element type the shim does not pass");
}

inline mlx::core::Shape shape_of(const int32_t *shape, int rank) {
  return mlx::core::Shape(shape, shape + rank);
}

inline std::vector<mlx::core::array> values_of(const cmlx_array *arrays, int count) {
  std::vector<mlx::core::array> values;
  values.reserve(count);
  for (int i = 0; i < count; ++i) values.push_back(arrays[i]->value);
  return values;
}

/// The one exception boundary: runs `body`, turns whatever it throws into a status.
template <typename Body>
int guarded(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception &problem) {
    lastError() = problem.what();
  } catch (...) {
    lastError() = "an unknown C++ exception";
  }
  return 1;
}

template <typename Make>
int make(cmlx_array *out, Make body) noexcept {
  return guarded([&] { *out = wrap(body()); });
}

}  // namespace koine
