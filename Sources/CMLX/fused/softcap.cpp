// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Numbers kept within ±c without a corner, as logits of the Gemma 2 family are:
//
//     y = c · tanh(x / c),   dx = dy · (1 − (y / c)²)
//
// Source: Bello et al. 2016, arXiv:1611.09940.

#include "fused.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace koine {
namespace {

constexpr std::size_t grain = 4096;

class SoftcapGradient : public FusedPrimitive {
 public:
  SoftcapGradient(mx::Stream stream, float cap) : FusedPrimitive(stream), cap_(cap) {}
  DEFINE_NAME(koine.SoftcapGradient)

  /// (y, dy) → dx.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *y = inputs[0].data<float>(), *dy = inputs[1].data<float>();
    float* dx = outputs[0].data<float>();
    const float cap = cap_;
    const std::size_t size = inputs[0].size();
    schedule([=] {
      parallelRanges(size, grain, [=](std::size_t begin, std::size_t end) {
        eachLanes(end - begin, [=](std::size_t offset, std::size_t count) {
          const std::size_t i = begin + offset;
          const Lanes t = loadUpTo(y + i, count) / cap;
          storeUpTo(dx + i, loadUpTo(dy + i, count) * (1.0f - t * t), count);
        });
      });
    });
  }

 private:
  float cap_;
};

class Softcap : public FusedPrimitive {
 public:
  Softcap(mx::Stream stream, float cap) : FusedPrimitive(stream), cap_(cap) {}
  DEFINE_NAME(koine.Softcap)

  /// x → y.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float* x = inputs[0].data<float>();
    float* y = outputs[0].data<float>();
    const float cap = cap_;
    const std::size_t size = inputs[0].size();
    schedule([=] {
      parallelRanges(size, grain, [=](std::size_t begin, std::size_t end) {
        capRow(x + begin, cap, end - begin, y + begin);
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>&, const std::vector<array>& cotangents, const std::vector<int>&,
      const std::vector<array>& outputs) override {
    return {array(
        outputs[0].shape(), mx::float32, std::make_shared<SoftcapGradient>(stream(), cap_),
        {outputs[0], rowMajor(cotangents[0])})};
  }

 private:
  float cap_;
};

}  // namespace

array softcap(const array& x, float cap) {
  constexpr const char* kernel = "softcap";
  expectType(kernel, "x", x, mx::float32);
  if (!(cap > 0)) refuse(kernel, "cap", "a positive number", std::to_string(cap));
  return array(
      x.shape(), mx::float32, std::make_shared<Softcap>(cpuStream(), cap), {rowMajor(x)});
}

}  // namespace koine
