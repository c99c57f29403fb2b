// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Root-mean-square normalisation of rows, alone or with the residual sum before it:
//
//     h = x  (or x + delta),   r = 1 / √(Σⱼ hⱼ² / D + ε),   yⱼ = wⱼ · (hⱼ · r)
//     dhⱼ = r · wⱼ dyⱼ − hⱼ · r³ / D · Σᵢ wᵢ dyᵢ hᵢ   (+ the cotangent of h, when h is an output)
//     dwⱼ = Σₙ dyₙⱼ hₙⱼ rₙ
//
// r is computed anew in the backward pass: the row is read anyway. dw is summed in f32 over blocks of 32
// rows, then over the blocks in order: fixed cuts, so threads do not show in the bits.
// Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4; the weight is multiplied last, as in Llama.

#include <algorithm>

#include "fused.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace koine {
namespace {

constexpr std::size_t blockRows = 32;

class RmsNormGradient : public FusedPrimitive {
 public:
  RmsNormGradient(mx::Stream stream, float epsilon) : FusedPrimitive(stream), epsilon_(epsilon) {}
  DEFINE_NAME(koine.RmsNormGradient)

  /// (h [N, D], w [D], dy [N, D], optionally dh₀ [N, D]) → (dh [N, D], dw [D]).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *h = inputs[0].data<float>(), *w = inputs[1].data<float>(),
                *dy = inputs[2].data<float>();
    const float* carried = inputs.size() > 3 ? inputs[3].data<float>() : nullptr;
    float *dh = outputs[0].data<float>(), *dw = outputs[1].data<float>();
    const std::size_t width = inputs[1].size(), rows = width == 0 ? 0 : inputs[0].size() / width;
    const float epsilon = epsilon_;
    schedule([=] {
      const std::size_t blocks = (rows + blockRows - 1) / blockRows;
      std::vector<float> partial(blocks * width, 0.0f);
      float* const sums = partial.data();
      parallel(blocks, [=](std::size_t block) {
        float* const own = sums + block * width;
        const std::size_t end = std::min(rows, (block + 1) * blockRows);
        for (std::size_t row = block * blockRows; row < end; ++row) {
          const float *x = h + row * width, *d = dy + row * width;
          const float r = inverseRoot(x, width, epsilon);
          Lanes products = 0.0f;
          eachLanes(width, [&](std::size_t i, std::size_t count) {
            const Lanes xs = loadUpTo(x + i, count), ds = loadUpTo(d + i, count);
            const Lanes weighted = ds * loadUpTo(w + i, count);
            products = fma(weighted, xs, products);
            storeUpTo(own + i, fma(ds, xs * r, loadUpTo(own + i, count)), count);
          });
          const float pull = sum(products) * r * r * r / static_cast<float>(width);
          eachLanes(width, [&](std::size_t i, std::size_t count) {
            const Lanes weighted = loadUpTo(d + i, count) * loadUpTo(w + i, count);
            Lanes result = weighted * r - loadUpTo(x + i, count) * pull;
            if (carried != nullptr) result += loadUpTo(carried + row * width + i, count);
            storeUpTo(dh + row * width + i, result, count);
          });
        }
      });
      std::fill_n(dw, width, 0.0f);
      for (std::size_t block = 0; block < blocks; ++block) {
        for (std::size_t i = 0; i < width; ++i) dw[i] += sums[block * width + i];
      }
    });
  }

 private:
  float epsilon_;
};

class RmsNorm : public FusedPrimitive {
 public:
  RmsNorm(mx::Stream stream, float epsilon) : FusedPrimitive(stream), epsilon_(epsilon) {}
  DEFINE_NAME(koine.RmsNorm)

  /// (x [..., D], w [D]) → y, or (x, w, delta [..., D]) → (y, h).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *x = inputs[0].data<float>(), *w = inputs[1].data<float>();
    const float* delta = inputs.size() > 2 ? inputs[2].data<float>() : nullptr;
    float* y = outputs[0].data<float>();
    float* h = delta != nullptr ? outputs[1].data<float>() : nullptr;
    const std::size_t width = inputs[1].size(), rows = width == 0 ? 0 : inputs[0].size() / width;
    const float epsilon = epsilon_;
    schedule([=] {
      parallelRanges(rows, 8, [=](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
          const float* source = x + row * width;
          if (delta != nullptr) {
            float* const target = h + row * width;
            addRow(source, delta + row * width, width, target);
            source = target;
          }
          normRow(source, w, width, epsilon, false, y + row * width);
        }
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>& outputs) override {
    const bool residual = primals.size() > 2;
    std::vector<array> inputs{
        residual ? outputs[1] : primals[0], primals[1], rowMajor(cotangents[0])};
    if (residual) inputs.push_back(rowMajor(cotangents[1]));
    const auto gradients = array::make_arrays(
        {primals[0].shape(), primals[1].shape()}, {mx::float32, mx::float32},
        std::make_shared<RmsNormGradient>(stream(), epsilon_), inputs);
    std::vector<array> results;
    // x and delta have the same gradient, that of their sum.
    for (const int argument : argnums) results.push_back(gradients[argument == 1 ? 1 : 0]);
    return results;
  }

 private:
  float epsilon_;
};

void check(const char* kernel, const array& x, const array& w) {
  expectType(kernel, "x", x, mx::float32);
  expectType(kernel, "w", w, mx::float32);
  if (x.ndim() == 0) refuse(kernel, "x", "shape [..., D]", text(x.shape()));
  expectShape(kernel, "w", w, {x.shape(-1)});
}

}  // namespace

array rmsNorm(const array& x, const array& w, float epsilon) {
  check("rms_norm", x, w);
  return array(
      x.shape(), mx::float32, std::make_shared<RmsNorm>(cpuStream(), epsilon),
      {rowMajor(x), rowMajor(w)});
}

std::pair<array, array> addRmsNorm(
    const array& x, const array& delta, const array& w, float epsilon) {
  constexpr const char* kernel = "add_rms_norm";
  check(kernel, x, w);
  expectType(kernel, "delta", delta, mx::float32);
  expectShape(kernel, "delta", delta, x.shape());
  auto outputs = array::make_arrays(
      {x.shape(), x.shape()}, {mx::float32, mx::float32},
      std::make_shared<RmsNorm>(cpuStream(), epsilon), {rowMajor(x), rowMajor(w), rowMajor(delta)});
  return {outputs[1], outputs[0]};
}

}  // namespace koine
