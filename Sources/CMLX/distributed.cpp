// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Groups of processes: MLX's distributed backends behind cmlx.h.

#include "mlx/distributed/distributed.h"

#include <stdexcept>

#include "mlx/distributed/ops.h"
#include "shim.h"

namespace mx = mlx::core;
using koine::guarded;
using koine::make;

struct cmlx_group_s {
  mx::distributed::Group value;
};

extern "C" {

int cmlx_group_is_available(const char *backend) {
  int found = 0;
  const int status = guarded([&] { found = mx::distributed::is_available(backend) ? 1 : 0; });
  return status == 0 ? found : 0;
}

int cmlx_group_open(cmlx_group *out, const char *backend) {
  return guarded([&] { *out = new cmlx_group_s{mx::distributed::init(true, backend)}; });
}

void cmlx_group_free(cmlx_group group) { delete group; }
int cmlx_group_rank(cmlx_group group) { return group->value.rank(); }
int cmlx_group_size(cmlx_group group) { return group->value.size(); }

int cmlx_group_sum(cmlx_array *out, cmlx_array x, cmlx_group group) {
  return make(out, [&] { return mx::distributed::all_sum(x->value, group->value); });
}

int cmlx_group_gather(cmlx_array *out, cmlx_array x, cmlx_group group) {
  return make(out, [&] {
    // A scalar has no first axis to be gathered along.
    if (x->value.ndim() == 0) throw std::invalid_argument("a scalar to be gathered");
    return mx::distributed::all_gather(x->value, group->value);
  });
}

}  // extern "C"
