// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Rotary position embedding in the half-split order of Hugging Face checkpoints. With a = x[.. D/2],
// b = x[D/2 ..] of one head and the angles φ = position · inverse frequency (one per pair):
//
//     forward    (a, b) → (a cos φ − b sin φ,  b cos φ + a sin φ)
//     backward   the inverse rotation, φ → −φ
//
// A table narrower than the heads turns only their first numbers, D being the table's width then.
// The cosines are a table of their own, since all layers, queries and keys share them. The angle is rounded
// to f32 before its cosine is taken, as transformers does: logits then agree also far out.
// Source: Su et al. 2021, arXiv:2104.09864, eq. 34.

#include <algorithm>
#include <cmath>

#include "fused.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace koine {
namespace {

class RopeTable : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.RopeTable)

  /// (positions [...], inverse frequencies [D/2]) → table [..., D].
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const std::int32_t* positions = inputs[0].data<std::int32_t>();
    const float* frequencies = inputs[1].data<float>();
    float* table = outputs[0].data<float>();
    const std::size_t count = inputs[0].size(), half = inputs[1].size();
    schedule([=] {
      parallelRanges(count, 16, [=](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
          float* out = table + row * 2 * half;
          for (std::size_t i = 0; i < half; ++i) {
            const float angle = static_cast<float>(positions[row]) * frequencies[i];
            out[i] = std::cos(angle);
            out[half + i] = std::sin(angle);
          }
        }
      });
    });
  }

  /// Positions and frequencies are not trained.
  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>&,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    std::vector<array> results;
    for (const int argument : argnums) results.push_back(mx::zeros_like(primals[argument], stream()));
    return results;
  }
};

class Rope : public FusedPrimitive {
 public:
  Rope(mx::Stream stream, bool inverse) : FusedPrimitive(stream), inverse_(inverse) {}
  DEFINE_NAME(koine.Rope)

  /// (x [B, L, H, D], table [L, R] or [B, L, R]) → [B, L, H, D].
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    // Each pair is read before it is written, so an input nobody else needs is rotated where it is.
    if (x.is_donatable() && x.flags().row_contiguous) {
      outputs[0].copy_shared_buffer(x);
    } else {
      allocate(outputs);
    }
    const float *in = x.data<float>(), *table = inputs[1].data<float>();
    float* out = outputs[0].data<float>();
    const std::size_t length = x.shape(1), heads = x.shape(2), width = x.shape(3);
    const std::size_t turned = inputs[1].shape(-1);
    const std::size_t rows = x.shape(0) * length, half = turned / 2;
    const bool shared = inputs[1].ndim() == 2;
    const float sign = inverse_ ? -1.0f : 1.0f;
    schedule([=] {
      parallelRanges(rows, 4, [=](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
          const float* own = table + (shared ? row % length : row) * turned;
          for (std::size_t head = 0; head < heads; ++head) {
            const std::size_t at = (row * heads + head) * width;
            turnRow(in + at, own, half, sign, out + at);
            if (out != in) std::copy_n(in + at + turned, width - turned, out + at + turned);
          }
        }
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>&) override {
    std::vector<array> results;
    for (const int argument : argnums) {
      if (argument == 0) {
        results.push_back(array(
            primals[0].shape(), mx::float32, std::make_shared<Rope>(stream(), !inverse_),
            {rowMajor(cotangents[0]), primals[1]}));
      } else {
        results.push_back(mx::zeros_like(primals[1], stream()));
      }
    }
    return results;
  }

 private:
  bool inverse_;
};

}  // namespace

array ropeTable(const array& positions, const array& inverseFrequencies) {
  constexpr const char* kernel = "rope table";
  expectType(kernel, "positions", positions, mx::int32);
  expectType(kernel, "inverse frequencies", inverseFrequencies, mx::float32);
  expectRank(kernel, "inverse frequencies", inverseFrequencies, 1, "[D/2]");
  mx::Shape shape = positions.shape();
  shape.push_back(2 * inverseFrequencies.shape(0));
  return array(
      shape, mx::float32, std::make_shared<RopeTable>(cpuStream()),
      {rowMajor(positions), rowMajor(inverseFrequencies)});
}

array rope(const array& x, const array& table) {
  constexpr const char* kernel = "rope";
  expectType(kernel, "x", x, mx::float32);
  expectRank(kernel, "x", x, 4, "[B, L, H, D]");
  expectType(kernel, "table", table, mx::float32);
  const bool shared = table.ndim() == 2;
  const bool fits =
      (shared || (table.ndim() == 3 && table.shape(0) == x.shape(0))) &&
      table.shape(-2) == x.shape(1) && table.shape(-1) <= x.shape(3) && table.shape(-1) % 2 == 0;
  if (!fits) {
    refuse(
        kernel, "table", "shape [L, R] or [B, L, R] with an even R up to D of x " + text(x.shape()),
        text(table.shape()));
  }
  return array(
      x.shape(), mx::float32, std::make_shared<Rope>(cpuStream(), false),
      {rowMajor(x), rowMajor(table)});
}

}  // namespace koine
