// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The output layer and the loss in one: negative log-likelihood of each row's target under softmax(x · wᵀ).
//
//   letters  N rows, D numbers a row, V words
//     z = x wᵀ [N, V], or with a cap k   z = k · tanh(x wᵀ / k)
//     lossₙ = weightₙ · (log Σᵥ exp zₙᵥ − zₙ,target)
//     Gₙᵥ = weightₙ · (softmax(zₙ)ᵥ − [v = target]) (· (1 − (zₙᵥ / k)²)),   dx = c ∘ (G w),   dw = Σₙ cₙ Gₙᵀ xₙ
//
// z would be the largest array of a training step (2 GB at 4096 tokens of a 128 k vocabulary). Rows are taken
// in groups whose z fills at most 128 MB, and while a group's z is there, G overwrites it and gives its
// share of both gradients: three matrix products in all, none repeated, G never kept.
// The price: the gradients are made before the cotangent c is known. For dx that is no loss, c scales its
// rows. For dw it holds when c is one number, as it is under a sum or a mean over the batch; if it is not, dw
// is computed again with the weights c ∘ weight. So any c gets the exact gradient, the usual one for free.
// Rows of weight 0 or target −1 are left out of every product. Source: the same idea as in Wijmans et al.
// 2024, arXiv:2411.09009; departs: no filtering of small gradients, gradients made in the forward pass.

#include <algorithm>
#include <cmath>
#include <limits>

#include "fused.h"
#include "gemm.h"
#include "pool.h"
#include "primitive.h"
#include "vector.h"

namespace koine {
namespace {

/// Floats of logits held at once (128 MB); part of the definition of dw's bits. Each group packs w twice and
/// adds to all of dw: at 131 rows (16 MB of a 32 k vocabulary) that took a third of the time, at 1048 a
/// thirtieth.
constexpr std::size_t logitLimit = std::size_t{1} << 25;

struct Problem {
  const float *x, *w;
  const std::int32_t* targets;
  const float* weights;
  std::size_t rows, width, words;
  float cap;
};

/// The rows that count, in order. Throws where a target is no word.
std::vector<std::size_t> activeRows(const Problem& problem) {
  std::vector<std::size_t> result;
  result.reserve(problem.rows);
  for (std::size_t n = 0; n < problem.rows; ++n) {
    const std::int32_t target = problem.targets[n];
    if (target == -1 || problem.weights[n] == 0) continue;
    if (target < 0 || static_cast<std::size_t>(target) >= problem.words) {
      throw std::runtime_error(
          "cross_entropy_linear: target of row " + std::to_string(n) + ": expected -1 to " +
          std::to_string(static_cast<long long>(problem.words) - 1) + ", found " +
          std::to_string(target) + ".");
    }
    result.push_back(n);
  }
  return result;
}

/// Bends a row of logits into ±cap, and with `slopes` [V] keeps how steep the bend is at each.
void bend(float* z, std::size_t words, float cap, float* slopes) {
  eachLanes(words, [&](std::size_t v, std::size_t count) {
    const Lanes t = hyperbolicTangent(loadUpTo(z + v, count) / cap);
    storeUpTo(z + v, cap * t, count);
    if (slopes != nullptr) storeUpTo(slopes + v, 1.0f - t * t, count);
  });
}

/// One row of logits: returns log Σ exp − z[target]; with `gradient`, z becomes weight · (softmax − one-hot),
/// times the slopes of the cap if there is one.
float lossRow(
    float* z, std::size_t words, std::size_t target, float weight, bool gradient, float cap) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  thread_local std::vector<float> slopes;
  if (cap > 0) {
    if (gradient) slopes.resize(words);
    bend(z, words, cap, gradient ? slopes.data() : nullptr);
  }
  Lanes most = -infinity;
  eachLanes(words, [&](std::size_t v, std::size_t count) {
    const Lanes values = loadUpTo(z + v, count, -infinity);
    most = values > most ? values : most;
  });
  const float top = largest(most), own = z[target];
  Lanes total = 0.0f;
  eachLanes(words, [&](std::size_t v, std::size_t count) {
    const Lanes p = exponential(loadUpTo(z + v, count, -infinity) - top);
    if (gradient) storeUpTo(z + v, p, count);
    total += p;
  });
  const float whole = sum(total);
  if (gradient) {
    const float share = weight / whole;
    eachLanes(words, [&](std::size_t v, std::size_t count) {
      storeUpTo(z + v, loadUpTo(z + v, count) * share, count);
    });
    z[target] -= weight;
    if (cap > 0) {
      eachLanes(words, [&](std::size_t v, std::size_t count) {
        storeUpTo(z + v, loadUpTo(z + v, count) * loadUpTo(slopes.data() + v, count), count);
      });
    }
  }
  return (top - own) + std::log(whole);
}

/// Fills those of loss [N], dx [N, D] and dw [V, D] that are not null, for cotangents of 1.
void solve(const Problem& problem, float* loss, float* dx, float* dw) {
  const std::size_t width = problem.width, words = problem.words;
  const auto stride = static_cast<std::ptrdiff_t>(width);
  const std::vector<std::size_t> active = activeRows(problem);
  const bool gradient = dx != nullptr || dw != nullptr;
  if (loss != nullptr) std::fill_n(loss, problem.rows, 0.0f);
  if (dx != nullptr && active.size() < problem.rows) std::fill_n(dx, problem.rows * width, 0.0f);
  if (dw != nullptr && active.empty()) std::fill_n(dw, words * width, 0.0f);
  if (active.empty()) return;

  const std::size_t most =
      std::max<std::size_t>(64, logitLimit / std::max<std::size_t>(words, 1));
  const std::size_t groups = (active.size() + most - 1) / most;
  const std::size_t group = (active.size() + groups - 1) / groups;
  thread_local std::vector<float> gathered, spread;
  thread_local Buffer logits;
  float* const z = logits.reserve(group * words);
  const Matrix w = Matrix::rows(problem.w, stride);
  for (std::size_t begin = 0; begin < active.size(); begin += group) {
    const std::size_t rows = std::min(group, active.size() - begin);
    const std::size_t* index = active.data() + begin;
    const bool dense = index[rows - 1] - index[0] == rows - 1;
    const float* x = problem.x + index[0] * width;
    if (!dense) {
      gathered.resize(rows * width);
      for (std::size_t i = 0; i < rows; ++i) {
        std::copy_n(problem.x + index[i] * width, width, gathered.data() + i * width);
      }
      x = gathered.data();
    }
    multiply(rows, words, width, Matrix::rows(x, stride), w.transposed(), z, words, false);
    parallelRanges(rows, 4, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const std::size_t n = index[i];
        const float nll = lossRow(
            z + i * words, words, static_cast<std::size_t>(problem.targets[n]), problem.weights[n],
            gradient, problem.cap);
        if (loss != nullptr) loss[n] = problem.weights[n] * nll;
      }
    });
    const Matrix g = Matrix::rows(z, static_cast<std::ptrdiff_t>(words));
    if (dx != nullptr) {
      float* out = dx + index[0] * width;
      if (!dense) {
        spread.resize(rows * width);
        out = spread.data();
      }
      multiply(rows, width, words, g, w, out, width, false);
      for (std::size_t i = 0; i < rows && !dense; ++i) {
        std::copy_n(out + i * width, width, dx + index[i] * width);
      }
    }
    if (dw != nullptr) {
      multiply(words, width, rows, g.transposed(), Matrix::rows(x, stride), dw, width, begin > 0);
    }
  }
}

Problem problemOf(const std::vector<array>& inputs, float cap) {
  return {
      inputs[0].data<float>(),
      inputs[1].data<float>(),
      inputs[2].data<std::int32_t>(),
      inputs[3].data<float>(),
      static_cast<std::size_t>(inputs[0].shape(0)),
      static_cast<std::size_t>(inputs[0].shape(1)),
      static_cast<std::size_t>(inputs[1].shape(0)),
      cap};
}

class CrossEntropyInputGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.CrossEntropyInputGradient)

  /// (dx for c = 1 [N, D], c [N]) → c ∘ dx.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float *unit = inputs[0].data<float>(), *c = inputs[1].data<float>();
    float* dx = outputs[0].data<float>();
    const std::size_t rows = inputs[0].shape(0), width = inputs[0].shape(1);
    schedule([=] {
      parallelRanges(rows, 16, [=](std::size_t begin, std::size_t end) {
        for (std::size_t n = begin; n < end; ++n) {
          for (std::size_t i = 0; i < width; ++i) dx[n * width + i] = c[n] * unit[n * width + i];
        }
      });
    });
  }
};

class CrossEntropyWeightGradient : public FusedPrimitive {
 public:
  CrossEntropyWeightGradient(mx::Stream stream, float cap) : FusedPrimitive(stream), cap_(cap) {}
  DEFINE_NAME(koine.CrossEntropyWeightGradient)

  /// (x, w, targets, weights, dw for c = 1 [V, D], c [N]) → dw.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const Problem problem = problemOf(inputs, cap_);
    const float *unit = inputs[4].data<float>(), *c = inputs[5].data<float>();
    float* dw = outputs[0].data<float>();
    schedule([=] {
      const std::vector<std::size_t> active = activeRows(problem);
      const float first = active.empty() ? 0.0f : c[active[0]];
      const bool even = std::all_of(
          active.begin(), active.end(), [=](std::size_t n) { return c[n] == first; });
      if (even) {
        parallelRanges(problem.words * problem.width, 16384, [=](std::size_t from, std::size_t to) {
          for (std::size_t i = from; i < to; ++i) dw[i] = first * unit[i];
        });
        return;
      }
      std::vector<float> weights(problem.rows);
      for (std::size_t n = 0; n < problem.rows; ++n) weights[n] = c[n] * problem.weights[n];
      Problem weighted = problem;
      weighted.weights = weights.data();
      solve(weighted, nullptr, nullptr, dw);
    });
  }

 private:
  float cap_;
};

class CrossEntropyLinear : public FusedPrimitive {
 public:
  CrossEntropyLinear(mx::Stream stream, float cap) : FusedPrimitive(stream), cap_(cap) {}
  DEFINE_NAME(koine.CrossEntropyLinear)

  /// (x, w, targets, weights) → loss, or loss and dx, or loss, dx and dw for cotangents of 1.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const Problem problem = problemOf(inputs, cap_);
    float* loss = outputs[0].data<float>();
    float* dx = outputs.size() > 1 ? outputs[1].data<float>() : nullptr;
    float* dw = outputs.size() > 2 ? outputs[2].data<float>() : nullptr;
    schedule([=] { solve(problem, loss, dx, dw); });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>& outputs) override {
    // Only the loss is given to anyone, so only its cotangent counts. A loss built without gradients
    // makes them here, at the cost of its product once more.
    const bool asksForHead = std::find(argnums.begin(), argnums.end(), 1) != argnums.end();
    std::vector<array> made = outputs;
    if (made.size() < (asksForHead ? 3 : 2)) {
      made = withGradients(primals, stream(), cap_, asksForHead);
    }
    const array c = rowMajor(cotangents[0]);
    std::vector<array> results;
    for (const int argument : argnums) {
      const array& primal = primals[argument];
      if (argument == 0) {
        results.push_back(array(
            primal.shape(), mx::float32, std::make_shared<CrossEntropyInputGradient>(stream()),
            {made[1], c}));
      } else if (argument == 1) {
        results.push_back(array(
            primal.shape(), mx::float32, std::make_shared<CrossEntropyWeightGradient>(stream(), cap_),
            {primals[0], primals[1], primals[2], primals[3], made[2], c}));
      } else {
        results.push_back(mx::zeros_like(primal, stream()));
      }
    }
    return results;
  }

  /// (loss, dx), and dw where the head is trained: a third of the work.
  static std::vector<array> withGradients(
      const std::vector<array>& inputs, mx::Stream stream, float cap, bool trainsHead) {
    std::vector<mx::Shape> shapes{inputs[2].shape(), inputs[0].shape()};
    if (trainsHead) shapes.push_back(inputs[1].shape());
    const std::vector<mx::Dtype> types(shapes.size(), mx::float32);
    return array::make_arrays(
        shapes, types, std::make_shared<CrossEntropyLinear>(stream, cap), inputs);
  }

 private:
  float cap_;
};

}  // namespace

array crossEntropyLinear(
    const array& x, const array& w, const array& targets, const array& weights, bool gradients,
    float cap) {
  constexpr const char* kernel = "cross_entropy_linear";
  expectType(kernel, "x", x, mx::float32);
  expectType(kernel, "w", w, mx::float32);
  expectType(kernel, "targets", targets, mx::int32);
  expectType(kernel, "weights", weights, mx::float32);
  expectRank(kernel, "x", x, 2, "[N, D]");
  expectRank(kernel, "w", w, 2, "[V, D]");
  expectShape(kernel, "w", w, {w.shape(0), x.shape(1)});
  expectShape(kernel, "targets", targets, {x.shape(0)});
  expectShape(kernel, "weights", weights, {x.shape(0)});
  const std::vector<array> inputs{rowMajor(x), rowMajor(w), rowMajor(targets), rowMajor(weights)};
  // A head that no gradient is traced to, as under an adapter, needs none.
  if (gradients) {
    return CrossEntropyLinear::withGradients(inputs, cpuStream(), cap, w.is_tracer())[0];
  }
  return array(
      targets.shape(), mx::float32, std::make_shared<CrossEntropyLinear>(cpuStream(), cap), inputs);
}

}  // namespace koine
