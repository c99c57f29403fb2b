// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Muon: momentum whose singular values are made alike.

#include <cmath>
#include <vector>

#include "fused.h"
#include "gemm.h"
#include "vector.h"
#include "weight_loop.h"

namespace koine {
namespace {

/// to [columns, rows] = from [rows, columns] transposed, times `scale`; tile by tile, for the cache.
void transposeScaled(
    const float* from, std::size_t rows, std::size_t columns, float scale, float* to) {
  constexpr std::size_t tile = 32;
  parallelRanges(columns, tile, [=](std::size_t begin, std::size_t end) {
    for (std::size_t top = 0; top < rows; top += tile) {
      const std::size_t bottom = std::min(rows, top + tile);
      for (std::size_t j = begin; j < end; ++j) {
        for (std::size_t i = top; i < bottom; ++i) to[j * rows + i] = scale * from[i * columns + j];
      }
    }
  });
}

/// x = a · x + b · y
void combine(float a, float* x, float b, const float* y, std::size_t count) {
  parallelRanges(count, 4096, [=](std::size_t begin, std::size_t end) {
    eachLanes(end - begin, [=](std::size_t offset, std::size_t lanes) {
      const std::size_t i = begin + offset;
      storeUpTo(x + i, fma(Lanes(a), loadUpTo(x + i, lanes), b * loadUpTo(y + i, lanes)), lanes);
    });
  });
}

}  // namespace

void muonMomentum(
    const float* gradients, float scale, float momentum, bool nesterov, std::size_t count,
    float* buffer, float* output) {
  parallelRanges(count, 4096, [=](std::size_t begin, std::size_t end) {
    eachLanes(end - begin, [=](std::size_t offset, std::size_t lanes) {
      const std::size_t i = begin + offset;
      const Lanes g = loadUpTo(gradients + i, lanes) * scale;
      const Lanes old = loadUpTo(buffer + i, lanes);
      const Lanes b = fma(Lanes(1.0f - momentum), g - old, old);
      storeUpTo(buffer + i, b, lanes);
      storeUpTo(output + i, nesterov ? fma(Lanes(momentum), b - g, g) : b, lanes);
    });
  });
}

void newtonSchulz(float* matrix, std::size_t rows, std::size_t columns, int steps) {
  // The coefficients of the source: the steepest slope at 0 of which the iteration stays bounded.
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  const std::size_t count = rows * columns;
  if (count == 0) return;
  const double norm = std::max(std::sqrt(squaredNorm(matrix, count)), 1e-7);
  const bool isTall = rows > columns;
  const std::size_t height = isTall ? columns : rows, width = isTall ? rows : columns;
  std::vector<float> x(count), y(count), gram(height * height), square(height * height);
  if (isTall) {
    transposeScaled(matrix, rows, columns, static_cast<float>(1 / norm), x.data());
  } else {
    std::memcpy(x.data(), matrix, count * sizeof(float));
    combine(static_cast<float>(1 / norm), x.data(), 0, matrix, count);
  }
  const auto asRows = [](const std::vector<float>& data, std::size_t stride) {
    return Matrix::rows(data.data(), static_cast<std::ptrdiff_t>(stride));
  };
  for (int step = 0; step < steps; ++step) {
    const Matrix wide = asRows(x, width);
    multiply(height, height, width, wide, wide.transposed(), gram.data(), height, false);
    const Matrix g = asRows(gram, height);
    multiply(height, height, height, g, g, square.data(), height, false);
    combine(b, gram.data(), c, square.data(), height * height);
    multiply(height, width, height, g, wide, y.data(), width, false);
    combine(a, x.data(), 1, y.data(), count);
  }
  if (isTall) {
    transposeScaled(x.data(), height, width, 1, matrix);
  } else {
    std::memcpy(matrix, x.data(), count * sizeof(float));
  }
}

void applyDirection(const Weights& weights, const float* direction, float keep, float rate) {
  eachWeight(weights, [=](std::size_t i, std::size_t lanes, Lanes p) {
    return fma(p, Lanes(keep), -rate * loadUpTo(direction + i, lanes));
  });
}

}  // namespace koine
