// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The output layer and the likelihood of given words, without gradients:
//
//     z = x wᵀ [N, V], capped where asked,   lossₙ = weightₙ · (log Σᵥ exp zₙᵥ − zₙ,target),
//     bestₙ = the first v of the largest zₙᵥ
//
// cross_entropy.cpp takes some rows and all words at a time, because its gradients need whole rows of z. Here
// words go in tiles, each widened and packed once for all rows, and a row keeps a running maximum, the sum of
// exponentials below it, the target's z and the best word. So the head is read once, however many rows there
// are, and z is never larger than a tile in cache.
// Sums run over tiles in order, within a tile over eight lanes: the same bits for any number of threads.
// Source of the running sum: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3 (departs: by tiles).

#include <algorithm>
#include <cmath>
#include <limits>

#include "dots.h"
#include "fused.h"
#include "gemm.h"
#include "pool.h"
#include "primitive.h"
#include "vector.h"

namespace koine {
namespace {

/// Words of a tile: at 576 numbers a word, 1.2 MB of packed head, in the second-level cache.
constexpr std::size_t tileWords = 512;
/// Rows of a piece; its z tile is 229 KB.
constexpr std::size_t pieceRows = 112;

struct Row {
  std::size_t index;
  std::int32_t target;
  float most = -std::numeric_limits<float>::infinity();
  float sum = 0;
  float own = 0;
  std::int32_t best = 0;
};

/// Takes `count` more numbers z of the row, of the words from `first` on, into account.
void take(Row& row, float* z, std::size_t first, std::size_t count, float cap) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  Lanes most = -infinity;
  eachLanes(count, [&](std::size_t v, std::size_t lanes) {
    Lanes values = loadUpTo(z + v, lanes, -infinity);
    if (cap > 0) {
      values = cap * hyperbolicTangent(values / cap);
      storeUpTo(z + v, values, lanes);
      if (lanes < 8) values = loadUpTo(z + v, lanes, -infinity);
    }
    most = values > most ? values : most;
  });
  const float top = largest(most);
  if (top > row.most) {
    row.best = static_cast<std::int32_t>(first + (std::find(z, z + count, top) - z));
    // e^(−∞) is 0: the first tile starts from nothing.
    row.sum *= std::exp(row.most - top);
    row.most = top;
  }
  const float base = row.most;
  Lanes total = 0.0f;
  eachLanes(count, [&](std::size_t v, std::size_t lanes) {
    total += exponential(loadUpTo(z + v, lanes, -infinity) - base);
  });
  row.sum += sum(total);
  const auto target = static_cast<std::size_t>(row.target);
  if (target >= first && target < first + count) row.own = z[target - first];
}

struct Problem {
  const float* x;
  StoredMatrix w;
  const std::int32_t* targets;
  const float* weights;
  std::size_t rows;
  float cap;
};

std::vector<Row> activeRows(const Problem& problem) {
  std::vector<Row> result;
  for (std::size_t n = 0; n < problem.rows; ++n) {
    const std::int32_t target = problem.targets[n];
    if (target == -1 || problem.weights[n] == 0) continue;
    if (target < 0 || static_cast<std::size_t>(target) >= problem.w.rows) {
      throw std::runtime_error(
          "likelihood: target of row " + std::to_string(n) + ": expected -1 to " +
          std::to_string(static_cast<long long>(problem.w.rows) - 1) + ", found " +
          std::to_string(target) + ".");
    }
    result.push_back({n, target});
  }
  return result;
}

void solve(const Problem& problem, float* loss, std::int32_t* best) {
  std::vector<Row> active = activeRows(problem);
  std::fill_n(loss, problem.rows, 0.0f);
  std::fill_n(best, problem.rows, -1);
  if (active.empty()) return;
  const std::size_t width = problem.w.columns, words = problem.w.rows;

  // Rows that follow each other are read where they are.
  const float* x = problem.x + active.front().index * width;
  std::vector<float> gathered;
  if (active.back().index - active.front().index + 1 != active.size()) {
    gathered.resize(active.size() * width);
    for (std::size_t i = 0; i < active.size(); ++i) {
      std::copy_n(problem.x + active[i].index * width, width, gathered.data() + i * width);
    }
    x = gathered.data();
  }
  if (active.size() <= fewRows) {
    std::vector<float> z(active.size() * words);
    multiplyFew(active.size(), x, {{problem.w, z.data(), words}});
    parallel(active.size(), [&](std::size_t i) {
      for (std::size_t first = 0; first < words; first += tileWords) {
        take(active[i], z.data() + i * words + first, first, std::min(tileWords, words - first),
             problem.cap);
      }
    });
  } else {
    thread_local PackedMatrix packed;
    PackedMatrix& tile = packed;
    const std::size_t pieces = (active.size() + pieceRows - 1) / pieceRows;
    for (std::size_t first = 0; first < words; first += tileWords) {
      const std::size_t count = std::min(tileWords, words - first);
      tile.packTransposed(problem.w, first, 0, width, count);
      parallel(pieces, [&](std::size_t piece) {
        thread_local std::vector<float> z;
        z.resize(pieceRows * tileWords);
        const std::size_t begin = piece * pieceRows;
        const std::size_t rows = std::min(pieceRows, active.size() - begin);
        multiplyPacked(
            rows, count, Matrix::rows(x + begin * width, static_cast<std::ptrdiff_t>(width)), tile, 0,
            0, width, z.data(), tileWords, false);
        for (std::size_t i = 0; i < rows; ++i) {
          take(active[begin + i], z.data() + i * tileWords, first, count, problem.cap);
        }
      });
    }
  }
  for (const Row& row : active) {
    loss[row.index] = problem.weights[row.index] * ((row.most - row.own) + std::log(row.sum));
    best[row.index] = row.best;
  }
}

class Likelihood : public FusedPrimitive {
 public:
  Likelihood(mx::Stream stream, float cap) : FusedPrimitive(stream), cap_(cap) {}
  DEFINE_NAME(koine.Likelihood)

  /// (x [N, D], w [V, D], targets [N], weights [N]) → (loss [N], best [N]).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const Problem problem{
        inputs[0].data<float>(), storedMatrix(inputs[1]), inputs[2].data<std::int32_t>(),
        inputs[3].data<float>(), static_cast<std::size_t>(inputs[0].shape(0)), cap_};
    float* loss = outputs[0].data<float>();
    std::int32_t* best = outputs[1].data<std::int32_t>();
    schedule([=] { solve(problem, loss, best); });
  }

 private:
  float cap_;
};

}  // namespace

std::pair<array, array> likelihood(
    const array& x, const array& w, const array& targets, const array& weights, float cap) {
  constexpr const char* kernel = "likelihood";
  expectType(kernel, "x", x, mx::float32);
  expectStoredType(kernel, "w", w);
  expectType(kernel, "targets", targets, mx::int32);
  expectType(kernel, "weights", weights, mx::float32);
  expectRank(kernel, "x", x, 2, "[N, D]");
  expectRank(kernel, "w", w, 2, "[V, D]");
  expectShape(kernel, "w", w, {w.shape(0), x.shape(1)});
  expectShape(kernel, "targets", targets, {x.shape(0)});
  expectShape(kernel, "weights", weights, {x.shape(0)});
  const auto outputs = array::make_arrays(
      {targets.shape(), targets.shape()}, {mx::float32, mx::int32},
      std::make_shared<Likelihood>(cpuStream(), cap),
      {rowMajor(x), rowMajor(w), rowMajor(targets), rowMajor(weights)});
  return {outputs[0], outputs[1]};
}

}  // namespace koine
