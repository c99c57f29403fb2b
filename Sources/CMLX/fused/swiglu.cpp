// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The gated unit of Llama's feed-forward layer, elementwise over arrays of one shape:
//
//     y  = silu(g) · u,   silu(g) = g · s,   s = 1 / (1 + e⁻ᵍ)
//     dg = dy · u · s · (1 + g · (1 − s)),   du = dy · silu(g)
//
// One pass over memory each way; MLX's graph takes three forward, a dozen backward, with a scalar exp.
// Source: Shazeer 2020, arXiv:2002.05202, eq. 6.

#include "fused.h"
#include "pool.h"
#include "primitive.h"
#include "vector.h"

namespace koine {
namespace {

constexpr std::size_t grain = 4096;

class SwigluGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.SwigluGradient)

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
          const Lanes s = 1.0f / (1.0f + exponential(-g));
          storeUpTo(dgate + i, d * u * s * (1.0f + g * (1.0f - s)), count);
          storeUpTo(dup + i, d * (g * s), count);
        });
      });
    });
  }
};

class Swiglu : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Swiglu)

  /// (gate, up) → y.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *gate = inputs[0].data<float>(), *up = inputs[1].data<float>();
    float* y = outputs[0].data<float>();
    const std::size_t size = inputs[0].size();
    schedule([=] {
      parallelRanges(size, grain, [=](std::size_t begin, std::size_t end) {
        eachLanes(end - begin, [=](std::size_t offset, std::size_t count) {
          const std::size_t i = begin + offset;
          const Lanes g = loadUpTo(gate + i, count), u = loadUpTo(up + i, count);
          const Lanes s = 1.0f / (1.0f + exponential(-g));
          storeUpTo(y + i, (g * s) * u, count);
        });
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    const auto& shape = primals[0].shape();
    const auto gradients = array::make_arrays(
        {shape, shape}, {mx::float32, mx::float32}, std::make_shared<SwigluGradient>(stream()),
        {primals[0], primals[1], rowMajor(cotangents[0])});
    std::vector<array> results;
    for (const int argument : argnums) results.push_back(gradients[argument]);
    return results;
  }
};

}  // namespace

array swiglu(const array& gate, const array& up) {
  constexpr const char* kernel = "swiglu";
  expectType(kernel, "gate", gate, mx::float32);
  expectType(kernel, "up", up, mx::float32);
  expectShape(kernel, "up", up, gate.shape());
  return array(
      gate.shape(), mx::float32, std::make_shared<Swiglu>(cpuStream()),
      {rowMajor(gate), rowMajor(up)});
}

}  // namespace koine
