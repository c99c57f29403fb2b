# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of Student's t distribution.

    python3 -m pip install scipy==1.17.1 && python3 make_student_t.py

Writes student_t.json: [degrees, confidence, quantile] and [degrees, t, two-sided p].
"""
import json
import pathlib

import scipy
from scipy import stats

degrees = [1, 1.5, 2, 3.7, 4, 15, 29.5, 30, 1234.5]
value = {
    "tool": f"scipy {scipy.__version__}",
    "quantiles": [[d, c, float(stats.t.ppf((1 + c) / 2, d))] for d in degrees for c in [0.5, 0.95, 0.99]],
    "p": [[d, t, float(2 * stats.t.sf(t, d))] for d in degrees for t in [0, 0.3, 1.96, 7.5, 60]],
}
path = pathlib.Path(__file__).parent / "student_t.json"
path.write_text(json.dumps(value) + "\n")
