// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "cmlx.h"

#include <dlfcn.h>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fused/cached_attention.h"
#include "fused/decoding_step.h"
#include "fused/fused.h"
#include "fused/gemm.h"
#include "fused/kept_memory.h"
#include "fused/low_rank.h"
#include "mlx/mlx.h"
#include "mlx/version.h"
#include "shim.h"

namespace mx = mlx::core;
using koine::guarded;
using koine::make;
using koine::wrap;

// The fused operators use headers of MLX that it does not promise to keep.
static_assert(MLX_VERSION_NUMERIC == 32004, "built for MLX 0.32.4: run scripts/setup");

struct cmlx_key_values_s {
  std::shared_ptr<koine::KeyValueMemory> value;
};

struct cmlx_decoder_s {
  std::unique_ptr<koine::DecodingStack> value;
};

namespace {

mx::Dtype dtype_of(cmlx_dtype dtype) {
  switch (dtype) {
  case CMLX_BOOL: return mx::bool_;
  case CMLX_UINT32: return mx::uint32;
  case CMLX_INT32: return mx::int32;
  case CMLX_FLOAT16: return mx::float16;
  case CMLX_BFLOAT16: return mx::bfloat16;
  case CMLX_FLOAT32: return mx::float32;
  case CMLX_OTHER: break;
  }
  throw std::invalid_argument("an element type the shim does not pass");
}

mx::Shape shape_of(const int32_t *shape, int rank) { return mx::Shape(shape, shape + rank); }

std::vector<mx::array> values_of(const cmlx_array *arrays, int count) {
  std::vector<mx::array> values;
  values.reserve(count);
  for (int i = 0; i < count; ++i) values.push_back(arrays[i]->value);
  return values;
}

}  // namespace

extern "C" {

const char *cmlx_last_error(void) { return koine::lastError().c_str(); }

// MARK: Engine

const char *cmlx_version(void) { return mx::version(); }

const char *cmlx_blas(void) {
  // The symbol lookup follows the order in which the dynamic linker resolved cblas_sgemm.
  using Config = char *(*)(void);
  static std::string name = [] {
    auto config = reinterpret_cast<Config>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
    Dl_info sgemm{}, openblas{};
    void *address = dlsym(RTLD_DEFAULT, "cblas_sgemm");
    if (config == nullptr || address == nullptr ||
        dladdr(address, &sgemm) == 0 ||
        dladdr(reinterpret_cast<void *>(config), &openblas) == 0 ||
        std::string(sgemm.dli_fname) != openblas.dli_fname) {
      return std::string("reference BLAS");
    }
    std::string text = config();
    auto core = reinterpret_cast<Config>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    if (core != nullptr && text.find(core()) == std::string::npos) text += std::string(" ") + core();
    return text;
  }();
  return name.c_str();
}

int cmlx_set_threads(int count) {
  return guarded([&] { koine::setThreadCount(count); });
}
const char *cmlx_fused_instruction_set(void) { return koine::kernelName(); }
void cmlx_fused_limit_instruction_set(int narrow) { koine::limitKernel(narrow != 0); }

const char *cmlx_default_device(void) {
  return mx::default_device() == mx::Device::gpu ? "gpu" : "cpu";
}

size_t cmlx_peak_memory(void) { return koine::peakMemoryInUse(); }
void cmlx_reset_peak_memory(void) { koine::resetPeakMemoryInUse(); }
int cmlx_clear_cache(void) {
  return guarded([] {
    koine::releaseKeptMemory();
    mx::clear_cache();
  });
}
int cmlx_disable_compile(void) {
  return guarded([] { mx::disable_compile(); });
}

// MARK: Arrays

int cmlx_array_copy(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                    cmlx_dtype dtype) {
  return make(out, [&] {
    auto dimensions = shape_of(shape, rank);
    switch (dtype) {
    case CMLX_FLOAT32: return mx::array(static_cast<const float *>(data), dimensions);
    case CMLX_INT32: return mx::array(static_cast<const int32_t *>(data), dimensions);
    case CMLX_UINT32: return mx::array(static_cast<const uint32_t *>(data), dimensions);
    case CMLX_BOOL: return mx::array(static_cast<const bool *>(data), dimensions);
    case CMLX_FLOAT16:
      return mx::array(static_cast<const mx::float16_t *>(data), dimensions, mx::float16);
    case CMLX_BFLOAT16:
      return mx::array(static_cast<const mx::bfloat16_t *>(data), dimensions, mx::bfloat16);
    case CMLX_OTHER: break;
    }
    throw std::invalid_argument("an element type the shim does not pass");
  });
}

int cmlx_array_external(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                        cmlx_dtype dtype, void *owner, void (*release)(void *owner)) {
  // Released by whoever holds it last: the array, or this call when it fails.
  std::shared_ptr<void> keeper(owner, release);
  return make(out, [&] {
    void *memory = const_cast<void *>(data);
    const auto dimensions = shape_of(shape, rank);
    const auto type = dtype_of(dtype);
    if (mx::default_device() == mx::Device::cpu) {
      // MLX's CPU allocator keeps a number before what it hands out and takes no foreign memory; a
      // buffer that claims to begin that much earlier is foreign memory all the same.
      const std::ptrdiff_t before = koine::bufferHeader();
      if (before >= 0) {
        mx::allocator::Buffer buffer(static_cast<char *>(memory) - before);
        return mx::array(
            mx::allocator::Data(buffer, [keeper](mx::allocator::Buffer) mutable { keeper.reset(); }),
            dimensions, type);
      }
    }
    return mx::array(memory, dimensions, type, [keeper](void *) mutable { keeper.reset(); });
  });
}

int cmlx_array_scalar(cmlx_array *out, float value) {
  return make(out, [&] { return mx::array(value); });
}

int cmlx_array_retain(cmlx_array *out, cmlx_array array) {
  return make(out, [&] { return array->value; });
}

void cmlx_array_free(cmlx_array array) { delete array; }
int cmlx_array_rank(cmlx_array array) { return static_cast<int>(array->value.ndim()); }
int32_t cmlx_array_dimension(cmlx_array array, int axis) { return array->value.shape(axis); }
size_t cmlx_array_size(cmlx_array array) { return array->value.size(); }

cmlx_dtype cmlx_array_dtype(cmlx_array array) {
  switch (array->value.dtype().val()) {
  case mx::Dtype::Val::bool_: return CMLX_BOOL;
  case mx::Dtype::Val::uint32: return CMLX_UINT32;
  case mx::Dtype::Val::int32: return CMLX_INT32;
  case mx::Dtype::Val::float16: return CMLX_FLOAT16;
  case mx::Dtype::Val::bfloat16: return CMLX_BFLOAT16;
  case mx::Dtype::Val::float32: return CMLX_FLOAT32;
  default: return CMLX_OTHER;
  }
}

int cmlx_eval(const cmlx_array *arrays, int count) {
  return guarded([&] { mx::eval(values_of(arrays, count)); });
}

const void *cmlx_array_data(cmlx_array array) {
  const auto &value = array->value;
  if (!value.is_available() || !value.flags().row_contiguous) return nullptr;
  return value.data<char>();
}

// MARK: Operators

#define BINARY(name, function)                                             \
  int name(cmlx_array *out, cmlx_array a, cmlx_array b) {                  \
    return make(out, [&] { return mx::function(a->value, b->value); });    \
  }
BINARY(cmlx_add, add)
BINARY(cmlx_subtract, subtract)
BINARY(cmlx_multiply, multiply)
BINARY(cmlx_divide, divide)
BINARY(cmlx_equal, equal)
BINARY(cmlx_less_equal, less_equal)
BINARY(cmlx_logical_and, logical_and)
BINARY(cmlx_logical_or, logical_or)
BINARY(cmlx_matmul, matmul)
#undef BINARY

int cmlx_where(cmlx_array *out, cmlx_array condition, cmlx_array a, cmlx_array b) {
  return make(out, [&] { return mx::where(condition->value, a->value, b->value); });
}
int cmlx_sigmoid(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::sigmoid(a->value); });
}
int cmlx_tanh(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::tanh(a->value); });
}
int cmlx_transpose(cmlx_array *out, cmlx_array a, const int *axes, int count) {
  return make(out, [&] { return mx::transpose(a->value, std::vector<int>(axes, axes + count)); });
}
int cmlx_reshape(cmlx_array *out, cmlx_array a, const int32_t *shape, int rank) {
  return make(out, [&] { return mx::reshape(a->value, shape_of(shape, rank)); });
}
int cmlx_contiguous(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::contiguous(a->value); });
}
int cmlx_astype(cmlx_array *out, cmlx_array a, cmlx_dtype dtype) {
  return make(out, [&] { return mx::astype(a->value, dtype_of(dtype)); });
}
int cmlx_sum(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions) {
  return make(out, [&] { return mx::sum(a->value, axis, keep_dimensions != 0); });
}
int cmlx_sum_all(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::sum(a->value); });
}
int cmlx_argmax(cmlx_array *out, cmlx_array a, int axis) {
  return make(out, [&] { return mx::argmax(a->value, axis); });
}
int cmlx_logsumexp(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions) {
  return make(out, [&] { return mx::logsumexp(a->value, axis, keep_dimensions != 0); });
}
int cmlx_softmax(cmlx_array *out, cmlx_array a, int axis) {
  return make(out, [&] { return mx::softmax(a->value, axis, true); });
}
int cmlx_take(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis) {
  return make(out, [&] { return mx::take(a->value, indices->value, axis); });
}
int cmlx_take_along_axis(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis) {
  return make(out, [&] { return mx::take_along_axis(a->value, indices->value, axis); });
}
int cmlx_concatenate(cmlx_array *out, const cmlx_array *arrays, int count, int axis) {
  return make(out, [&] { return mx::concatenate(values_of(arrays, count), axis); });
}
int cmlx_slice(cmlx_array *out, cmlx_array a, const int32_t *start, const int32_t *stop,
               int rank) {
  return make(out, [&] {
    return mx::slice(a->value, shape_of(start, rank), shape_of(stop, rank));
  });
}
int cmlx_arange(cmlx_array *out, int32_t start, int32_t stop) {
  return make(out, [&] { return mx::arange(start, stop); });
}
int cmlx_stop_gradient(cmlx_array *out, cmlx_array a) {
  return make(out, [&] { return mx::stop_gradient(a->value); });
}
int cmlx_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps) {
  return make(out, [&] { return mx::fast::rms_norm(x->value, weight->value, eps); });
}
int cmlx_rope(cmlx_array *out, cmlx_array x, int dimensions, float theta, int offset,
              cmlx_array frequencies) {
  return make(out, [&] {
    if (frequencies == nullptr) {
      return mx::fast::rope(x->value, dimensions, false, theta, 1.0f, offset);
    }
    return mx::fast::rope(x->value, dimensions, false, std::nullopt, 1.0f, offset,
                          frequencies->value);
  });
}
int cmlx_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v, float scale,
                   int causal, cmlx_array mask) {
  return make(out, [&] {
    std::optional<mx::array> mask_array;
    if (mask != nullptr) mask_array = mask->value;
    const char *mode = mask != nullptr ? "array" : causal != 0 ? "causal" : "";
    return mx::fast::scaled_dot_product_attention(q->value, k->value, v->value, scale, mode,
                                                  mask_array);
  });
}

// MARK: Gradients

namespace {

// Calls a function of Swift: handles in, as many arrays out as promised.
std::vector<mx::array> call(cmlx_function function, void *context,
                            const std::vector<mx::array> &arguments, int output_count) {
  std::vector<cmlx_array> handles;
  for (const auto &argument : arguments) handles.push_back(wrap(argument));
  std::vector<cmlx_array> outputs(output_count, nullptr);
  if (function(context, handles.data(), static_cast<int>(handles.size()), outputs.data(),
               output_count) != 0) {
    throw std::runtime_error("the differentiated function failed");
  }
  std::vector<mx::array> results;
  for (auto handle : outputs) {
    results.push_back(std::move(handle->value));
    delete handle;
  }
  return results;
}

}  // namespace

int cmlx_value_and_gradient(cmlx_function function, void *context, const cmlx_array *inputs,
                            int input_count, cmlx_array *values, int output_count,
                            cmlx_array *gradients) {
  return guarded([&] {
    auto body = [&](const std::vector<mx::array> &arguments) {
      return call(function, context, arguments, output_count);
    };
    std::vector<int> positions(input_count);
    for (int i = 0; i < input_count; ++i) positions[i] = i;
    auto [results, gradient_arrays] =
        mx::value_and_grad(body, positions)(values_of(inputs, input_count));
    for (int i = 0; i < output_count; ++i) values[i] = wrap(results[i]);
    for (int i = 0; i < input_count; ++i) gradients[i] = wrap(gradient_arrays[i]);
  });
}
int cmlx_recomputed(cmlx_function function, void *context, void (*release)(void *),
                    const cmlx_array *inputs, int input_count, cmlx_array *outputs,
                    int output_count) {
  return guarded([&] {
    std::shared_ptr<void> owner(context, release);
    auto body = [function, owner, output_count](const std::vector<mx::array> &arguments) {
      return call(function, owner.get(), arguments, output_count);
    };
    // As mx::checkpoint, but the second pass waits for the gradients that it is for, not only for
    // the first pass: it cannot begin early and keep what it was meant to save.
    auto again = [body](const std::vector<mx::array> &primals,
                        const std::vector<mx::array> &cotangents, const std::vector<mx::array> &) {
      return mx::vjp(body, mx::depends(primals, cotangents), cotangents).second;
    };
    auto results = mx::custom_vjp(body, again)(values_of(inputs, input_count));
    for (int i = 0; i < output_count; ++i) outputs[i] = wrap(results[i]);
  });
}

// MARK: Fused

int cmlx_fused_linear(cmlx_array *outs, cmlx_array x, const cmlx_array *weights, int count) {
  return guarded([&] {
    auto results = koine::linear(x->value, values_of(weights, count));
    for (int i = 0; i < count; ++i) outs[i] = wrap(std::move(results[i]));
  });
}
int cmlx_fused_cross_entropy(cmlx_array *out, cmlx_array x, cmlx_array w, cmlx_array targets,
                             cmlx_array weights, int gradients, float cap) {
  return make(out, [&] {
    return koine::crossEntropyLinear(x->value, w->value, targets->value, weights->value,
                                     gradients != 0, cap);
  });
}
int cmlx_fused_likelihood(cmlx_array *outs, cmlx_array x, cmlx_array w, cmlx_array targets,
                          cmlx_array weights, float cap) {
  return guarded([&] {
    auto [loss, best] =
        koine::likelihood(x->value, w->value, targets->value, weights->value, cap);
    outs[0] = wrap(std::move(loss));
    outs[1] = wrap(std::move(best));
  });
}
int cmlx_fused_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v,
                         cmlx_array segments, float scale, int32_t window, float cap) {
  return make(out, [&] {
    return koine::attention(q->value, k->value, v->value, segments->value, {scale, window, cap});
  });
}
int cmlx_fused_rope_table(cmlx_array *out, cmlx_array positions, cmlx_array inverse_frequencies) {
  return make(out, [&] {
    return koine::ropeTable(positions->value, inverse_frequencies->value);
  });
}
int cmlx_fused_rope(cmlx_array *out, cmlx_array x, cmlx_array table) {
  return make(out, [&] { return koine::rope(x->value, table->value); });
}
int cmlx_fused_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps) {
  return make(out, [&] { return koine::rmsNorm(x->value, weight->value, eps); });
}
int cmlx_fused_add_rms_norm(cmlx_array *outs, cmlx_array x, cmlx_array delta, cmlx_array weight,
                            float eps) {
  return guarded([&] {
    auto [sum, normed] = koine::addRmsNorm(x->value, delta->value, weight->value, eps);
    outs[0] = wrap(std::move(sum));
    outs[1] = wrap(std::move(normed));
  });
}
int cmlx_fused_swiglu(cmlx_array *out, cmlx_array gate, cmlx_array up) {
  return make(out, [&] { return koine::swiglu(gate->value, up->value); });
}
int cmlx_fused_geglu(cmlx_array *out, cmlx_array gate, cmlx_array up) {
  return make(out, [&] { return koine::geglu(gate->value, up->value); });
}
int cmlx_fused_softcap(cmlx_array *out, cmlx_array x, float cap) {
  return make(out, [&] { return koine::softcap(x->value, cap); });
}
int cmlx_fused_embedding(cmlx_array *out, cmlx_array ids, cmlx_array table) {
  return make(out, [&] { return koine::embedding(ids->value, table->value); });
}

int cmlx_fused_linear_sum(cmlx_array *outs, cmlx_array x, const cmlx_array *w, const cmlx_array *t,
                          const cmlx_array *b, int count) {
  return guarded([&] {
    auto results = koine::linearSum(x->value, values_of(w, count), values_of(t, count),
                                    values_of(b, count));
    for (int i = 0; i < count; ++i) outs[i] = wrap(std::move(results[i]));
  });
}
int cmlx_fused_dropout(cmlx_array *out, cmlx_array x, float rate, uint64_t seed, uint64_t key,
                       uint64_t start) {
  return make(out, [&] { return koine::dropout(x->value, rate, seed, key, start); });
}
int cmlx_fused_widened(cmlx_array *out, cmlx_array w) {
  return make(out, [&] { return koine::widened(w->value); });
}
int cmlx_adapted_row_norms(cmlx_array w, cmlx_array a, cmlx_array b, float scale, float *norms) {
  return guarded([&] {
    const auto &weight = w->value;
    const size_t rank = a->value.shape(0);
    if (!koine::isStoredType(weight.dtype()) || a->value.dtype() != mx::float32 ||
        b->value.dtype() != mx::float32 || a->value.shape(1) != weight.shape(1) ||
        b->value.shape(0) != weight.shape(0) || static_cast<size_t>(b->value.shape(1)) != rank) {
      throw std::invalid_argument("adapted_row_norms: expected w [O, D], a [R, D], b [O, R]");
    }
    koine::adaptedRowNorms(koine::storedMatrix(weight), a->value.data<float>(),
                           b->value.data<float>(), rank, scale, norms);
  });
}

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

void cmlx_move_toward(float *average, const float *values, size_t count, float share) {
  koine::moveToward(average, values, count, share);
}
double cmlx_squared_norm(const float *values, size_t count) {
  return koine::squaredNorm(values, count);
}
size_t cmlx_first_non_finite(const float *values, size_t count) {
  auto index = koine::firstNonFinite(values, count);
  return index < 0 ? count : static_cast<size_t>(index);
}

size_t cmlx_first_non_finite_stored(const void *values, size_t count, cmlx_dtype dtype) {
  const auto type = dtype == CMLX_BFLOAT16  ? koine::StoredType::bfloat16
                    : dtype == CMLX_FLOAT16 ? koine::StoredType::float16
                                            : koine::StoredType::float32;
  auto index = koine::firstNonFinite(values, count, type);
  return index < 0 ? count : static_cast<size_t>(index);
}

}  // extern "C"
