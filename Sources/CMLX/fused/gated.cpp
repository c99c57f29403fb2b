// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The gated units of feed-forward layers, elementwise over arrays of one shape. Both gates are a number
// times a sigmoid, with k(g) = g for SiLU and k(g) = 2 √(2/π) (g + 0.044715 g³) for the tanh form of GELU:
//
//     y  = g · s · u,   s = 1 / (1 + e^−k(g))
//     dg = dy · u · s · (1 + g · (1 − s) · k′(g)),   du = dy · g · s
//
// One pass over memory each way; MLX's graph takes three forward, a dozen backward, with a scalar exp.
// Source: Shazeer 2020, arXiv:2002.05202, eq. 6; Hendrycks & Gimpel 2016, arXiv:1606.08415, §2 (there
// ½ g (1 + tanh(k / 2)), which is the same).

#include "fused.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace koine {
namespace {

constexpr std::size_t grain = 4096;

template <class Gate>
class GatedGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.GatedGradient)

  /// (gate, up, dy) → (dgate, dup).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *gate = inputs[0].data<float>(), *up = inputs[1].data<float>(),
                *dy = inputs[2].data<float>();
    float *dgate = outputs[0].data<float>(), *dup = outputs[1].data<float>();
    const std::size_t size = inputs[0].size();
    schedule([=] {
      parallelRanges(size, grain, [=](std::size_t begin, std::size_t end) {
        eachLanes(end - begin, [=](std::size_t offset, std::size_t count) {
          const std::size_t i = begin + offset;
          const Lanes g = loadUpTo(gate + i, count), u = loadUpTo(up + i, count),
                      d = loadUpTo(dy + i, count);
          const Lanes s = gateShare<Gate>(g), steepness = (1.0f - s) * Gate::slope(g);
          storeUpTo(dgate + i, d * u * s * (1.0f + g * steepness), count);
          storeUpTo(dup + i, d * (g * s), count);
        });
      });
    });
  }
};

template <class Gate>
class Gated : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Gated)

  /// (gate, up) → y.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *gate = inputs[0].data<float>(), *up = inputs[1].data<float>();
    float* y = outputs[0].data<float>();
    const std::size_t size = inputs[0].size();
    schedule([=] {
      parallelRanges(size, grain, [=](std::size_t begin, std::size_t end) {
        gateRow<Gate>(gate + begin, up + begin, end - begin, y + begin);
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    const auto& shape = primals[0].shape();
    const auto gradients = array::make_arrays(
        {shape, shape}, {mx::float32, mx::float32},
        std::make_shared<GatedGradient<Gate>>(stream()),
        {primals[0], primals[1], rowMajor(cotangents[0])});
    std::vector<array> results;
    for (const int argument : argnums) results.push_back(gradients[argument]);
    return results;
  }
};

template <class Gate>
array gated(const char* kernel, const array& gate, const array& up) {
  expectType(kernel, "gate", gate, mx::float32);
  expectType(kernel, "up", up, mx::float32);
  expectShape(kernel, "up", up, gate.shape());
  return array(
      gate.shape(), mx::float32, std::make_shared<Gated<Gate>>(cpuStream()),
      {rowMajor(gate), rowMajor(up)});
}

}  // namespace

array swiglu(const array& gate, const array& up) { return gated<Silu>("swiglu", gate, up); }

array geglu(const array& gate, const array& up) { return gated<Gelu>("geglu", gate, up); }

}  // namespace koine
