// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// AdamW and gradient descent in place, and the squared norm for clipping. None of them depends on the thread
// count in any bit.

#include <cmath>
#include <vector>

#include "fused.h"
#include "pool.h"
#include "vector.h"
#include "weight_loop.h"

namespace koine {
namespace {

/// Elements per partial sum of `squaredNorm`: part of its definition, not a tuning knob.
constexpr std::size_t normBlock = 4096;

typedef double DoubleLanes __attribute__((ext_vector_type(8)));

}  // namespace

void adamwStep(
    const Weights& weights, const float* gradients, float* first, float* second,
    const AdamW& settings) {
  const float beta1 = settings.beta1, beta2 = settings.beta2, epsilon = settings.epsilon;
  const float scale = settings.gradientScale;
  const float rate = settings.learningRate / settings.biasCorrection1;
  const float root = 1.0f / std::sqrt(settings.biasCorrection2);
  const float keep = 1.0f - settings.learningRate * settings.weightDecay;
  eachWeight(weights, [=](std::size_t i, std::size_t lanes, Lanes p) {
    const Lanes g = loadUpTo(gradients + i, lanes) * scale;
    const Lanes m = fma(Lanes(beta1), loadUpTo(first + i, lanes), (1.0f - beta1) * g);
    const Lanes v = fma(Lanes(beta2), loadUpTo(second + i, lanes), (1.0f - beta2) * g * g);
    storeUpTo(first + i, m, lanes);
    storeUpTo(second + i, v, lanes);
    const Lanes step = rate * m / fma(__builtin_elementwise_sqrt(v), Lanes(root), Lanes(epsilon));
    return fma(p, Lanes(keep), -step);
  });
}

void descentStep(
    const Weights& weights, const float* gradients, float* buffer, const Descent& settings) {
  const float rate = settings.learningRate, momentum = settings.momentum;
  const float decay = settings.weightDecay, scale = settings.gradientScale;
  const bool nesterov = settings.nesterov;
  eachWeight(weights, [=](std::size_t i, std::size_t lanes, Lanes p) {
    const Lanes d = fma(Lanes(decay), p, loadUpTo(gradients + i, lanes) * scale);
    if (buffer == nullptr) return fma(Lanes(-rate), d, p);
    const Lanes b = fma(Lanes(momentum), loadUpTo(buffer + i, lanes), d);
    storeUpTo(buffer + i, b, lanes);
    return fma(Lanes(-rate), nesterov ? fma(Lanes(momentum), b, d) : b, p);
  });
}

void moveToward(float* average, const float* values, std::size_t count, float share) {
  parallelRanges(count, 4096, [=](std::size_t begin, std::size_t end) {
    eachLanes(end - begin, [=](std::size_t offset, std::size_t lanes) {
      const std::size_t i = begin + offset;
      const Lanes old = loadUpTo(average + i, lanes);
      storeUpTo(average + i, fma(Lanes(share), loadUpTo(values + i, lanes) - old, old), lanes);
    });
  });
}

double squaredNorm(const float* values, std::size_t count) {
  const std::size_t blocks = (count + normBlock - 1) / normBlock;
  std::vector<double> sums(blocks);
  parallelRanges(blocks, 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      const std::size_t start = block * normBlock;
      DoubleLanes total = 0.0;
      eachLanes(std::min(normBlock, count - start), [&](std::size_t i, std::size_t lanes) {
        const DoubleLanes x =
            __builtin_convertvector(loadUpTo(values + start + i, lanes), DoubleLanes);
        total = __builtin_elementwise_fma(x, x, total);
      });
      sums[block] = ((total[0] + total[4]) + (total[2] + total[6])) +
          ((total[1] + total[5]) + (total[3] + total[7]));
    }
  });
  // Neighbours first, like a tournament: the error grows with the logarithm of the count.
  for (std::size_t step = 1; step < blocks; step *= 2) {
    for (std::size_t i = 0; i + step < blocks; i += 2 * step) sums[i] += sums[i + step];
  }
  return blocks == 0 ? 0.0 : sums[0];
}

}  // namespace koine
