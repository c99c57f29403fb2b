// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The part of the C face that is MLX's own operators, and gradients through them.

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "cmlx.h"
#include "mlx/mlx.h"
#include "shim.h"

namespace mx = mlx::core;
using koine::dtype_of;
using koine::guarded;
using koine::make;
using koine::shape_of;
using koine::values_of;
using koine::wrap;

namespace {

// Calls a function of Swift: handles in, as many arrays out as promised.
std::vector<mx::array> call(cmlx_function function, void *context,
                            const std::vector<mx::array> &arguments, int output_count) {
  std::vector<cmlx_array> handles;
  for (const auto &argument : arguments) handles.push_back(wrap(argument));
  std::vector<cmlx_array> outputs(output_count, nullptr);
  if (function(context, handles.data(), static_cast<int>(handles.size()), outputs.data(),
               output_count) != 0) {
    throw std::runtime_error("the differentiated function failed");
  }
  std::vector<mx::array> results;
  for (auto handle : outputs) {
    results.push_back(std::move(handle->value));
    delete handle;
  }
  return results;
}

}  // namespace

extern "C" {

#define BINARY(name, function)                                             \
  int name(cmlx_array *out, cmlx_array a, cmlx_array b) {                  \
    return make(out, [&] { return mx::function(a->value, b->value); });    \
  }
BINARY(cmlx_add, add)
BINARY(cmlx_subtract, subtract)
BINARY(cmlx_multiply, multiply)
BINARY(cmlx_divide, divide)
BINARY(cmlx_equal, equal)
BINARY(cmlx_less_equal, less_equal)
BINARY(cmlx_logical_and, logical_and)
BINARY(cmlx_logical_or, logical_or)
BINARY(cmlx_matmul, matmul)
BINARY(cmlx_maximum, maximum)
#undef BINARY

int cmlx_where(cmlx_array *out, cmlx_array condition, cmlx_array a, cmlx_array b) {
  return make(out, [&] { return mx::where(condition->value, a->value, b->value); });
}
int cmlx_sigmoid(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::sigmoid(a->value); });
}
int cmlx_tanh(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::tanh(a->value); });
}
int cmlx_square_root(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::sqrt(a->value); });
}
int cmlx_transpose(cmlx_array *out, cmlx_array a, const int *axes, int count) {
  return make(out, [&] { return mx::transpose(a->value, std::vector<int>(axes, axes + count)); });
}
int cmlx_reshape(cmlx_array *out, cmlx_array a, const int32_t *shape, int rank) {
  return make(out, [&] { return mx::reshape(a->value, shape_of(shape, rank)); });
}
int cmlx_contiguous(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::contiguous(a->value); });
}
int cmlx_astype(cmlx_array *out, cmlx_array a, cmlx_dtype dtype) {
  return make(out, [&] { return mx::astype(a->value, dtype_of(dtype)); });
}
int cmlx_sum(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions) {
  return make(out, [&] { return mx::sum(a->value, axis, keep_dimensions != 0); });
}
int cmlx_sum_all(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::sum(a->value); });
}
int cmlx_argmax(cmlx_array *out, cmlx_array a, int axis) {
  return make(out, [&] { return mx::argmax(a->value, axis); });
}
int cmlx_logsumexp(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions) {
  return make(out, [&] { return mx::logsumexp(a->value, axis, keep_dimensions != 0); });
}
int cmlx_softmax(cmlx_array *out, cmlx_array a, int axis) {
  return make(out, [&] { return mx::softmax(a->value, axis, true); });
}
int cmlx_take(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis) {
  return make(out, [&] { return mx::take(a->value, indices->value, axis); });
}
int cmlx_take_along_axis(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis) {
  return make(out, [&] { return mx::take_along_axis(a->value, indices->value, axis); });
}
int cmlx_concatenate(cmlx_array *out, const cmlx_array *arrays, int count, int axis) {
  return make(out, [&] { return mx::concatenate(values_of(arrays, count), axis); });
}
int cmlx_slice(cmlx_array *out, cmlx_array a, const int32_t *start, const int32_t *stop,
               int rank) {
  return make(out, [&] {
    return mx::slice(a->value, shape_of(start, rank), shape_of(stop, rank));
  });
}
int cmlx_arange(cmlx_array *out, int32_t start, int32_t stop) {
  return make(out, [&] { return mx::arange(start, stop); });
}
int cmlx_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps) {
  return make(out, [&] { return mx::fast::rms_norm(x->value, weight->value, eps); });
}
int cmlx_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v, float scale,
                   int causal, cmlx_array mask) {
  return make(out, [&] {
    std::optional<mx::array> mask_array;
    if (mask != nullptr) mask_array = mask->value;
    const char *mode = mask != nullptr ? "array" : causal != 0 ? "causal" : "";
    return mx::fast::scaled_dot_product_attention(q->value, k->value, v->value, scale, mode,
                                                  mask_array);
  });
}

// MARK: Gradients

int cmlx_value_and_gradient(cmlx_function function, void *context, const cmlx_array *inputs,
                            int input_count, cmlx_array *values, int output_count,
                            cmlx_array *gradients) {
  return guarded([&] {
    auto body = [&](const std::vector<mx::array> &arguments) {
      return call(function, context, arguments, output_count);
    };
    std::vector<int> positions(input_count);
    for (int i = 0; i < input_count; ++i) positions[i] = i;
    auto [results, gradient_arrays] =
        mx::value_and_grad(body, positions)(values_of(inputs, input_count));
    for (int i = 0; i < output_count; ++i) values[i] = wrap(results[i]);
    for (int i = 0; i < input_count; ++i) gradients[i] = wrap(gradient_arrays[i]);
  });
}
int cmlx_recomputed(cmlx_function function, void *context, void (*release)(void *),
                    const cmlx_array *inputs, int input_count, cmlx_array *outputs,
                    int output_count) {
  return guarded([&] {
    std::shared_ptr<void> owner(context, release);
    auto body = [function, owner, output_count](const std::vector<mx::array> &arguments) {
      return call(function, owner.get(), arguments, output_count);
    };
    // As mx::checkpoint, but the second pass waits for the gradients that it is for, not only for
    // the first pass: it cannot begin early and keep what it was meant to save.
    auto again = [body](const std::vector<mx::array> &primals,
                        const std::vector<mx::array> &cotangents, const std::vector<mx::array> &) {
      return mx::vjp(body, mx::depends(primals, cotangents), cotangents).second;
    };
    auto results = mx::custom_vjp(body, again)(values_of(inputs, input_count));
    for (int i = 0; i < output_count; ++i) outputs[i] = wrap(results[i]);
  });
}

int cmlx_recomputed_tiles(cmlx_array *out, cmlx_function function, void *const *contexts,
                          void (*release)(void *), const int32_t *ends, int count, cmlx_array x,
                          cmlx_array w) {
  // Released in any case.
  std::vector<std::shared_ptr<void>> owners;
  for (int i = 0; i < count; ++i) owners.emplace_back(contexts[i], release);
  return make(out, [&] {
    const std::vector<int32_t> limits(ends, ends + count);
    auto tile = [function, owners](int i, const std::vector<mx::array> &inputs) {
      return call(function, owners[i].get(), inputs, 1);
    };
    auto rows = [limits](const mx::array &a, int i) {
      mx::Shape start(a.ndim(), 0), stop = a.shape();
      start[0] = i == 0 ? 0 : limits[i - 1];
      stop[0] = limits[i];
      return mx::slice(a, start, stop);
    };
    auto forward = [=](const std::vector<mx::array> &primals) {
      std::vector<mx::array> parts;
      for (int i = 0; i < count; ++i) {
        auto own = rows(primals[0], i);
        if (i > 0) own = mx::depends({own}, {parts.back()})[0];
        parts.push_back(tile(i, {own, primals[1]})[0]);
      }
      return std::vector<mx::array>{mx::concatenate(parts, 0)};
    };
    // Each tile waits for both gradients of the one before: nothing else keeps MLX from beginning all.
    auto backward = [=](const std::vector<mx::array> &primals,
                        const std::vector<mx::array> &cotangents, const std::vector<mx::array> &) {
      std::vector<mx::array> parts, before = cotangents;
      for (int i = 0; i < count; ++i) {
        auto ready = mx::depends({rows(primals[0], i), rows(cotangents[0], i)}, before);
        auto body = [&](const std::vector<mx::array> &inputs) { return tile(i, inputs); };
        auto found = mx::vjp(body, {ready[0], primals[1]}, {ready[1]}).second;
        auto sum = i == 0 ? found[1] : mx::add(before[1], found[1]);
        parts.push_back(found[0]);
        before = {found[0], sum};
      }
      return std::vector<mx::array>{mx::concatenate(parts, 0), before[1]};
    };
    return mx::custom_vjp(forward, backward)({x->value, w->value})[0];
  });
}

}  // extern "C"
