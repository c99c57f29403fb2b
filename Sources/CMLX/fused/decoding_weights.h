// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The weights of a decoder where they lie in memory, and the pieces in which a step reads them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "decoding_step.h"
#include "dots.h"

namespace koine {

/// Rows of a matrix that go to columns of a result.
struct DecodingPart {
  StoredMatrix w;
  const float* bias;
  /// The column of the first row.
  std::size_t offset;
};

/// The weights of one layer where they lie; null for none.
struct DecodingLayer {
  const float *beforeAttention, *afterAttention, *beforeFeedForward, *afterFeedForward;
  std::vector<DecodingPart> input;
  const float *queryNorm, *keyNorm;
  DecodingPart output, gate, up, down;
  std::int32_t window, rotation;
};

/// All weights of a decoder, checked, evaluated and kept.
struct DecodingWeights {
  DecoderShape shape{};
  std::vector<DecodingLayer> layers;
  StoredMatrix embedding{}, head{};
  const float* finalNorm = nullptr;
  std::vector<mlx::core::array> kept;

  /// Throws std::invalid_argument for shapes or types that do not fit.
  DecodingWeights(
      const DecoderShape& shape, const std::vector<DecoderWeights>& layers, const mlx::core::array& embedding,
      const std::optional<mlx::core::array>& finalNorm, const mlx::core::array& head);
};

// MARK: Pieces

/// A piece of a product: about 32 KB of weights, a few microseconds; a multiple of the rows that a kernel takes.
inline std::size_t pieceRows(const StoredMatrix& w, std::size_t bytes) {
  const std::size_t rowBytes = std::max<std::size_t>(1, w.columns * w.elementBytes());
  return std::max<std::size_t>(12, bytes / rowBytes / 12 * 12);
}

inline constexpr std::size_t pieceBytes = std::size_t{1} << 15;

inline std::size_t pieceCount(const StoredMatrix& w, std::size_t bytes = pieceBytes) {
  const std::size_t height = pieceRows(w, bytes);
  return (w.rows + height - 1) / height;
}

/// Rows of a matrix.
struct Range {
  std::size_t begin, end;
};

inline Range pieceRange(const StoredMatrix& w, std::size_t index, std::size_t bytes = pieceBytes) {
  const std::size_t height = pieceRows(w, bytes);
  return {std::min(w.rows, index * height), std::min(w.rows, (index + 1) * height)};
}

}  // namespace koine
