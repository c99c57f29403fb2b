// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Linear maps: yᵢ = x · wᵢᵀ for one x [N, D] and several wᵢ [Oᵢ, D] (query, key and value; gate and up).
//
//     forward    yᵢ  [N, Oᵢ] = x [N, D] · wᵢᵀ [D, Oᵢ]
//     backward   dx  [N, D]  = Σᵢ dyᵢ [N, Oᵢ] · wᵢ [Oᵢ, D]     summed in the order of i, in place
//                dwᵢ [Oᵢ, D] = dyᵢᵀ [Oᵢ, N] · x [N, D]
//
// Why not MLX's matmul: its bits depend on BLAS and its threads, it copies some operands, and the sum in dx
// would take extra passes over memory. Gradients are computed only for the arguments asked for.

#include "fused.h"
#include "gemm.h"
#include "primitive.h"

namespace koine {
namespace {

struct Operand {
  const float* data;
  std::size_t width;
};

class LinearWeightGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.LinearWeightGradient)

  /// (dy [N, O], x [N, D]) → dw [O, D].
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *dy = inputs[0].data<float>(), *x = inputs[1].data<float>();
    float* dw = outputs[0].data<float>();
    const std::size_t n = inputs[0].shape(0), o = inputs[0].shape(1), d = inputs[1].shape(1);
    schedule([=] {
      multiply(
          o, d, n, Matrix::rows(dy, static_cast<std::ptrdiff_t>(o)).transposed(),
          Matrix::rows(x, static_cast<std::ptrdiff_t>(d)), dw, d, false);
    });
  }
};

class LinearInputGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.LinearInputGradient)

  /// (dy₁ [N, O₁], w₁ [O₁, D], dy₂, w₂, …) → dx [N, D].
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    std::vector<Operand> operands;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      operands.push_back({inputs[i].data<float>(), static_cast<std::size_t>(inputs[i].shape(1))});
    }
    float* dx = outputs[0].data<float>();
    const std::size_t n = outputs[0].shape(0), d = outputs[0].shape(1);
    schedule([=] {
      for (std::size_t i = 0; i < operands.size(); i += 2) {
        const std::size_t o = operands[i].width;
        multiply(
            n, d, o, Matrix::rows(operands[i].data, static_cast<std::ptrdiff_t>(o)),
            Matrix::rows(operands[i + 1].data, static_cast<std::ptrdiff_t>(d)), dx, d, i > 0);
      }
    });
  }
};

class Linear : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Linear)

  /// (x [N, D], w₁ [O₁, D], …) → y₁ [N, O₁], ….
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float* x = inputs[0].data<float>();
    const std::size_t n = inputs[0].shape(0), d = inputs[0].shape(1);
    std::vector<Operand> weights;
    std::vector<float*> results;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      weights.push_back(
          {inputs[i + 1].data<float>(), static_cast<std::size_t>(outputs[i].shape(1))});
      results.push_back(outputs[i].data<float>());
    }
    schedule([=] {
      const auto stride = static_cast<std::ptrdiff_t>(d);
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t o = weights[i].width;
        multiply(
            n, o, d, Matrix::rows(x, stride), Matrix::rows(weights[i].data, stride).transposed(),
            results[i], o, false);
      }
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    std::vector<array> dy, results;
    for (const array& cotangent : cotangents) dy.push_back(rowMajor(cotangent));
    for (const int argument : argnums) {
      const array& primal = primals[argument];
      std::shared_ptr<mx::Primitive> primitive;
      std::vector<array> inputs;
      if (argument == 0) {
        primitive = std::make_shared<LinearInputGradient>(stream());
        for (std::size_t i = 0; i < dy.size(); ++i) {
          inputs.push_back(dy[i]);
          inputs.push_back(primals[i + 1]);
        }
      } else {
        primitive = std::make_shared<LinearWeightGradient>(stream());
        inputs = {dy[argument - 1], primals[0]};
      }
      results.push_back(array(primal.shape(), mx::float32, primitive, std::move(inputs)));
    }
    return results;
  }
};

}  // namespace

std::vector<array> linear(const array& x, const std::vector<array>& weights) {
  constexpr const char* kernel = "linear";
  expectType(kernel, "x", x, mx::float32);
  if (x.ndim() == 0) refuse(kernel, "x", "shape [..., D]", text(x.shape()));
  if (weights.empty()) refuse(kernel, "weights", "at least one matrix", "none");
  const int d = x.shape(-1);
  const array flat = rowMajor(mx::reshape(x, {d == 0 ? 0 : static_cast<int>(x.size() / d), d}, cpuStream()));
  std::vector<array> inputs{flat};
  std::vector<mx::Shape> shapes;
  for (const array& w : weights) {
    expectType(kernel, "w", w, mx::float32);
    expectRank(kernel, "w", w, 2, "[O, D]");
    expectShape(kernel, "w", w, {w.shape(0), d});
    inputs.push_back(rowMajor(w));
    shapes.push_back({flat.shape(0), w.shape(0)});
  }
  auto outputs = array::make_arrays(
      shapes, std::vector<mx::Dtype>(shapes.size(), mx::float32),
      std::make_shared<Linear>(cpuStream()), inputs);
  mx::Shape shape = x.shape();
  for (array& y : outputs) {
    shape.back() = y.shape(1);
    y = mx::reshape(y, shape, cpuStream());
  }
  return outputs;
}

array linear(const array& x, const array& w) { return linear(x, std::vector<array>{w})[0]; }

}  // namespace koine
