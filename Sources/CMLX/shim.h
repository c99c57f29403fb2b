// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// What the files behind cmlx.h share: the array handle, and the boundary no exception crosses.
#pragma once

#include <exception>
#include <string>
#include <utility>

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
