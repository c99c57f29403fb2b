// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "decoding_step.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "decoding_weights.h"
#include "phases.h"
#include "primitive.h"
#include "rows.h"

namespace koine {
namespace {

constexpr const char* kernel = "decoding step";

void addBias(const float* bias, const Range& range, std::size_t rows, float* y, std::size_t stride) {
  if (bias == nullptr) return;
  for (std::size_t row = 0; row < rows; ++row) {
    float* const own = y + row * stride + range.begin;
    addRow(own, bias + range.begin, range.end - range.begin, own);
  }
}

}  // namespace

struct DecodingStack::Content final : PhasedWork, DecodingWeights {
  using DecodingWeights::DecodingWeights;

  enum Kind : std::size_t { inputs, attention, output, gates, down, kinds };

  // Of one step.
  std::size_t texts = 0, column = 0;
  const DecodingPlace* place = nullptr;
  const std::vector<std::shared_ptr<KeyValueMemory>>* caches = nullptr;
  /// Cosines and sines [B, R] of each rotation.
  std::vector<std::vector<float>> tables;
  /// The residual stream, its norm and the change to it, [B, D].
  std::vector<float> stream, normed, change;
  /// [B, (H + 2G) K], [B, H K], [B, F] twice, [B, V].
  std::vector<float> projected, mixed, gated, raised, logits;
  /// Of each piece of the head and each text.
  struct Best {
    float value;
    std::int32_t id, nonFinite;
  };
  std::vector<Best> bests;
  std::vector<LikeliestToken> likeliest;

  std::size_t projectedWidth() const { return (shape.heads + 2 * shape.groups) * shape.width; }
  std::size_t mixedWidth() const { return shape.heads * shape.width; }

  // MARK: The phases

  std::size_t phases() const override { return layers.size() * kinds + 1; }

  std::size_t pieces(std::size_t phase) const override {
    if (phase == layers.size() * kinds) return pieceCount(head);
    const DecodingLayer& layer = layers[phase / kinds];
    switch (phase % kinds) {
      case inputs: {
        std::size_t count = 0;
        for (const DecodingPart& part : layer.input) count += pieceCount(part.w);
        return count;
      }
      case attention: return texts * shape.groups;
      case output: return pieceCount(layer.output.w);
      case gates: return pieceCount(layer.gate.w, pieceBytes / 2);
      default: return pieceCount(layer.down.w);
    }
  }

  void piece(std::size_t phase, std::size_t index) override {
    if (phase == layers.size() * kinds) return headPiece(index);
    const DecodingLayer& layer = layers[phase / kinds];
    switch (phase % kinds) {
      case inputs:
        for (const DecodingPart& part : layer.input) {
          const std::size_t count = pieceCount(part.w);
          if (index < count) {
            return product(part, index, normed.data(), projected.data(), projectedWidth());
          }
          index -= count;
        }
        return;
      case attention: return attend(layer, phase / kinds, index);
      case output: return product(layer.output, index, mixed.data(), change.data(), shape.hidden);
      case gates: return gatePiece(layer, index);
      default: return product(layer.down, index, gated.data(), change.data(), shape.hidden);
    }
  }

  void finish(std::size_t phase) override {
    if (phase == layers.size() * kinds) return chooseLikeliest();
    const std::size_t index = phase / kinds;
    const DecodingLayer& layer = layers[index];
    switch (phase % kinds) {
      case inputs:
        if (shape.normsWholeQueries) {
          for (std::size_t text = 0; text < texts; ++text) {
            float* const q = projected.data() + text * projectedWidth();
            norm(q, layer.queryNorm, mixedWidth(), q);
            norm(q + mixedWidth(), layer.keyNorm, shape.groups * shape.width, q + mixedWidth());
          }
        }
        return;
      case output: return join(layer.afterAttention, layer.beforeFeedForward);
      case down:
        return join(
            layer.afterFeedForward,
            index + 1 < layers.size() ? layers[index + 1].beforeAttention : finalNorm);
      default: return;
    }
  }

  void expect(std::size_t phase, std::size_t index, std::size_t round) const override {
    constexpr std::size_t line = 64, lines = 16, most = std::size_t{1} << 17;
    const std::size_t from = round * lines * line;
    if (from >= most) return;
    const StoredMatrix* w = nullptr;
    std::size_t row = 0;
    if (phase == layers.size() * kinds) {
      w = &head;
      row = pieceRange(head, index).begin;
    } else {
      const DecodingLayer& layer = layers[phase / kinds];
      switch (phase % kinds) {
        case inputs:
          for (const DecodingPart& part : layer.input) {
            w = &part.w;
            const std::size_t count = pieceCount(part.w);
            if (index < count) break;
            index -= count;
          }
          row = pieceRange(*w, index).begin;
          break;
        case output: w = &layer.output.w; row = pieceRange(*w, index).begin; break;
        case gates: w = &layer.gate.w; row = pieceRange(*w, index, pieceBytes / 2).begin; break;
        case down: w = &layer.down.w; row = pieceRange(*w, index).begin; break;
        default: return;
      }
    }
    const char* const start = static_cast<const char*>(w->row(row)) + from;
    const char* const end = static_cast<const char*>(w->row(w->rows));
    for (std::size_t i = 0; i < lines && start + i * line < end; ++i) {
      __builtin_prefetch(start + i * line, 0, 2);
    }
  }

  // MARK: Their parts

  void norm(const float* x, const float* w, std::size_t width, float* y) const {
    normRow(x, w, width, shape.epsilon, shape.addsOneToNorms, y);
  }

  void product(
      const DecodingPart& part, std::size_t index, const float* x, float* y, std::size_t stride) const {
    const Range range = pieceRange(part.w, index);
    multiplyRows(range.begin, range.end, part.w, texts, x, y + part.offset, stride);
    addBias(part.bias, range, texts, y + part.offset, stride);
  }

  /// Adds the change to the stream, normed first where `after` is a norm, and norms the sum for what follows.
  void join(const float* after, const float* following) {
    const std::size_t width = shape.hidden;
    for (std::size_t text = 0; text < texts; ++text) {
      float *const own = change.data() + text * width, *const h = stream.data() + text * width;
      if (after != nullptr) norm(own, after, width, own);
      addRow(h, own, width, h);
    }
    open(following);
  }

  /// The stream's norm, or itself without one.
  void open(const float* w) {
    for (std::size_t text = 0; text < texts; ++text) {
      const std::size_t at = text * shape.hidden;
      if (w != nullptr) {
        norm(stream.data() + at, w, shape.hidden, normed.data() + at);
      } else {
        std::copy_n(stream.data() + at, shape.hidden, normed.data() + at);
      }
    }
  }

  /// The heads of one group of one text.
  void attend(const DecodingLayer& layer, std::size_t number, std::size_t index) {
    const std::size_t text = index / shape.groups, group = index % shape.groups;
    const std::size_t width = shape.width, repeat = shape.heads / shape.groups;
    float* const row = projected.data() + text * projectedWidth();
    float* const q = row + group * repeat * width;
    float* const k = row + mixedWidth() + group * width;
    const float* const v = k + shape.groups * width;
    if (!shape.normsWholeQueries && layer.queryNorm != nullptr) {
      for (std::size_t r = 0; r < repeat; ++r) norm(q + r * width, layer.queryNorm, width, q + r * width);
      norm(k, layer.keyNorm, width, k);
    }
    if (layer.rotation >= 0) {
      const std::vector<float>& table = tables[static_cast<std::size_t>(layer.rotation)];
      const std::size_t turned = table.size() / texts;
      const float* const own = table.data() + text * turned;
      for (std::size_t r = 0; r < repeat; ++r) turnRow(q + r * width, own, turned / 2, 1.0f, q + r * width);
      turnRow(k, own, turned / 2, 1.0f, k);
    }
    KeyValueMemory& memory = *(*caches)[number];
    memory.store(text, group, column, k, 1, v, 1);
    const auto step = static_cast<std::ptrdiff_t>(projectedWidth());
    const AttentionHeads heads{projected.data(), step, step, static_cast<std::ptrdiff_t>(width), 1};
    const AttentionSizes sizes{texts, 1, shape.heads, shape.groups, width, column};
    koine::attend(
        text, group, 0, 1, sizes, heads, memory,
        place->starts.empty() ? 0 : static_cast<std::size_t>(place->starts[text]),
        AttentionRule{shape.attentionScale, layer.window, shape.attentionCap}, mixed.data());
  }

  void gatePiece(const DecodingLayer& layer, std::size_t index) {
    const Range range = pieceRange(layer.gate.w, index, pieceBytes / 2);
    const std::size_t width = shape.intermediate;
    multiplyRows(range.begin, range.end, layer.gate.w, texts, normed.data(), gated.data(), width);
    addBias(layer.gate.bias, range, texts, gated.data(), width);
    multiplyRows(range.begin, range.end, layer.up.w, texts, normed.data(), raised.data(), width);
    addBias(layer.up.bias, range, texts, raised.data(), width);
    for (std::size_t text = 0; text < texts; ++text) {
      float* const gate = gated.data() + text * width + range.begin;
      const float* const up = raised.data() + text * width + range.begin;
      if (shape.usesGelu) {
        gateRow<Gelu>(gate, up, range.end - range.begin, gate);
      } else {
        gateRow<Silu>(gate, up, range.end - range.begin, gate);
      }
    }
  }

  void headPiece(std::size_t index) {
    const Range range = pieceRange(head, index);
    const std::size_t width = shape.vocabulary;
    multiplyRows(range.begin, range.end, head, texts, normed.data(), logits.data(), width);
    for (std::size_t text = 0; text < texts; ++text) {
      float* const own = logits.data() + text * width;
      if (shape.logitCap > 0) {
        capRow(own + range.begin, shape.logitCap, range.end - range.begin, own + range.begin);
      }
      Best best{own[range.begin], static_cast<std::int32_t>(range.begin), -1};
      for (std::size_t id = range.begin; id < range.end; ++id) {
        if (!std::isfinite(own[id]) && best.nonFinite < 0) best.nonFinite = static_cast<std::int32_t>(id);
        if (own[id] > best.value) {
          best.value = own[id];
          best.id = static_cast<std::int32_t>(id);
        }
      }
      bests[index * texts + text] = best;
    }
  }

  void chooseLikeliest() {
    const std::size_t count = pieceCount(head);
    for (std::size_t text = 0; text < texts; ++text) {
      Best best = bests[text];
      for (std::size_t index = 1; index < count; ++index) {
        const Best& other = bests[index * texts + text];
        if (best.nonFinite < 0) best.nonFinite = other.nonFinite;
        if (other.value > best.value) {
          best.value = other.value;
          best.id = other.id;
        }
      }
      likeliest[text] = {best.id, best.nonFinite};
    }
  }

  // MARK: Before the phases

  void prepare(
      const DecodingPlace& where, const std::vector<std::shared_ptr<KeyValueMemory>>& memories) {
    place = &where;
    caches = &memories;
    texts = where.ids.size();
    column = where.column;
    for (std::vector<float>* rows : {&stream, &normed, &change}) rows->resize(texts * shape.hidden);
    projected.resize(texts * projectedWidth());
    mixed.resize(texts * mixedWidth());
    gated.resize(texts * shape.intermediate);
    raised.resize(texts * shape.intermediate);
    logits.resize(texts * shape.vocabulary);
    bests.resize(texts * pieceCount(head));
    likeliest.resize(texts);
    for (const auto& memory : memories) memory->reserve(column + 1);
    tables.resize(where.rotations.size());
    for (std::size_t i = 0; i < tables.size(); ++i) fillTable(where.rotations[i], tables[i]);
    for (std::size_t text = 0; text < texts; ++text) {
      float* const row = stream.data() + text * shape.hidden;
      const auto id = static_cast<std::size_t>(where.ids[text]);
      widen(embedding.row(id), embedding.type, shape.hidden, row);
      if (shape.embeddingScale != 1) {
        for (std::size_t i = 0; i < shape.hidden; ++i) row[i] *= shape.embeddingScale;
      }
    }
    open(layers.empty() ? finalNorm : layers[0].beforeAttention);
  }

  void fillTable(const DecodingPlace::Rotation& rotation, std::vector<float>& table) const {
    const std::size_t half = rotation.inverseFrequencies.size();
    table.resize(texts * 2 * half);
    for (std::size_t text = 0; text < texts; ++text) {
      const std::size_t start = place->starts.empty() ? 0 : static_cast<std::size_t>(place->starts[text]);
      const auto position = static_cast<float>(column - std::min(column, start));
      float* const row = table.data() + text * 2 * half;
      for (std::size_t i = 0; i < half; ++i) {
        const float angle = position * rotation.inverseFrequencies[i];
        row[i] = std::cos(angle) * rotation.amplitude;
        row[half + i] = std::sin(angle) * rotation.amplitude;
      }
    }
  }
};

DecodingStack::DecodingStack(
    const DecoderShape& shape, const std::vector<DecoderWeights>& layers, const array& embedding,
    const std::optional<array>& finalNorm, const array& head)
    : content_(std::make_unique<Content>(shape, layers, embedding, finalNorm, head)) {}

DecodingStack::~DecodingStack() = default;

void DecodingStack::step(
    const DecodingPlace& place, const std::vector<std::shared_ptr<KeyValueMemory>>& caches) {
  Content& own = *content_;
  const DecoderShape& shape = own.shape;
  const std::size_t texts = place.ids.size();
  if (texts == 0 || texts > fewRows) {
    refuse(kernel, "ids", "1 to " + std::to_string(fewRows) + " texts", std::to_string(texts));
  }
  if (!place.starts.empty() && place.starts.size() != texts) {
    refuse(kernel, "starts", "one for each text", std::to_string(place.starts.size()));
  }
  for (const std::int32_t start : place.starts) {
    if (start < 0) refuse(kernel, "starts", "0 or more", std::to_string(start));
  }
  if (caches.size() != own.layers.size()) {
    refuse(kernel, "caches", "one for each layer", std::to_string(caches.size()));
  }
  for (const auto& cache : caches) {
    if (cache->texts() != texts || cache->groups() != shape.groups || cache->width() != shape.width) {
      refuse(kernel, "caches", "memory of the model's shape", "another");
    }
  }
  for (const DecodingLayer& layer : own.layers) {
    if (layer.rotation >= static_cast<std::int32_t>(place.rotations.size())) {
      refuse(kernel, "rotations", "as many as layers choose from", std::to_string(place.rotations.size()));
    }
  }
  for (const DecodingPlace::Rotation& rotation : place.rotations) {
    if (2 * rotation.inverseFrequencies.size() > shape.width) {
      refuse(kernel, "rotations", "no more numbers than a head has", "more");
    }
  }
  for (const std::int32_t id : place.ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= shape.vocabulary) {
      throw std::runtime_error(
          std::string(kernel) + ": id: expected 0 to " + std::to_string(shape.vocabulary - 1) + ", found " +
          std::to_string(id) + ".");
    }
  }
  own.prepare(place, caches);
  runPhases(own);
}

const float* DecodingStack::logits() const { return content_->logits.data(); }

const std::vector<LikeliestToken>& DecodingStack::likeliest() const { return content_->likeliest; }

}  // namespace koine
