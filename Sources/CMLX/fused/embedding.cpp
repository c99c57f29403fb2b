// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Rows of a table by id, with the gradient as a sum into the rows used:
//
//     y[n] = table[ids[n]]        dtable[v] = Σ over n with ids[n] = v of dy[n], n rising
//
// The gradient is dense (the optimizer wants it so). Threads share out the columns, each takes all ids in
// order: no two write the same place, and the order of the sum is fixed. Ids outside the table are an error
// when evaluated; MLX's own gather would read whatever lies there.

#include <algorithm>
#include <cstring>

#include "fused.h"
#include "pool.h"
#include "primitive.h"

namespace koine {
namespace {

void checkIds(const std::int32_t* ids, std::size_t count, std::size_t rows) {
  for (std::size_t n = 0; n < count; ++n) {
    if (ids[n] < 0 || static_cast<std::size_t>(ids[n]) >= rows) {
      throw std::runtime_error(
          "embedding: id at index " + std::to_string(n) + ": expected 0 to " +
          std::to_string(static_cast<long long>(rows) - 1) + ", found " + std::to_string(ids[n]) +
          ".");
    }
  }
}

class EmbeddingGradient : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.EmbeddingGradient)

  /// (ids [N], dy [N, D]) → dtable [V, D]. The ids were checked by the forward pass.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const std::int32_t* ids = inputs[0].data<std::int32_t>();
    const float* dy = inputs[1].data<float>();
    float* table = outputs[0].data<float>();
    const std::size_t count = inputs[0].size(), rows = outputs[0].shape(0),
                      width = outputs[0].shape(1);
    schedule([=] {
      checkIds(ids, count, rows);
      parallelRanges(rows * width, 65536, [=](std::size_t begin, std::size_t end) {
        std::fill(table + begin, table + end, 0.0f);
      });
      parallelRanges(width, 16, [=](std::size_t begin, std::size_t end) {
        for (std::size_t n = 0; n < count; ++n) {
          float* row = table + static_cast<std::size_t>(ids[n]) * width;
          for (std::size_t i = begin; i < end; ++i) row[i] += dy[n * width + i];
        }
      });
    });
  }
};

class Embedding : public FusedPrimitive {
 public:
  using FusedPrimitive::FusedPrimitive;
  DEFINE_NAME(koine.Embedding)

  /// (ids [...], table [V, D]) → [..., D].
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const std::int32_t* ids = inputs[0].data<std::int32_t>();
    const StoredMatrix table = storedMatrix(inputs[1]);
    float* y = outputs[0].data<float>();
    const std::size_t count = inputs[0].size(), rows = table.rows, width = table.columns;
    schedule([=] {
      checkIds(ids, count, rows);
      parallelRanges(count, 32, [=](std::size_t begin, std::size_t end) {
        for (std::size_t n = begin; n < end; ++n) {
          widen(table.row(static_cast<std::size_t>(ids[n])), table.type, width, y + n * width);
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
        results.push_back(mx::zeros_like(primals[0], stream()));
      } else {
        results.push_back(array(
            primals[1].shape(), mx::float32, std::make_shared<EmbeddingGradient>(stream()),
            {primals[0], rowMajor(cotangents[0])}));
      }
    }
    return results;
  }
};

}  // namespace

array embedding(const array& ids, const array& table) {
  constexpr const char* kernel = "embedding";
  expectType(kernel, "ids", ids, mx::int32);
  expectStoredType(kernel, "table", table);
  expectRank(kernel, "table", table, 2, "[V, D]");
  mx::Shape shape = ids.shape();
  shape.push_back(table.shape(1));
  return array(
      shape, mx::float32, std::make_shared<Embedding>(cpuStream()),
      {rowMajor(ids), rowMajor(table)});
}

}  // namespace koine
