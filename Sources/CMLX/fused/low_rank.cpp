// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Linear maps with a low-rank change, dropout before it, and 16-bit weights in the places that want float32.
//
//     forward    y = x wᵀ + t bᵀ            with t = s · dropout(x) aᵀ made outside
//     backward   dx = Σᵢ dyᵢ wᵢ,  dtᵢ = dyᵢ bᵢ,  dbᵢ = dyᵢᵀ tᵢ,  and dwᵢ = dyᵢᵀ x where asked for
//
// w + s·b·a is never made, and a frozen w has no gradient: only what MLX asks for is computed.

#include "low_rank.h"

#include <cmath>

#include "fused.h"
#include "gemm.h"
#include "linear.h"
#include "pool.h"
#include "primitive.h"
#include "updates.h"
#include "vector.h"

namespace koine {
namespace {

class LinearSum : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.LinearSum)

  /// (x, w₁ …, t₁ …, b₁ …) → y₁ ….
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const std::size_t count = outputs.size();
    struct Part {
      StoredMatrix w;
      const float *t, *b;
      std::size_t rank;
      float* y;
    };
    std::vector<Part> parts;
    for (std::size_t i = 0; i < count; ++i) {
      const array &t = inputs[1 + count + i], &b = inputs[1 + 2 * count + i];
      parts.push_back(
          {storedMatrix(inputs[1 + i]), t.data<float>(), b.data<float>(),
           static_cast<std::size_t>(b.shape(1)), outputs[i].data<float>()});
    }
    const float* x = inputs[0].data<float>();
    const std::size_t n = inputs[0].shape(0), d = inputs[0].shape(1);
    schedule([n, d, x, parts = std::move(parts)] {
      const Matrix rows = Matrix::rows(x, static_cast<std::ptrdiff_t>(d));
      for (const Part& part : parts) {
        const auto rank = static_cast<std::ptrdiff_t>(part.rank);
        multiplyStored(n, rows, {{part.w, part.y, part.w.rows}});
        multiply(
            n, part.w.rows, part.rank, Matrix::rows(part.t, rank),
            Matrix::rows(part.b, rank).transposed(), part.y, part.w.rows, true);
      }
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    const int count = static_cast<int>(cotangents.size());
    std::vector<array> dy, results;
    for (const array& cotangent : cotangents) dy.push_back(rowMajor(cotangent));
    for (const int argument : argnums) {
      if (argument == 0) {
        std::vector<array> inputs;
        for (int i = 0; i < count; ++i) {
          inputs.push_back(dy[i]);
          inputs.push_back(primals[1 + i]);
        }
        results.push_back(linearInputGradient(std::move(inputs), stream()));
      } else if (argument <= count) {
        results.push_back(linearWeightGradient(dy[argument - 1], primals[0], stream()));
      } else if (argument <= 2 * count) {
        const int i = argument - 1 - count;
        results.push_back(linearInputGradient({dy[i], primals[1 + 2 * count + i]}, stream()));
      } else {
        const int i = argument - 1 - 2 * count;
        results.push_back(linearWeightGradient(dy[i], primals[1 + count + i], stream()));
      }
    }
    return results;
  }
};

class Dropout : public FusedPrimitive {
 public:
  Dropout(
      mx::Stream stream, float rate, std::uint64_t seed, std::uint64_t key, std::uint64_t start)
      : FusedPrimitive(stream), rate_(rate), seed_(seed), key_(key), start_(start) {}
  DEFINE_NAME(koine.Dropout)

  /// x → x masked and scaled.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const float* x = inputs[0].data<float>();
    float* y = outputs[0].data<float>();
    const std::size_t size = inputs[0].size();
    // In double: 2³² times a rate near 1 is no float.
    const auto limit =
        static_cast<std::uint32_t>(std::min(4294967295.0, static_cast<double>(rate_) * 0x1p32));
    const float scale = 1.0f / (1.0f - rate_);
    schedule([=, seed = seed_, key = key_, first = start_] {
      parallelRanges(size, 4096, [=](std::size_t begin, std::size_t end) {
        constexpr std::size_t block = 512;
        std::uint32_t words[block];
        for (std::size_t start = begin; start < end; start += block) {
          const std::size_t count = std::min(block, end - start);
          randomWords(seed, key, first + start, count, words);
          for (std::size_t i = 0; i < count; ++i) {
            y[start + i] = words[i] >= limit ? x[start + i] * scale : 0.0f;
          }
        }
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>&, const std::vector<array>& cotangents, const std::vector<int>&,
      const std::vector<array>&) override {
    return {dropout(cotangents[0], rate_, seed_, key_, start_)};
  }

 private:
  float rate_;
  std::uint64_t seed_, key_, start_;
};

class Widened : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Widened)

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const char* from = inputs[0].data<char>();
    const StoredType type = storedType(inputs[0].dtype());
    const std::size_t size = inputs[0].size(), bytes = inputs[0].itemsize();
    float* to = outputs[0].data<float>();
    schedule([=] {
      parallelRanges(size, 16384, [=](std::size_t begin, std::size_t end) {
        widen(from + begin * bytes, type, end - begin, to + begin);
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>&, const std::vector<array>& cotangents, const std::vector<int>&,
      const std::vector<array>&) override {
    return {cotangents[0]};
  }
};

}  // namespace

std::vector<array> linearSum(
    const array& x, const std::vector<array>& w, const std::vector<array>& t,
    const std::vector<array>& b) {
  constexpr const char* kernel = "linear_sum";
  expectType(kernel, "x", x, mx::float32);
  expectRank(kernel, "x", x, 2, "[N, D]");
  if (w.empty() || t.size() != w.size() || b.size() != w.size()) {
    refuse(kernel, "weights", "as many w as t and b, at least one", std::to_string(w.size()));
  }
  std::vector<array> inputs{rowMajor(x)};
  std::vector<mx::Shape> shapes;
  for (std::size_t i = 0; i < w.size(); ++i) {
    expectStoredType(kernel, "w", w[i]);
    expectRank(kernel, "w", w[i], 2, "[O, D]");
    expectShape(kernel, "w", w[i], {w[i].shape(0), x.shape(1)});
    expectType(kernel, "b", b[i], mx::float32);
    expectRank(kernel, "b", b[i], 2, "[O, R]");
    expectShape(kernel, "b", b[i], {w[i].shape(0), b[i].shape(1)});
    expectType(kernel, "t", t[i], mx::float32);
    expectShape(kernel, "t", t[i], {x.shape(0), b[i].shape(1)});
    shapes.push_back({x.shape(0), w[i].shape(0)});
  }
  for (const auto* list : {&w, &t, &b}) {
    for (const array& input : *list) inputs.push_back(rowMajor(input));
  }
  return array::make_arrays(
      shapes, std::vector<mx::Dtype>(shapes.size(), mx::float32),
      std::make_shared<LinearSum>(cpuStream()), inputs);
}

array dropout(
    const array& x, float rate, std::uint64_t seed, std::uint64_t key, std::uint64_t start) {
  expectType("dropout", "x", x, mx::float32);
  if (!(rate >= 0 && rate < 1)) {
    refuse("dropout", "rate", "a number from 0 up to, but not including, 1", std::to_string(rate));
  }
  return array(
      x.shape(), mx::float32, std::make_shared<Dropout>(cpuStream(), rate, seed, key, start),
      {rowMajor(x)});
}

array widened(const array& w) {
  expectStoredType("widened", "w", w);
  if (w.dtype() == mx::float32) return w;
  return array(
      w.shape(), mx::float32, std::make_shared<Widened>(cpuStream()), {rowMajor(w)});
}

void adaptedRowNorms(
    const StoredMatrix& w, const float* a, const float* b, std::size_t rank, float scale,
    float* norms) {
  const std::size_t columns = w.columns;
  typedef double DoubleLanes __attribute__((ext_vector_type(8)));
  parallelRanges(w.rows, 8, [=, &w](std::size_t begin, std::size_t end) {
    std::vector<float> row(columns);
    for (std::size_t i = begin; i < end; ++i) {
      widen(w.row(i), w.type, columns, row.data());
      for (std::size_t k = 0; k < rank; ++k) {
        const Lanes factor = scale * b[i * rank + k];
        const float* const other = a + k * columns;
        eachLanes(columns, [&](std::size_t j, std::size_t lanes) {
          storeUpTo(
              row.data() + j,
              fma(factor, loadUpTo(other + j, lanes), loadUpTo(row.data() + j, lanes)), lanes);
        });
      }
      DoubleLanes squares = 0.0;
      eachLanes(columns, [&](std::size_t j, std::size_t lanes) {
        const DoubleLanes x =
            __builtin_convertvector(loadUpTo(row.data() + j, lanes), DoubleLanes);
        squares += x * x;
      });
      const double total = ((squares[0] + squares[4]) + (squares[2] + squares[6])) +
          ((squares[1] + squares[5]) + (squares[3] + squares[7]));
      norms[i] = static_cast<float>(std::sqrt(total));
    }
  });
}

}  // namespace koine
