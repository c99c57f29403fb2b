// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// A plain C face of MLX 0.32.4, as much as Koine uses.
//
// Ownership: a `cmlx_array` out-parameter receives a new handle that the caller releases with
// `cmlx_array_free`; arguments are borrowed. Handles hold a reference to the graph, not a copy.
// Failure: every function that can fail returns 0 on success and 1 on failure; then the
// out-parameters are untouched and `cmlx_last_error()` tells why (text of this thread, valid until
// its next failing call). No C++ exception leaves the shim, but that memory has run out may end
// the process in functions that return no status.
// Threads: graphs belong to the thread that builds them; callers keep to one thread.
// Nullability: pointers are non-null unless the comment says otherwise.
#ifndef CMLX_H
#define CMLX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cmlx_array_s *cmlx_array;

typedef enum {
  CMLX_BOOL = 0,
  CMLX_UINT32 = 1,
  CMLX_INT32 = 2,
  CMLX_FLOAT16 = 3,
  CMLX_BFLOAT16 = 4,
  CMLX_FLOAT32 = 5,
  CMLX_OTHER = 6
} cmlx_dtype;

const char *cmlx_last_error(void);

// MARK: Engine

const char *cmlx_version(void);
// The name and configuration of the BLAS whose symbols won, or "reference BLAS".
const char *cmlx_blas(void);
int cmlx_set_threads(int count);
// "cpu" or "gpu".
const char *cmlx_default_device(void);
size_t cmlx_peak_memory(void);
void cmlx_reset_peak_memory(void);
// Gives memory that is kept for the next arrays back to the system.
int cmlx_clear_cache(void);
int cmlx_disable_compile(void);

// MARK: Arrays

// Copies `data` (row-major, `rank` dimensions).
int cmlx_array_copy(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                    cmlx_dtype dtype);
// Takes over memory that somebody else owns, without a copy where the engine can: `release(owner)` is
// called when it is no longer needed, at once where it was copied, also on failure. The memory is
// never written; the 16 bytes before it must be readable.
int cmlx_array_external(cmlx_array *out, const void *data, const int32_t *shape, int rank,
                        cmlx_dtype dtype, void *owner, void (*release)(void *owner));
int cmlx_array_scalar(cmlx_array *out, float value);
// Another handle of the same array.
int cmlx_array_retain(cmlx_array *out, cmlx_array array);
void cmlx_array_free(cmlx_array array);
int cmlx_array_rank(cmlx_array array);
int32_t cmlx_array_dimension(cmlx_array array, int axis);
size_t cmlx_array_size(cmlx_array array);
cmlx_dtype cmlx_array_dtype(cmlx_array array);
// Computes the arrays and everything they need; they are row-major and contiguous afterwards only
// if made so with `cmlx_contiguous`.
int cmlx_eval(const cmlx_array *arrays, int count);
// The bytes of an evaluated array; null before evaluation or when not row-contiguous.
const void *cmlx_array_data(cmlx_array array);

// MARK: Operators (names and meaning as in MLX)

int cmlx_add(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_subtract(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_multiply(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_divide(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_equal(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_less_equal(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_logical_and(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_logical_or(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_maximum(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_where(cmlx_array *out, cmlx_array condition, cmlx_array a, cmlx_array b);
int cmlx_sigmoid(cmlx_array *out, cmlx_array a);
int cmlx_tanh(cmlx_array *out, cmlx_array a);
int cmlx_square_root(cmlx_array *out, cmlx_array a);
int cmlx_matmul(cmlx_array *out, cmlx_array a, cmlx_array b);
int cmlx_transpose(cmlx_array *out, cmlx_array a, const int *axes, int count);
int cmlx_reshape(cmlx_array *out, cmlx_array a, const int32_t *shape, int rank);
int cmlx_contiguous(cmlx_array *out, cmlx_array a);
int cmlx_astype(cmlx_array *out, cmlx_array a, cmlx_dtype dtype);
int cmlx_sum(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions);
int cmlx_sum_all(cmlx_array *out, cmlx_array a);
int cmlx_argmax(cmlx_array *out, cmlx_array a, int axis);
int cmlx_logsumexp(cmlx_array *out, cmlx_array a, int axis, int keep_dimensions);
int cmlx_softmax(cmlx_array *out, cmlx_array a, int axis);
int cmlx_take(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis);
int cmlx_take_along_axis(cmlx_array *out, cmlx_array a, cmlx_array indices, int axis);
int cmlx_concatenate(cmlx_array *out, const cmlx_array *arrays, int count, int axis);
int cmlx_slice(cmlx_array *out, cmlx_array a, const int32_t *start, const int32_t *stop, int rank);
int cmlx_arange(cmlx_array *out, int32_t start, int32_t stop);
int cmlx_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps);
// q (B,H,L,D), k and v (B,G,S,D); mask: null for none, or a boolean/additive array.
int cmlx_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v, float scale,
                   int causal, cmlx_array mask);

// MARK: Gradients

// Called with `input_count` handles that it must free; stores `output_count` new handles in
// `outputs` and returns 0, or returns nonzero when it failed (nothing stored then). The first
// output is the scalar loss.
typedef int (*cmlx_function)(void *context, const cmlx_array *inputs, int input_count,
                             cmlx_array *outputs, int output_count);
// `values` receives output_count handles, `gradients` one per input.
int cmlx_value_and_gradient(cmlx_function function, void *context, const cmlx_array *inputs,
                            int input_count, cmlx_array *values, int output_count,
                            cmlx_array *gradients);
// The outputs of `function`, whose insides are not kept for the backward pass but computed again
// there. Every array whose gradient is wanted must be an input: what the function captures has
// none. Takes over `context`, also when it fails, and calls `release` when nothing needs it.
int cmlx_recomputed(cmlx_function function, void *context, void (*release)(void *),
                    const cmlx_array *inputs, int input_count, cmlx_array *outputs,
                    int output_count);
// One output for the rows of x, made of function(contexts[i], {rows of x up to ends[i], w}) for one i after the
// other: of what a call makes inside, only one call's is there at once, forward and backward, where it is
// computed again. x and w alone have gradients; the output's first dimension is that of x. Takes over the
// contexts as above.
int cmlx_recomputed_tiles(cmlx_array *out, cmlx_function function, void *const *contexts,
                          void (*release)(void *), const int32_t *ends, int count, cmlx_array x,
                          cmlx_array w);

// MARK: Fused operators on the CPU (float32; matrices w and tables also float16 and bfloat16 where
// no gradient is taken; see fused/fused.h for formulas)

// The instruction set of the matrix products: "avx512", "avx2" or "generic".
const char *cmlx_fused_instruction_set(void);
// For tests: nonzero uses the narrower instruction set although a wider one would run.
void cmlx_fused_limit_instruction_set(int narrow);
// y_i = x w_iᵀ for several w of one x: x (N,D), w_i (O_i,D) → (N,O_i); `outs` receives count handles.
int cmlx_fused_linear(cmlx_array *outs, cmlx_array x, const cmlx_array *weights, int count);
// x (N,D), w (V,D), targets int32 (N), weights float32 (N) → weighted loss per row (N).
// `gradients`: nonzero when the result will be differentiated. `cap`: logits become
// cap · tanh(logit / cap); 0 for none.
int cmlx_fused_cross_entropy(cmlx_array *out, cmlx_array x, cmlx_array w, cmlx_array targets,
                             cmlx_array weights, int gradients, float cap);
// The same loss without gradients, and the most likely word of each row, int32; `outs` receives two
// handles.
int cmlx_fused_likelihood(cmlx_array *outs, cmlx_array x, cmlx_array w, cmlx_array targets,
                          cmlx_array weights, float cap);
// q (B,L,H,D), k and v (B,L,G,D), segments int32 (B,L) → (B,L,H,D); causal within a segment.
// `window`: positions seen, the query's own included, 0 for all; `cap` as above, of the scores.
int cmlx_fused_attention(cmlx_array *out, cmlx_array q, cmlx_array k, cmlx_array v,
                         cmlx_array segments, float scale, int32_t window, float cap);
// positions int32 (L) or (B,L), inverse frequencies (R/2) → (L,R) or (B,L,R): cosines, then sines.
int cmlx_fused_rope_table(cmlx_array *out, cmlx_array positions, cmlx_array inverse_frequencies);
// x (B,L,H,D): turns the first R ≤ D numbers of each head.
int cmlx_fused_rope(cmlx_array *out, cmlx_array x, cmlx_array table);
int cmlx_fused_rms_norm(cmlx_array *out, cmlx_array x, cmlx_array weight, float eps);
// (x + delta, rms_norm(x + delta)); `outs` receives two handles.
int cmlx_fused_add_rms_norm(cmlx_array *outs, cmlx_array x, cmlx_array delta, cmlx_array weight,
                            float eps);
int cmlx_fused_swiglu(cmlx_array *out, cmlx_array gate, cmlx_array up);
int cmlx_fused_geglu(cmlx_array *out, cmlx_array gate, cmlx_array up);
// cap · tanh(x / cap)
int cmlx_fused_softcap(cmlx_array *out, cmlx_array x, float cap);
// ids int32 (N), table (V,D) → (N,D).
int cmlx_fused_embedding(cmlx_array *out, cmlx_array ids, cmlx_array table);

// y_i = x w_iᵀ + t_i b_iᵀ: x (N,D), w_i (O_i,D), t_i (N,R), b_i (O_i,R) → (N,O_i); `outs` receives count
// handles.
int cmlx_fused_linear_sum(cmlx_array *outs, cmlx_array x, const cmlx_array *w, const cmlx_array *t,
                          const cmlx_array *b, int count);
// x with elements set to 0 with probability `rate` < 1 and the others divided by 1 − rate, by the words of
// the stream (seed, key) from the word `start` on.
int cmlx_fused_dropout(cmlx_array *out, cmlx_array x, float rate, uint64_t seed, uint64_t key,
                       uint64_t start);
// As float32; the gradient is float32, too.
int cmlx_fused_widened(cmlx_array *out, cmlx_array w);
// ‖w + scale·b·a‖ of each row, computed at once: evaluated row-major w (O,D), a (R,D), b (O,R) → `norms`, O
// floats. a and b are float32.
int cmlx_adapted_row_norms(cmlx_array w, cmlx_array a, cmlx_array b, float scale, float *norms);

// MARK: Keys and values of tokens read before, written in place (see fused/cached_attention.h)

typedef struct cmlx_key_values_s *cmlx_key_values;
int cmlx_key_values_make(cmlx_key_values *out, int texts, int groups, int width);
// A copy of the first `columns` columns of these texts; only when all steps are evaluated.
int cmlx_key_values_copy(cmlx_key_values *out, cmlx_key_values other, const int32_t *texts,
                         int count, int columns);
void cmlx_key_values_free(cmlx_key_values memory);
// Stores k and v (B,L,G,D) from `column` on and attends with q (B,L,H,D). `starts`: null, or where
// each of the B texts begins. `turn`: null in the first step, then what the step before gave.
// `outs` receives the output and the turn.
int cmlx_fused_cached_attention(cmlx_array *outs, cmlx_array q, cmlx_array k, cmlx_array v,
                                cmlx_key_values memory, int column, const int32_t *starts,
                                float scale, int32_t window, float cap, cmlx_array turn);

// MARK: Groups of processes

typedef struct cmlx_group_s *cmlx_group;
// Whether MLX has the backend "mpi", "nccl" or "ring" and its library is on this machine.
int cmlx_group_is_available(const char *backend);
// Joins the processes that were started together; fails where the backend was not set up. Once a
// process.
int cmlx_group_open(cmlx_group *out, const char *backend);
void cmlx_group_free(cmlx_group group);
int cmlx_group_rank(cmlx_group group);
int cmlx_group_size(cmlx_group group);
// Collectives: every process makes the same calls with arrays of the same shape, in the same order.
int cmlx_group_sum(cmlx_array *out, cmlx_array x, cmlx_group group);
// x (N,…) → (size · N,…), by rank.
int cmlx_group_gather(cmlx_array *out, cmlx_array x, cmlx_group group);

// MARK: One token more for a few texts, without a graph (see fused/decoding_step.h)

typedef struct cmlx_decoder_s *cmlx_decoder;

typedef struct {
  int32_t vocabulary, hidden, intermediate, heads, groups, width;
  float epsilon;
  int32_t adds_one_to_norms, norms_whole_queries, uses_gelu;
  float attention_scale, attention_cap, embedding_scale, logit_cap;
} cmlx_decoder_shape;

// All may be null where a layer has none; without `key` and `value`, `query` holds the rows of all
// three, and without `up` `gate` those of both.
typedef struct {
  cmlx_array before_attention, after_attention, before_feed_forward, after_feed_forward;
  cmlx_array query, key, value, query_bias, key_bias, value_bias, query_norm, key_norm;
  cmlx_array output, output_bias, gate, up, gate_bias, up_bias, down, down_bias;
  int32_t window, rotation;
} cmlx_decoder_weights;

// Keeps the arrays.
int cmlx_decoder_make(cmlx_decoder *out, cmlx_decoder_shape shape,
                      const cmlx_decoder_weights *layers, int count, cmlx_array embedding,
                      cmlx_array final_norm, cmlx_array head);
void cmlx_decoder_free(cmlx_decoder decoder);
// ids: one for each text. `starts` as above. Rotations: their inverse frequencies one after the
// other, so many of each, and what cosines and sines are multiplied by. `caches`: one for each layer.
int cmlx_decoder_step(cmlx_decoder decoder, const int32_t *ids, int texts, int column,
                      const int32_t *starts, const float *inverse_frequencies,
                      const int32_t *frequency_counts, const float *amplitudes,
                      int rotation_count, const cmlx_key_values *caches, int cache_count);
// (B,V) of the last step, until the next; null before the first.
const float *cmlx_decoder_logits(cmlx_decoder decoder);
// The lowest id of the largest logit of a text, and the index of the first logit that is NaN or
// infinite, −1 if none is.
void cmlx_decoder_likeliest(cmlx_decoder decoder, int text, int32_t *id, int32_t *non_finite);

// MARK: Updates in place, over plain memory

typedef struct {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  // 1 − β₁ᵗ and 1 − β₂ᵗ
  float correction1, correction2;
  // multiplies the gradient first (clipping, 1 / token count)
  float gradient_scale;
} cmlx_adamw_settings;

// average += share * (values - average), in place.
void cmlx_move_toward(float *average, const float *values, size_t count, float share);

// Consecutive weights of a tensor, float32 or stored in 16 bits; the latter are rounded at random, by
// element `first` and on of the stream (seed, key) of Tensors' CounterRandom.
typedef struct {
  void *data;
  cmlx_dtype dtype;
  size_t first, count;
  uint64_t seed, key;
} cmlx_weights;

// The formulas are in fused/updates.h. All other pointers are to float32, at the same first element.
void cmlx_adamw(cmlx_weights weights, const float *gradients, float *first_moment,
                float *second_moment, cmlx_adamw_settings settings);

typedef struct {
  float learning_rate, momentum, weight_decay, gradient_scale;
  int nesterov;
} cmlx_descent_settings;

// `buffer` may be null where the momentum is 0.
void cmlx_descent(cmlx_weights weights, const float *gradients, float *buffer,
                  cmlx_descent_settings settings);

// Both return Σ u², and −1 when memory ran out.
double cmlx_adafactor_matrix(const float *gradients, size_t rows, size_t columns, float scale,
                             float beta, float epsilon, float *row, float *column,
                             float *row_factor, float *column_factor);
double cmlx_adafactor_vector(const float *gradients, size_t count, float scale, float beta,
                             float epsilon, float *second_moment);

typedef struct {
  float learning_rate, beta1, weight_decay, scale;
} cmlx_adafactor_settings;

// `first_moment` may be null.
void cmlx_adafactor_apply_matrix(cmlx_weights weights, const float *gradients, float *first_moment,
                                 const float *row_factor, const float *column_factor,
                                 size_t columns, cmlx_adafactor_settings settings);
void cmlx_adafactor_apply_vector(cmlx_weights weights, const float *gradients, float *first_moment,
                                 const float *second_moment, cmlx_adafactor_settings settings);

void cmlx_muon_momentum(const float *gradients, float scale, float momentum, int nesterov,
                        size_t count, float *buffer, float *output);
int cmlx_newton_schulz(float *matrix, size_t rows, size_t columns, int steps);
// p = keep · p − rate · direction
void cmlx_apply_direction(cmlx_weights weights, const float *direction, float keep, float rate);

// Σ x² in double, in a fixed tree: the same for any number of threads.
double cmlx_squared_norm(const float *values, size_t count);
// The index of the first NaN or infinity, or `count`.
size_t cmlx_first_non_finite(const float *values, size_t count);
// The same for numbers of type float32, float16 or bfloat16.
size_t cmlx_first_non_finite_stored(const void *values, size_t count, cmlx_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
