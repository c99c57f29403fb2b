// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Weights as a checkpoint stores them, float32, bfloat16 or float16, and their way into registers.
//
// Inference reads every weight once for each token: the fewer bytes, the faster. A stored number becomes its
// float32 on the way into a register, exactly, so a model gives the same bits whether its weights stay stored
// or are widened when loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "mlx/array.h"

namespace koine {

enum class StoredType { float32, bfloat16, float16 };

/// A row-major matrix in memory that somebody else owns; addresses need the alignment of one element.
struct StoredMatrix {
  const void* data;
  StoredType type;
  std::size_t rows, columns;

  std::size_t elementBytes() const { return type == StoredType::float32 ? 4 : 2; }
  const void* row(std::size_t index) const {
    return static_cast<const char*>(data) + index * columns * elementBytes();
  }
};

inline bool isStoredType(mlx::core::Dtype type) {
  return type == mlx::core::float32 || type == mlx::core::bfloat16 || type == mlx::core::float16;
}

/// `isStoredType` holds for it.
inline StoredType storedType(mlx::core::Dtype type) {
  return type == mlx::core::bfloat16  ? StoredType::bfloat16
      : type == mlx::core::float16 ? StoredType::float16
                                   : StoredType::float32;
}

/// The matrix of an evaluated, row-major array of rank 2.
inline StoredMatrix storedMatrix(const mlx::core::array& w) {
  return {
      w.data<void>(), storedType(w.dtype()), static_cast<std::size_t>(w.shape(0)),
      static_cast<std::size_t>(w.shape(1))};
}

typedef _Float16 Half;

/// How `Count` stored numbers become a vector of floats. Forced inline, so that each takes on the instruction
/// set of the function around it.
template <StoredType type, int Count>
struct Widen;

template <int Count>
struct Widen<StoredType::float32, Count> {
  typedef float Vector __attribute__((ext_vector_type(Count)));
  typedef float Element;
  __attribute__((always_inline)) static Vector load(const Element* from) {
    Vector result;
    std::memcpy(&result, from, sizeof result);
    return result;
  }
};

template <int Count>
struct Widen<StoredType::bfloat16, Count> {
  typedef float Vector __attribute__((ext_vector_type(Count)));
  typedef std::uint16_t Element;
  __attribute__((always_inline)) static Vector load(const Element* from) {
    typedef std::uint16_t Short __attribute__((ext_vector_type(Count)));
    typedef std::uint32_t Long __attribute__((ext_vector_type(Count)));
    Short bits;
    std::memcpy(&bits, from, sizeof bits);
    // A bfloat16 is the upper half of a float32.
    return __builtin_bit_cast(Vector, __builtin_convertvector(bits, Long) << 16);
  }
};

template <int Count>
struct Widen<StoredType::float16, Count> {
  typedef float Vector __attribute__((ext_vector_type(Count)));
  typedef Half Element;
  __attribute__((always_inline)) static Vector load(const Element* from) {
    typedef Half Short __attribute__((ext_vector_type(Count)));
    Short bits;
    std::memcpy(&bits, from, sizeof bits);
    return __builtin_convertvector(bits, Vector);
  }
};

/// Calls `body` with the type as a template argument: `body.template operator()<type>()`.
template <class Body>
inline void withStoredType(StoredType type, Body&& body) {
  switch (type) {
    case StoredType::float32: return body.template operator()<StoredType::float32>();
    case StoredType::bfloat16: return body.template operator()<StoredType::bfloat16>();
    case StoredType::float16: return body.template operator()<StoredType::float16>();
  }
}

/// Widens `count` stored numbers.
void widen(const void* from, StoredType type, std::size_t count, float* to);

}  // namespace koine
