// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The part of the C face that is our own operators of a graph.

#include <stdexcept>
#include <utility>

#include "cmlx.h"
#include "fused/fused.h"
#include "fused/low_rank.h"
#include "mlx/mlx.h"
#include "shim.h"

namespace mx = mlx::core;
using koine::guarded;
using koine::make;
using koine::values_of;
using koine::wrap;

extern "C" {

int cmlx_fused_linear(cmlx_array *outs, cmlx_array x, const cmlx_array *weights, int count) {
  return guarded([&] {
    auto results = koine::linear(x->value, values_of(weights, count));
    for (int i = 0; i < count; ++i) outs[i] = wrap(std::move(results[i]));
  });
}
int cmlx_fused_cross_entropy(cmlx_array *out, cmlx_array x, cmlx_array w, cmlx_array targets,
                             cmlx_array weights, int gradients, float cap) {
  return make(out, [&] {
    return koine::crossEntropyLinear(x->value, w->value, targets->value, weights->value,
                                     gradients != 0, cap);
  });
}
int cmlx_fused_likelihood(cmlx_array *outs, cmlx_array x, cmlx_array w, cmlx_array targets,
                          cmlx_array weights, float cap) {
  return guarded([&] {
    auto [loss, best] =
        koine::likelihood(x->value, w->value, targets->value, weights->value, cap);
    outs[0] = wrap(std::move(loss));
    outs[1] = wrap(std::move(best));
  });
}
int cmlx_fused_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v,
                         cmlx_array segments, float scale, int32_t window, float cap) {
  return make(out, [&] {
    return koine::attention(q->value, k->value, v->value, segments->value, {scale, window, cap});
  });
}
int cmlx_fused_rope_table(cmlx_array *out, cmlx_array positions, cmlx_array inverse_frequencies) {
  return make(out, [&] {
    return koine::ropeTable(positions->value, inverse_frequencies->value);
  });
}
int cmlx_fused_rope(cmlx_array *out, cmlx_array x, cmlx_array table) {
  return make(out, [&] { return koine::rope(x->value, table->value); });
}
int cmlx_fused_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps) {
  return make(out, [&] { return koine::rmsNorm(x->value, weight->value, eps); });
}
int cmlx_fused_add_rms_norm(cmlx_array *outs, cmlx_array x, cmlx_array delta, cmlx_array weight,
                            float eps) {
  return guarded([&] {
    auto [sum, normed] = koine::addRmsNorm(x->value, delta->value, weight->value, eps);
    outs[0] = wrap(std::move(sum));
    outs[1] = wrap(std::move(normed));
  });
}
int cmlx_fused_swiglu(cmlx_array *out, cmlx_array gate, cmlx_array up) {
  return make(out, [&] { return koine::swiglu(gate->value, up->value); });
}
int cmlx_fused_geglu(cmlx_array *out, cmlx_array gate, cmlx_array up) {
  return make(out, [&] { return koine::geglu(gate->value, up->value); });
}
int cmlx_fused_softcap(cmlx_array *out, cmlx_array x, float cap) {
  return make(out, [&] { return koine::softcap(x->value, cap); });
}
int cmlx_fused_embedding(cmlx_array *out, cmlx_array ids, cmlx_array table) {
  return make(out, [&] { return koine::embedding(ids->value, table->value); });
}

int cmlx_fused_linear_sum(cmlx_array *outs, cmlx_array x, const cmlx_array *w, const cmlx_array *t,
                          const cmlx_array *b, int count) {
  return guarded([&] {
    auto results = koine::linearSum(x->value, values_of(w, count), values_of(t, count),
                                    values_of(b, count));
    for (int i = 0; i < count; ++i) outs[i] = wrap(std::move(results[i]));
  });
}
int cmlx_fused_dropout(cmlx_array *out, cmlx_array x, float rate, uint64_t seed, uint64_t key,
                       uint64_t start) {
  return make(out, [&] { return koine::dropout(x->value, rate, seed, key, start); });
}
int cmlx_fused_widened(cmlx_array *out, cmlx_array w) {
  return make(out, [&] { return koine::widened(w->value); });
}
int cmlx_adapted_row_norms(cmlx_array w, cmlx_array a, cmlx_array b, float scale, float *norms) {
  return guarded([&] {
    const auto &weight = w->value;
    const size_t rank = a->value.shape(0);
    if (!koine::isStoredType(weight.dtype()) || a->value.dtype() != mx::float32 ||
        b->value.dtype() != mx::float32 || a->value.shape(1) != weight.shape(1) ||
        b->value.shape(0) != weight.shape(0) || static_cast<size_t>(b->value.shape(1)) != rank) {
      throw std::invalid_argument("adapted_row_norms: expected w [O, D], a [R, D], b [O, R]");
    }
    koine::adaptedRowNorms(koine::storedMatrix(weight), a->value.data<float>(),
                           b->value.data<float>(), rank, scale, norms);
  });
}

}  // extern "C"
