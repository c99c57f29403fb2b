// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Linear maps: yᵢ = x · wᵢᵀ for one x [N, D] and several wᵢ [Oᵢ, D] (query, key and value; gate and up).
//
//     forward    yᵢ  [N, Oᵢ] = x [N, D] · wᵢᵀ [D, Oᵢ]
//     backward   dx  [N, D]  = Σᵢ dyᵢ [N, Oᵢ] · wᵢ [Oᵢ, D]     summed in the order of i, in place
//                dwᵢ [Oᵢ, D] = dyᵢᵀ [Oᵢ, N] · x [N, D]
//
// The weights may be stored in 16 bits; few rows of x, as when a text is continued, are multiplied by dots.h.
// Gradients are float32 whatever the weights are.
//
// Why not MLX's matmul: its bits depend on BLAS and its threads, it copies some operands, and the sum in dx
// would take extra passes over memory. Gradients are computed only for the arguments asked for.

#include <memory>

#include "dots.h"
#include "fused.h"
#include "gemm.h"
#include "linear.h"
#include "pool.h"
#include "primitive.h"

namespace koine {
namespace {

/// A weight as float32: itself, or widened into `scratch`, which grows.
class WidenedWeight {
 public:
  const float* of(const StoredMatrix& w) {
    if (w.type == StoredType::float32) return static_cast<const float*>(w.data);
    const std::size_t count = w.rows * w.columns;
    if (count > capacity_) {
      scratch_.reset(new float[count]);
      capacity_ = count;
    }
    float* const to = scratch_.get();
    parallelRanges(count, 16384, [&](std::size_t begin, std::size_t end) {
      widen(
          static_cast<const char*>(w.data) + begin * w.elementBytes(), w.type, end - begin,
          to + begin);
    });
    return to;
  }

 private:
  std::unique_ptr<float[]> scratch_;
  std::size_t capacity_ = 0;
};

struct GradientShare {
  const float* dy;
  std::size_t width;
  StoredMatrix w;
};

class LinearWeightGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.LinearWeightGradient)

  /// (x [N, D], dy₁ [N, O₁], dy₂, …) → dw₁ [O₁, D], dw₂, ….
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float* x = inputs[0].data<float>();
    const std::size_t n = inputs[0].shape(0), d = inputs[0].shape(1);
    std::vector<LeftProduct> products;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::size_t o = inputs[i + 1].shape(1);
      const Matrix dy =
          Matrix::rows(inputs[i + 1].data<float>(), static_cast<std::ptrdiff_t>(o));
      products.push_back({o, dy.transposed(), outputs[i].data<float>(), d});
    }
    schedule([=, products = std::move(products)] {
      multiply(products, d, n, Matrix::rows(x, static_cast<std::ptrdiff_t>(d)), false);
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
    std::vector<GradientShare> shares;
    for (std::size_t i = 0; i < inputs.size(); i += 2) {
      shares.push_back(
          {inputs[i].data<float>(), static_cast<std::size_t>(inputs[i].shape(1)),
           storedMatrix(inputs[i + 1])});
    }
    float* dx = outputs[0].data<float>();
    const std::size_t n = outputs[0].shape(0), d = outputs[0].shape(1);
    schedule([=] {
      WidenedWeight widened;
      for (std::size_t i = 0; i < shares.size(); ++i) {
        const std::size_t o = shares[i].width;
        multiply(
            n, d, o, Matrix::rows(shares[i].dy, static_cast<std::ptrdiff_t>(o)),
            Matrix::rows(widened.of(shares[i].w), static_cast<std::ptrdiff_t>(d)), dx, d, i > 0);
      }
    });
  }
};

class Linear : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Linear)

  /// (x [..., D], w₁ [O₁, D], …) → y₁ [..., O₁], ….
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float* x = inputs[0].data<float>();
    const std::size_t d = inputs[1].shape(1), n = d == 0 ? 0 : inputs[0].size() / d;
    std::vector<FewProduct> products;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const StoredMatrix w = storedMatrix(inputs[i + 1]);
      products.push_back({w, outputs[i].data<float>(), w.rows});
    }
    schedule([n, d, x, products = std::move(products)] {
      if (d > 0 && n <= fewRows) return multiplyFew(n, x, products);
      std::vector<StoredProduct> all;
      for (const FewProduct& product : products) {
        all.push_back({product.w, product.y, product.stride});
      }
      multiplyStored(n, Matrix::rows(x, static_cast<std::ptrdiff_t>(d)), all);
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    std::vector<array> dy, results;
    for (const array& cotangent : cotangents) dy.push_back(flatRows(cotangent));
    const std::vector<array> weightGradients =
        gradients(flatRows(primals[0]), dy, primals, argnums);
    std::size_t next = 0;
    for (const int argument : argnums) {
      const array& primal = primals[argument];
      if (argument > 0) {
        results.push_back(weightGradients[next++]);
        continue;
      }
      std::vector<array> inputs;
      for (std::size_t i = 0; i < dy.size(); ++i) {
        inputs.push_back(dy[i]);
        inputs.push_back(primals[i + 1]);
      }
      results.push_back(mx::reshape(
          linearInputGradient(std::move(inputs), stream()), primal.shape(), stream()));
    }
    return results;
  }

 private:
  /// The gradients of the weights among `argnums`, in that order.
  std::vector<array> gradients(
      const array& x, const std::vector<array>& dy, const std::vector<array>& primals,
      const std::vector<int>& argnums) {
    std::vector<array> inputs{x};
    std::vector<mx::Shape> shapes;
    for (const int argument : argnums) {
      if (argument == 0) continue;
      inputs.push_back(dy[argument - 1]);
      shapes.push_back(primals[argument].shape());
    }
    if (shapes.empty()) return {};
    return array::make_arrays(
        shapes, std::vector<mx::Dtype>(shapes.size(), mx::float32),
        std::make_shared<LinearWeightGradient>(stream()), inputs);
  }
};

}  // namespace

array flatRows(const array& x) {
  const int d = x.shape(-1);
  const int n = d == 0 ? 0 : static_cast<int>(x.size() / static_cast<std::size_t>(d));
  return rowMajor(mx::reshape(x, {n, d}, cpuStream()));
}

array linearInputGradient(std::vector<array> dyAndWeights, mx::Stream stream) {
  const mx::Shape shape{dyAndWeights[0].shape(0), dyAndWeights[1].shape(1)};
  return array(
      shape, mx::float32, std::make_shared<LinearInputGradient>(stream), std::move(dyAndWeights));
}

array linearWeightGradient(const array& dy, const array& x, mx::Stream stream) {
  return array(
      {dy.shape(1), x.shape(1)}, mx::float32, std::make_shared<LinearWeightGradient>(stream),
      {x, dy});
}

std::vector<array> linear(const array& x, const std::vector<array>& weights) {
  constexpr const char* kernel = "linear";
  expectType(kernel, "x", x, mx::float32);
  if (x.ndim() == 0) refuse(kernel, "x", "shape [..., D]", text(x.shape()));
  if (weights.empty()) refuse(kernel, "weights", "at least one matrix", "none");
  std::vector<array> inputs{rowMajor(x)};
  std::vector<mx::Shape> shapes;
  mx::Shape shape = x.shape();
  for (const array& w : weights) {
    expectStoredType(kernel, "w", w);
    expectRank(kernel, "w", w, 2, "[O, D]");
    expectShape(kernel, "w", w, {w.shape(0), x.shape(-1)});
    inputs.push_back(rowMajor(w));
    shape.back() = w.shape(0);
    shapes.push_back(shape);
  }
  return array::make_arrays(
      shapes, std::vector<mx::Dtype>(shapes.size(), mx::float32),
      std::make_shared<Linear>(cpuStream()), inputs);
}

}  // namespace koine
