// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0
//
// A hint that Swift has no word for.
#pragma once

/// Asks for the line of memory at `address`, any address, to be brought near the processor (its
/// second-level cache) for reading; changes nothing and never fails.
static inline __attribute__((always_inline)) void koine_prefetch(const void *_Nonnull address) {
  __builtin_prefetch(address, 0, 2);
}
