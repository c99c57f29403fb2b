// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Texts are UTF-8, so of the library's three widths the one of bytes.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
