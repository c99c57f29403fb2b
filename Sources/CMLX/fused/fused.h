// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Fused CPU kernels for training and inference, as MLX graph nodes with their own gradients.
//
// On x86 MLX computes exp one number at a time and everything but matrix products on one thread; these
// kernels are vectorised and share out their work. The plain MLX graph of the same formula stays the
// reference in tests and the path on GPUs: evaluating one of these nodes on a GPU stream throws.
//
// Activations and sums are f32. Weights are f32 where they are trained, else f32, bf16 or f16 as stored.
//
// For all of them:
// - Builders check types and shapes and throw std::invalid_argument ("expected …, found …"). Ids are checked
//   when evaluated and give std::runtime_error from `eval`.
// - Results are the same bits from run to run, for every thread count, and for AVX2 and AVX-512.
// - Nodes are put on the CPU's default stream of the calling thread. Inputs that are no row-major memory
//   are copied first (q, k and v of `attention` are not: they are read with their strides).
// - First derivatives only; vmap and jvp are not offered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mlx/array.h"
#include "stored.h"

namespace koine {

/// Threads that share the work, the calling one included; 1 to 1024, at first the number of processors.
/// Takes effect with the next kernel. Throws std::invalid_argument.
void setThreadCount(int count);
int threadCount();

/// The instruction set of the matrix products: "avx512", "avx2" or "generic".
const char* kernelName();

/// y = x · wᵀ for x [..., D] and each w [O, D] → [..., O]. Gradients are f32 whatever w is stored in; the shares of
/// several w (query, key and value; gate and up) in the gradient of x are added up in place. At least one w.
std::vector<mlx::core::array> linear(
    const mlx::core::array& x, const std::vector<mlx::core::array>& weights);

/// weightₙ · −log softmax(z)ₙ[targetₙ] with z = x · wᵀ, or with cap > 0 z = cap · tanh(x · wᵀ / cap), for
/// x [N, D], w [V, D], targets int32 [N], weights [N] → [N].
///
/// The rows come *already multiplied* by their weights: take the plain sum, and divide by the weights' sum if
/// a mean is wanted. Rows of weight 0 or target −1 are 0, have zero gradients and cost nothing. Gradients
/// for x and w only, exact for any cotangent, fastest when it is the same for all rows.
/// With `gradients`, the forward pass makes them as well (three matrix products in all, two where w is not
/// differentiated); without, it costs one product, and a gradient taken all the same costs the three on top.
/// At most 128 MB of logits (or 64 rows, if more) are held at a time.
mlx::core::array crossEntropyLinear(
    const mlx::core::array& x, const mlx::core::array& w, const mlx::core::array& targets,
    const mlx::core::array& weights, bool gradients, float cap = 0);

/// (loss, best): the loss of `crossEntropyLinear`, and the most likely word of each row that counts (−1 for the
/// others), int32 [N]. No gradients; reads w once and holds no row of logits.
std::pair<mlx::core::array, mlx::core::array> likelihood(
    const mlx::core::array& x, const mlx::core::array& w, const mlx::core::array& targets,
    const mlx::core::array& weights, float cap = 0);

/// How scores are made of products and which of them count.
struct AttentionRule {
  /// Usually 1/√D.
  float scale;
  /// A query sees itself and the window − 1 positions before; 0: all before.
  std::int32_t window = 0;
  /// c in c · tanh(score / c); 0: none. Source: Bello et al. 2016, arXiv:1611.09940.
  float cap = 0;
};

/// Causal attention within segments: q [B, L, H, D], k and v [B, L, G, D], segments int32 [B, L] →
/// [B, L, H, D]; G divides H, query head h reads key head h / (H / G). Position i sees j iff j ≤ i,
/// j > i − window and both have the same segment ≥ 0; positions of a negative segment give zeros and zero
/// gradients. Memory beyond the output: H · L numbers a sequence, 112 rows of scores a thread.
mlx::core::array attention(
    const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
    const mlx::core::array& segments, const AttentionRule& rule);

/// Cosines, then sines, of position · inverse frequency: positions int32 [...], inverseFrequencies [D/2] →
/// [..., D]. Built once per forward pass and shared by all layers. Not differentiable (zeros).
mlx::core::array ropeTable(
    const mlx::core::array& positions, const mlx::core::array& inverseFrequencies);

/// Rotates the first R of the D numbers of each head of x [B, L, H, D], in half-split order (pairs i and
/// i + R/2), by a table [L, R] or [B, L, R], R even and at most D; the others stay as they are.
mlx::core::array rope(const mlx::core::array& x, const mlx::core::array& table);

/// x / √(mean(x²) + ε) · w over the last axis: x [..., D], w [D].
mlx::core::array rmsNorm(const mlx::core::array& x, const mlx::core::array& w, float epsilon);

/// (h, rmsNorm(h, w, ε)) with h = x + delta: the residual sum and the norm that follows it, in one pass.
std::pair<mlx::core::array, mlx::core::array> addRmsNorm(
    const mlx::core::array& x, const mlx::core::array& delta, const mlx::core::array& w,
    float epsilon);

/// silu(gate) · up, elementwise over one shape.
mlx::core::array swiglu(const mlx::core::array& gate, const mlx::core::array& up);

/// gelu(gate) · up with the tanh form of GELU, elementwise over one shape.
mlx::core::array geglu(const mlx::core::array& gate, const mlx::core::array& up);

/// cap · tanh(x / cap), elementwise; cap > 0.
mlx::core::array softcap(const mlx::core::array& x, float cap);

/// table[ids]: ids int32 [...], table [V, D] → [..., D]. The gradient is dense, and f32 always.
mlx::core::array embedding(const mlx::core::array& ids, const mlx::core::array& table);

/// average ← average + share · (values − average), elementwise.
void moveToward(float* average, const float* values, std::size_t count, float share);

/// Σ x², in f64 with a fixed tree of partial sums: the same bits for every thread count. 0 when empty.
double squaredNorm(const float* values, std::size_t count);

/// The index of the first infinity or NaN, −1 if there is none.
std::ptrdiff_t firstNonFinite(
    const void* values, std::size_t count, StoredType type = StoredType::float32);

}  // namespace koine
