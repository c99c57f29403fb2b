// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "decoding_weights.h"

#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "primitive.h"

namespace koine {
namespace {

constexpr const char* kernel = "decoding step";

/// Checks weights, evaluates them and takes their addresses.
struct Binder {
  std::vector<array>& kept;

  const array& keep(const array& value) const {
    array plain = mx::contiguous(value, false, cpuStream());
    mx::eval({plain});
    // What is row-major already is itself, also when it will be updated in place.
    if (value.is_available() && value.flags().row_contiguous) plain = value;
    kept.push_back(plain);
    return kept.back();
  }

  StoredMatrix matrix(
      const char* name, const DecoderWeights::Weight& value, std::size_t rows, std::size_t columns) const {
    if (!value) refuse(kernel, name, "a matrix", "none");
    expectStoredType(kernel, name, *value);
    expectShape(kernel, name, *value, {static_cast<int>(rows), static_cast<int>(columns)});
    return storedMatrix(keep(*value));
  }

  const float* vector(const char* name, const DecoderWeights::Weight& value, std::size_t count) const {
    if (!value) return nullptr;
    expectType(kernel, name, *value, mx::float32);
    expectShape(kernel, name, *value, {static_cast<int>(count)});
    return keep(*value).data<float>();
  }
};

StoredMatrix rowsOf(const StoredMatrix& w, std::size_t begin, std::size_t count) {
  return {w.row(begin), w.type, count, w.columns};
}

DecodingLayer bind(const DecoderWeights& from, const DecoderShape& shape, const Binder& binder) {
  const std::size_t d = shape.hidden, f = shape.intermediate, q = shape.heads * shape.width,
                    k = shape.groups * shape.width;
  DecodingLayer layer{};
  layer.beforeAttention = binder.vector("norm before attention", from.beforeAttention, d);
  layer.afterAttention = binder.vector("norm after attention", from.afterAttention, d);
  layer.beforeFeedForward = binder.vector("norm before feed-forward", from.beforeFeedForward, d);
  layer.afterFeedForward = binder.vector("norm after feed-forward", from.afterFeedForward, d);
  if (from.key || from.value) {
    layer.input = {
        {binder.matrix("query", from.query, q, d), binder.vector("query bias", from.queryBias, q), 0},
        {binder.matrix("key", from.key, k, d), binder.vector("key bias", from.keyBias, k), q},
        {binder.matrix("value", from.value, k, d), binder.vector("value bias", from.valueBias, k), q + k}};
  } else {
    layer.input = {
        {binder.matrix("query, key and value", from.query, q + 2 * k, d),
         binder.vector("query bias", from.queryBias, q + 2 * k), 0}};
  }
  const bool whole = shape.normsWholeQueries;
  layer.queryNorm = binder.vector("query norm", from.queryNorm, whole ? q : shape.width);
  layer.keyNorm = binder.vector("key norm", from.keyNorm, whole ? k : shape.width);
  if ((layer.queryNorm == nullptr) != (layer.keyNorm == nullptr) || (whole && layer.queryNorm == nullptr)) {
    refuse(kernel, "query norm", "one for queries and one for keys", "one alone or none");
  }
  layer.output = {
      binder.matrix("output", from.output, d, q), binder.vector("output bias", from.outputBias, d), 0};
  if (from.up) {
    layer.gate = {binder.matrix("gate", from.gate, f, d), binder.vector("gate bias", from.gateBias, f), 0};
    layer.up = {binder.matrix("up", from.up, f, d), binder.vector("up bias", from.upBias, f), 0};
  } else {
    const StoredMatrix both = binder.matrix("gate and up", from.gate, 2 * f, d);
    const float* const bias = binder.vector("gate bias", from.gateBias, 2 * f);
    layer.gate = {rowsOf(both, 0, f), bias, 0};
    layer.up = {rowsOf(both, f, f), bias == nullptr ? nullptr : bias + f, 0};
  }
  layer.down = {binder.matrix("down", from.down, d, f), binder.vector("down bias", from.downBias, d), 0};
  layer.window = from.window;
  layer.rotation = from.rotation;
  return layer;
}

}  // namespace

DecodingWeights::DecodingWeights(
    const DecoderShape& shape, const std::vector<DecoderWeights>& from, const array& embedding,
    const std::optional<array>& finalNorm, const array& head)
    : shape(shape) {
  if (shape.vocabulary == 0 || shape.hidden == 0 || shape.intermediate == 0 || shape.width == 0 ||
      shape.groups == 0 || shape.heads % shape.groups != 0) {
    refuse(kernel, "shape", "sizes above 0, and heads that the groups divide", "others");
  }
  const Binder binder{kept};
  this->embedding = binder.matrix("embedding", embedding, shape.vocabulary, shape.hidden);
  this->head = binder.matrix("head", head, shape.vocabulary, shape.hidden);
  this->finalNorm = binder.vector("final norm", finalNorm, shape.hidden);
  for (const DecoderWeights& layer : from) layers.push_back(bind(layer, shape, binder));
}

}  // namespace koine
