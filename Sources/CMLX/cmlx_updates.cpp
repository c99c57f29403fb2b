// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The optimizers' part of the C face.

#include <exception>

#include "cmlx.h"
#include "fused/updates.h"

namespace {

koine::Weights weights_of(const cmlx_weights &weights) {
  const auto type = weights.dtype == CMLX_BFLOAT16  ? koine::StoredType::bfloat16
                    : weights.dtype == CMLX_FLOAT16 ? koine::StoredType::float16
                                                    : koine::StoredType::float32;
  return {weights.data, type, weights.first, weights.count, weights.seed, weights.key};
}

}  // namespace

extern "C" {

void cmlx_adamw(cmlx_weights weights, const float *gradients, float *first_moment,
                float *second_moment, cmlx_adamw_settings settings) {
  koine::AdamW step{settings.learning_rate, settings.beta1,       settings.beta2,
                    settings.epsilon,       settings.weight_decay, settings.correction1,
                    settings.correction2,   settings.gradient_scale};
  koine::adamwStep(weights_of(weights), gradients, first_moment, second_moment, step);
}

void cmlx_descent(cmlx_weights weights, const float *gradients, float *buffer,
                  cmlx_descent_settings settings) {
  koine::descentStep(weights_of(weights), gradients, buffer,
                     {settings.learning_rate, settings.momentum, settings.weight_decay,
                      settings.gradient_scale, settings.nesterov != 0});
}

double cmlx_adafactor_matrix(const float *gradients, size_t rows, size_t columns, float scale,
                             float beta, float epsilon, float *row, float *column,
                             float *row_factor, float *column_factor) {
  try {
    return koine::adafactorMatrix(gradients, rows, columns, scale, beta, epsilon, row, column,
                                  row_factor, column_factor);
  } catch (const std::exception &) {
    return -1;
  }
}

double cmlx_adafactor_vector(const float *gradients, size_t count, float scale, float beta,
                             float epsilon, float *second_moment) {
  try {
    return koine::adafactorVector(gradients, count, scale, beta, epsilon, second_moment);
  } catch (const std::exception &) {
    return -1;
  }
}

void cmlx_adafactor_apply_matrix(cmlx_weights weights, const float *gradients, float *first_moment,
                                 const float *row_factor, const float *column_factor,
                                 size_t columns, cmlx_adafactor_settings settings) {
  koine::adafactorApplyMatrix(
      weights_of(weights), gradients, first_moment, row_factor, column_factor, columns,
      {settings.learning_rate, settings.beta1, settings.weight_decay, settings.scale});
}

void cmlx_adafactor_apply_vector(cmlx_weights weights, const float *gradients, float *first_moment,
                                 const float *second_moment, cmlx_adafactor_settings settings) {
  koine::adafactorApplyVector(
      weights_of(weights), gradients, first_moment, second_moment,
      {settings.learning_rate, settings.beta1, settings.weight_decay, settings.scale});
}

void cmlx_muon_momentum(const float *gradients, float scale, float momentum, int nesterov,
                        size_t count, float *buffer, float *output) {
  koine::muonMomentum(gradients, scale, momentum, nesterov != 0, count, buffer, output);
}

int cmlx_newton_schulz(float *matrix, size_t rows, size_t columns, int steps) {
  try {
    koine::newtonSchulz(matrix, rows, columns, steps);
    return 0;
  } catch (const std::exception &) {
    return 1;
  }
}

void cmlx_apply_direction(cmlx_weights weights, const float *direction, float keep, float rate) {
  koine::applyDirection(weights_of(weights), direction, keep, rate);
}

}  // extern "C"
