// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension ModelNorms {
  /// The members that `koine inspect --norms --json` adds: `layers`, `kinds`, `norms` by tensor and
  /// `anomalies`.
  public var json: JSONObject {
    let table = table
    var kinds = JSONObject()
    for (kind, total) in zip(table.kinds, table.kindTotals) { kinds[kind.rawValue] = total.json }
    var object = JSONObject()
    object["total"] = table.total?.json ?? .null
    object["layers"] = JSON(
      table.rows.map { row -> JSON in
        var cells = JSONObject()
        for (kind, cell) in zip(table.kinds, row.cells) {
          if let cell { cells[kind.rawValue] = cell.json }
        }
        var object = row.total.json
        object["label"] = JSON(row.label)
        object["module"] = JSON(row.module)
        object["layer"] = row.layer.map { JSON($0) } ?? .null
        object["kind"] = row.kind.map { JSON($0.rawValue) } ?? .null
        object["kinds"] = .object(cells)
        return object
      })
    object["kinds"] = .object(kinds)
    object["norms"] = JSON(
      tensors.map { tensor -> JSON in
        var object = tensor.measures.json
        object["name"] = JSON(tensor.name)
        object["module"] = JSON(tensor.place.module)
        object["layer"] = tensor.place.layer.map { JSON($0) } ?? .null
        object["kind"] = JSON(tensor.place.kind.rawValue)
        return object
      })
    object["anomalies"] = JSON(anomalies.map(\.json))
    return object
  }
}

extension NormMeasures {
  var json: JSON {
    [
      "elements": JSON(elementCount), "norm": JSON(norm), "rms": JSON(rms),
      "largest": JSON(largest), "zeros": JSON(zeroCount), "nan": JSON(nanCount),
      "infinite": JSON(infinityCount),
    ]
  }
}

extension ModelNorms.Anomaly {
  /// The tensor it is about.
  public var tensor: String {
    switch self {
    case .notFinite(let tensor, _, _, _), .allZero(let tensor), .outlier(let tensor, _, _): tensor
    }
  }

  var json: JSON {
    switch self {
    case .notFinite(let tensor, let nan, let infinite, let first):
      [
        "kind": "not_finite", "tensor": JSON(tensor), "nan": JSON(nan),
        "infinite": JSON(infinite), "first": JSON(first),
      ]
    case .allZero(let tensor): ["kind": "all_zero", "tensor": JSON(tensor)]
    case .outlier(let tensor, let rms, let median):
      [
        "kind": "outlier", "tensor": JSON(tensor), "rms": JSON(rms), "median_rms": JSON(median),
      ]
    }
  }
}
