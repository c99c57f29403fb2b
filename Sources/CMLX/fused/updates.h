// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Optimizers' loops, in place over plain memory.
//
// Weights are float32, or stored in 16 bits and rounded *stochastically*: up or down with probabilities that
// make the expected value the exact one, so that changes far below a 16-bit number's resolution add up
// instead of vanishing. The random bits are a function of (seed, key, index of the element), the words of
// Tensors' `CounterRandom`. Gradients and everything an optimizer remembers are float32.
//
// No result depends on the thread count, nor on how a tensor is cut into ranges, in any bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stored.h"

namespace koine {

/// Some consecutive elements of a tensor's weights.
struct Weights {
  /// The first of them.
  void* data;
  StoredType type;
  /// Its index in the whole tensor.
  std::size_t first;
  std::size_t count;
  /// Of the random bits; unused for float32.
  std::uint64_t seed, key;
};

/// Element `start + i` of the stream, for i in [0, count): Philox4x32-10 with the counter
/// (element / 4, seed), word element % 4. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1,
/// 2, 3".
void randomWords(
    std::uint64_t seed, std::uint64_t key, std::uint64_t start, std::size_t count,
    std::uint32_t* output);

struct AdamW {
  float learningRate;
  float beta1, beta2, epsilon;
  /// Decoupled: parameters shrink by learningRate · weightDecay.
  float weightDecay;
  /// 1 − beta1ᵗ and 1 − beta2ᵗ at step t = 1, 2, …; 1 for none.
  float biasCorrection1, biasCorrection2;
  /// Multiplied into the gradients first: clipping and 1 / token count.
  float gradientScale;
};

/// One step:
///     g = scale · gradient,  m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²
///     p = p · (1 − η λ) − η · (m / c₁) / (√(v / c₂) + ε)
/// One pass over memory. Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2 (departs: λ is
/// multiplied by the learning rate, as in PyTorch).
void adamwStep(
    const Weights& weights, const float* gradients, float* firstMoment, float* secondMoment,
    const AdamW& settings);

struct Descent {
  float learningRate, momentum;
  /// Added to the gradient, times the weights.
  float weightDecay;
  float gradientScale;
  bool nesterov;
};

/// One step of gradient descent, as torch.optim.SGD without dampening:
///     d = scale · gradient + λ p,  b = μ b + d,  p = p − η · (nesterov ? d + μ b : b)
/// `buffer` may be null where the momentum is 0; then b = d.
void descentStep(
    const Weights& weights, const float* gradients, float* buffer, const Descent& settings);

/// Adafactor's second moments of a matrix [rows, columns] with g = scale · gradient:
///     row = β row + (1 − β) · mean over columns of (g² + ε),   column likewise over rows
/// and the factors whose product with g is the direction u:
///     rowFactor = 1 / √(row / mean(row)),   columnFactor = 1 / √column
/// Returns Σ u². Source: Shazeer & Stern 2018, arXiv:1804.04235, algorithm 4.
double adafactorMatrix(
    const float* gradients, std::size_t rows, std::size_t columns, float scale, float beta,
    float epsilon, float* row, float* column, float* rowFactor, float* columnFactor);

/// The same for a vector, unfactored: v = β v + (1 − β) (g² + ε), u = g / √v. Returns Σ u².
double adafactorVector(
    const float* gradients, std::size_t count, float scale, float beta, float epsilon, float* v);

struct AdafactorApply {
  float learningRate;
  /// 0 for no first moment.
  float beta1;
  float weightDecay;
  /// The gradient's scale divided by what clips u.
  float scale;
};

/// The change by whole rows: m = β₁ m + (1 − β₁) η u, p = p (1 − η λ) − (m or η u). `firstMoment` is null where
/// β₁ is 0. All pointers are those of the first row of `weights`, `columnFactor` excepted.
void adafactorApplyMatrix(
    const Weights& weights, const float* gradients, float* firstMoment, const float* rowFactor,
    const float* columnFactor, std::size_t columns, const AdafactorApply& settings);
void adafactorApplyVector(
    const Weights& weights, const float* gradients, float* firstMoment, const float* v,
    const AdafactorApply& settings);

/// Muon's momentum with g = scale · gradient: b = b + (1 − μ)(g − b), output = g + μ (b − g) with Nesterov, else b.
void muonMomentum(
    const float* gradients, float scale, float momentum, bool nesterov, std::size_t count,
    float* buffer, float* output);

/// Five steps (or `steps`) of the quintic Newton–Schulz iteration X ← aX + (bXXᵀ + c(XXᵀ)²)X of the matrix
/// divided by its Frobenius norm, in place: its singular values become about 1. On the shorter side's Gram
/// matrix, in float32. Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/.
void newtonSchulz(float* matrix, std::size_t rows, std::size_t columns, int steps);

/// p = keep · p − rate · direction.
void applyDirection(const Weights& weights, const float* direction, float keep, float rate);

}  // namespace koine
