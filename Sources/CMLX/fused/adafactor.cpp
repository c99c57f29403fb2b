// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Adafactor: second moments of a matrix as a row and a column of means.

#include <cmath>
#include <vector>

#include "vector.h"
#include "weight_loop.h"

namespace koine {
namespace {

/// Rows per partial sum over rows: part of the definition of the sums' bits.
constexpr std::size_t rowBlock = 256;

typedef double DoubleLanes __attribute__((ext_vector_type(8)));

DoubleLanes widened(Lanes x) { return __builtin_convertvector(x, DoubleLanes); }

double total(DoubleLanes v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// Sums of `block(i)` for i in [0, count), computed anywhere, added in order.
template <class Block>
double sumOfBlocks(std::size_t count, Block block) {
  std::vector<double> sums(count);
  parallel(count, [&](std::size_t i) { sums[i] = block(i); });
  double result = 0;
  for (const double sum : sums) result += sum;
  return result;
}

}  // namespace

double adafactorMatrix(
    const float* gradients, std::size_t rows, std::size_t columns, float scale, float beta,
    float epsilon, float* row, float* column, float* rowFactor, float* columnFactor) {
  if (rows == 0 || columns == 0) return 0;
  const std::size_t blocks = (rows + rowBlock - 1) / rowBlock;
  std::vector<float> sums(blocks * columns);
  parallel(blocks, [&](std::size_t block) {
    float* const below = sums.data() + block * columns;
    const std::size_t end = std::min(rows, (block + 1) * rowBlock);
    for (std::size_t i = block * rowBlock; i < end; ++i) {
      const float* const g = gradients + i * columns;
      DoubleLanes across = 0.0;
      eachLanes(columns, [&](std::size_t j, std::size_t lanes) {
        const Lanes x = loadUpTo(g + j, lanes) * scale;
        const Lanes square = x * x;
        across += widened(square);
        storeUpTo(below + j, loadUpTo(below + j, lanes) + square, lanes);
      });
      const float mean =
          static_cast<float>(total(across) / static_cast<double>(columns)) + epsilon;
      row[i] = beta * row[i] + (1.0f - beta) * mean;
    }
  });
  parallelRanges(columns, 256, [&](std::size_t begin, std::size_t end) {
    for (std::size_t j = begin; j < end; ++j) {
      double sum = 0;
      for (std::size_t block = 0; block < blocks; ++block) sum += sums[block * columns + j];
      const float mean = static_cast<float>(sum / static_cast<double>(rows)) + epsilon;
      column[j] = beta * column[j] + (1.0f - beta) * mean;
      columnFactor[j] = 1.0f / std::sqrt(column[j]);
    }
  });
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) sum += row[i];
  const float mean = static_cast<float>(sum / static_cast<double>(rows));
  for (std::size_t i = 0; i < rows; ++i) rowFactor[i] = 1.0f / std::sqrt(row[i] / mean);
  return sumOfBlocks(blocks, [&](std::size_t block) {
    const std::size_t end = std::min(rows, (block + 1) * rowBlock);
    double squares = 0;
    for (std::size_t i = block * rowBlock; i < end; ++i) {
      const float* const g = gradients + i * columns;
      const float factor = rowFactor[i] * scale;
      DoubleLanes across = 0.0;
      eachLanes(columns, [&](std::size_t j, std::size_t lanes) {
        const Lanes u = loadUpTo(g + j, lanes) * factor * loadUpTo(columnFactor + j, lanes);
        across += widened(u * u);
      });
      squares += total(across);
    }
    return squares;
  });
}

double adafactorVector(
    const float* gradients, std::size_t count, float scale, float beta, float epsilon, float* v) {
  constexpr std::size_t block = 4096;
  return sumOfBlocks((count + block - 1) / block, [&](std::size_t index) {
    const std::size_t begin = index * block;
    DoubleLanes squares = 0.0;
    eachLanes(std::min(block, count - begin), [&](std::size_t offset, std::size_t lanes) {
      const std::size_t i = begin + offset;
      const Lanes g = loadUpTo(gradients + i, lanes) * scale;
      const Lanes second = beta * loadUpTo(v + i, lanes, 1) + (1.0f - beta) * (g * g + epsilon);
      storeUpTo(v + i, second, lanes);
      squares += widened(g * g / second);
    });
    return total(squares);
  });
}

void adafactorApplyMatrix(
    const Weights& weights, const float* gradients, float* firstMoment, const float* rowFactor,
    const float* columnFactor, std::size_t columns, const AdafactorApply& settings) {
  if (columns == 0) return;
  const float rate = settings.learningRate, beta1 = settings.beta1;
  const float keep = 1.0f - rate * settings.weightDecay;
  const std::size_t rows = weights.count / columns;
  parallelRanges(rows, std::max<std::size_t>(1, 4096 / columns), [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t start = row * columns;
      const float factor = rowFactor[row] * settings.scale;
      eachWeightHere(
          weights, start, start + columns, [&](std::size_t i, std::size_t lanes, Lanes p) {
            Lanes change = loadUpTo(gradients + i, lanes) * factor *
                loadUpTo(columnFactor + (i - start), lanes) * rate;
            if (firstMoment != nullptr) {
              change = fma(Lanes(beta1), loadUpTo(firstMoment + i, lanes), (1.0f - beta1) * change);
              storeUpTo(firstMoment + i, change, lanes);
            }
            return fma(p, Lanes(keep), -change);
          });
    }
  });
}

void adafactorApplyVector(
    const Weights& weights, const float* gradients, float* firstMoment, const float* v,
    const AdafactorApply& settings) {
  const float rate = settings.learningRate, beta1 = settings.beta1, scale = settings.scale;
  const float keep = 1.0f - rate * settings.weightDecay;
  eachWeight(weights, [=](std::size_t i, std::size_t lanes, Lanes p) {
    Lanes change = loadUpTo(gradients + i, lanes) * scale /
        __builtin_elementwise_sqrt(loadUpTo(v + i, lanes, 1)) * rate;
    if (firstMoment != nullptr) {
      change = fma(Lanes(beta1), loadUpTo(firstMoment + i, lanes), (1.0f - beta1) * change);
      storeUpTo(firstMoment + i, change, lanes);
    }
    return fma(p, Lanes(keep), -change);
  });
}

}  // namespace koine
