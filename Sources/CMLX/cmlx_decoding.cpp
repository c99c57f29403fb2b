// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The part of the C face that generates text: memory of keys and values, and the step without a graph.

#include <memory>
#include <utility>
#include <vector>

#include "cmlx.h"
#include "fused/cached_attention.h"
#include "fused/decoding_step.h"
#include "shim.h"

using koine::guarded;
using koine::wrap;

struct cmlx_key_values_s {
  std::shared_ptr<koine::KeyValueMemory> value;
};

struct cmlx_decoder_s {
  std::unique_ptr<koine::DecodingStack> value;
};

extern "C" {

int cmlx_key_values_make(cmlx_key_values *out, int texts, int groups, int width) {
  return guarded([&] {
    *out = new cmlx_key_values_s{std::make_shared<koine::KeyValueMemory>(texts, groups, width)};
  });
}
int cmlx_key_values_copy(cmlx_key_values *out, cmlx_key_values other, const int32_t *texts,
                         int count, int columns) {
  return guarded([&] {
    *out = new cmlx_key_values_s{std::make_shared<koine::KeyValueMemory>(
        *other->value, std::vector<std::size_t>(texts, texts + count), columns)};
  });
}
void cmlx_key_values_free(cmlx_key_values memory) { delete memory; }
int cmlx_fused_cached_attention(cmlx_array *outs, cmlx_array q, cmlx_array k, cmlx_array v,
                                cmlx_key_values memory, int column, const int32_t *starts,
                                float scale, int32_t window, float cap, cmlx_array turn) {
  return guarded([&] {
    std::vector<std::int32_t> begins;
    if (starts != nullptr) begins.assign(starts, starts + memory->value->texts());
    auto [output, next] = koine::cachedAttention(
        q->value, k->value, v->value, memory->value, column, begins, {scale, window, cap},
        turn == nullptr ? nullptr : &turn->value);
    outs[0] = wrap(std::move(output));
    outs[1] = wrap(std::move(next));
  });
}

int cmlx_decoder_make(cmlx_decoder *out, cmlx_decoder_shape shape,
                      const cmlx_decoder_weights *layers, int count, cmlx_array embedding,
                      cmlx_array final_norm, cmlx_array head) {
  return guarded([&] {
    using Weight = koine::DecoderWeights::Weight;
    auto weight = [](cmlx_array array) { return array == nullptr ? Weight() : Weight(array->value); };
    auto size = [](int32_t value) { return value < 0 ? size_t{0} : static_cast<size_t>(value); };
    const koine::DecoderShape sizes{
        size(shape.vocabulary), size(shape.hidden), size(shape.intermediate), size(shape.heads),
        size(shape.groups), size(shape.width), shape.epsilon, shape.adds_one_to_norms != 0,
        shape.norms_whole_queries != 0, shape.uses_gelu != 0, shape.attention_scale,
        shape.attention_cap, shape.embedding_scale, shape.logit_cap};
    std::vector<koine::DecoderWeights> weights;
    for (int i = 0; i < count; ++i) {
      const auto &from = layers[i];
      koine::DecoderWeights to;
      to.beforeAttention = weight(from.before_attention);
      to.afterAttention = weight(from.after_attention);
      to.beforeFeedForward = weight(from.before_feed_forward);
      to.afterFeedForward = weight(from.after_feed_forward);
      to.query = weight(from.query);
      to.key = weight(from.key);
      to.value = weight(from.value);
      to.queryBias = weight(from.query_bias);
      to.keyBias = weight(from.key_bias);
      to.valueBias = weight(from.value_bias);
      to.queryNorm = weight(from.query_norm);
      to.keyNorm = weight(from.key_norm);
      to.output = weight(from.output);
      to.outputBias = weight(from.output_bias);
      to.gate = weight(from.gate);
      to.up = weight(from.up);
      to.gateBias = weight(from.gate_bias);
      to.upBias = weight(from.up_bias);
      to.down = weight(from.down);
      to.downBias = weight(from.down_bias);
      to.window = from.window;
      to.rotation = from.rotation;
      weights.push_back(std::move(to));
    }
    *out = new cmlx_decoder_s{std::make_unique<koine::DecodingStack>(
        sizes, weights, embedding->value, weight(final_norm), head->value)};
  });
}
void cmlx_decoder_free(cmlx_decoder decoder) { delete decoder; }
int cmlx_decoder_step(cmlx_decoder decoder, const int32_t *ids, int texts, int column,
                      const int32_t *starts, const float *inverse_frequencies,
                      const int32_t *frequency_counts, const float *amplitudes,
                      int rotation_count, const cmlx_key_values *caches, int cache_count) {
  return guarded([&] {
    koine::DecodingPlace place;
    place.ids.assign(ids, ids + texts);
    place.column = static_cast<size_t>(column);
    if (starts != nullptr) place.starts.assign(starts, starts + texts);
    for (int i = 0; i < rotation_count; ++i) {
      const float *end = inverse_frequencies + frequency_counts[i];
      place.rotations.push_back({{inverse_frequencies, end}, amplitudes[i]});
      inverse_frequencies = end;
    }
    std::vector<std::shared_ptr<koine::KeyValueMemory>> memories;
    for (int i = 0; i < cache_count; ++i) memories.push_back(caches[i]->value);
    decoder->value->step(place, memories);
  });
}
const float *cmlx_decoder_logits(cmlx_decoder decoder) { return decoder->value->logits(); }
void cmlx_decoder_likeliest(cmlx_decoder decoder, int text, int32_t *id, int32_t *non_finite) {
  const auto &found = decoder->value->likeliest().at(static_cast<size_t>(text));
  *id = found.id;
  *non_finite = found.nonFinite;
}

}  // extern "C"
