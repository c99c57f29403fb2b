// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension ModelDifference {
  /// The whole comparison as JSON, schema 1; `docs/merging.md` describes the keys. Numbers that are
  /// not defined, such as the cosine of a zero tensor, are `null`.
  public func json(first: String, second: String, base: String?) -> JSON {
    let (pairs, changes) = (pairs, changes)
    return [
      "schema": 1, "first": JSON(first), "second": JSON(second),
      "base": base.map { JSON($0) } ?? .null, "equal": JSON(isEmpty),
      "total": Self.measures(pairs.total, changes.total),
      "layers": JSON(
        pairs.rows.map { row -> JSON in
          let change = changes.rows.first {
            $0.module == row.module && $0.layer == row.layer && $0.kind == row.kind
          }
          var kinds = JSONObject()
          for (column, kind) in pairs.kinds.enumerated() {
            guard let cell = row.cells[column] else { continue }
            let other = changes.kinds.firstIndex(of: kind).flatMap { change?.cells[$0] }
            kinds[kind.rawValue] = Self.measures(cell, other)
          }
          var object = Self.measures(row.total, change?.total)
          object["label"] = JSON(row.label)
          object["module"] = JSON(row.module)
          object["layer"] = row.layer.map { JSON($0) } ?? .null
          object["kind"] = row.kind.map { JSON($0.rawValue) } ?? .null
          object["kinds"] = .object(kinds)
          return object
        }),
      "kinds": Self.kinds(pairs, changes),
      "tensors": JSON(tensors.map(Self.json)),
      "only_in_first": JSON(onlyInFirst.map(Self.json)),
      "only_in_second": JSON(onlyInSecond.map(Self.json)),
      "shapes": JSON(
        reshaped.map { tensor -> JSON in
          [
            "name": JSON(tensor.name), "first": Self.json(tensor.first),
            "second": Self.json(tensor.second),
          ]
        }),
      "not_comparable": JSON(
        incomparable.map { ["name": JSON($0.name), "reason": JSON($0.reason)] as JSON }),
      "buffers": JSON(
        buffers.map { ["name": JSON($0.name), "equal": JSON($0.isEqual)] as JSON }),
      "without_base": JSON(withoutBase.map { JSON($0) }),
      "config": JSON(config.map(Self.json)), "tokenizer": JSON(tokenizer.map(Self.json)),
      "vocabulary": vocabulary.map { found -> JSON in
        [
          "same": JSON(found.sameCount), "moved": JSON(found.movedCount),
          "only_in_first": JSON(found.onlyInFirst.count),
          "only_in_second": JSON(found.onlyInSecond.count),
        ]
      } ?? .null,
      "notes": JSON(notes.map { JSON($0) }),
    ]
  }

  private static func measures(_ pair: PairMeasures?, _ change: ChangeMeasures?) -> JSON {
    ["pair": pair.map { $0.json } ?? .null, "change": change.map { $0.json } ?? .null]
  }

  private static func kinds(
    _ pairs: LayerTable<PairMeasures>, _ changes: LayerTable<ChangeMeasures>
  ) -> JSON {
    var object = JSONObject()
    for (kind, total) in zip(pairs.kinds, pairs.kindTotals) {
      let change = changes.kinds.firstIndex(of: kind).map { changes.kindTotals[$0] }
      object[kind.rawValue] = measures(total, change)
    }
    return .object(object)
  }

  private static func json(_ tensor: Tensor) -> JSON {
    var object = measures(tensor.pair, tensor.change)
    object["name"] = JSON(tensor.name)
    object["module"] = JSON(tensor.place.module)
    object["layer"] = tensor.place.layer.map { JSON($0) } ?? .null
    object["kind"] = JSON(tensor.place.kind.rawValue)
    object["shape"] = json(tensor.shape)
    object["dtypes"] = [JSON(tensor.firstType.rawValue), JSON(tensor.secondType.rawValue)]
    object["rows"] =
      tensor.rows.map { rows -> JSON in
        ["shared": JSON(rows.shared), "first": JSON(rows.first), "second": JSON(rows.second)]
      } ?? .null
    return object
  }

  private static func json(_ tensor: Lone) -> JSON {
    [
      "name": JSON(tensor.name), "dtype": JSON(tensor.info.elementType.rawValue),
      "shape": json(tensor.info.shape),
    ]
  }

  private static func json(_ shape: Shape) -> JSON { JSON(shape.extents.map { JSON($0) }) }

  /// A key that a model lacks has no member of the model's name; one that is null has a null.
  private static func json(_ difference: KeyDifference) -> JSON {
    var object: JSON = ["key": JSON(difference.key)]
    if let first = difference.first { object["first"] = first }
    if let second = difference.second { object["second"] = second }
    return object
  }
}

extension PairMeasures {
  var json: JSON {
    [
      "elements": JSON(elementCount), "changed": JSON(changedCount),
      "changed_share": JSON(changedShare), "norm_first": JSON(firstNorm),
      "norm_second": JSON(secondNorm), "distance": JSON(distance),
      "relative_change": relativeChange.map { JSON($0) } ?? .null,
      "cosine": cosine.map { JSON($0) } ?? .null,
      "angle_degrees": angle.map { JSON($0) } ?? .null,
      "largest": JSON(largest),
      "largest_at": largestElement.map { element -> JSON in
        var place: JSON = [
          "tensor": JSON(element.tensor), "position": JSON(element.position.map { JSON($0) }),
        ]
        if let token = element.token { place["token"] = JSON(token) }
        return place
      } ?? .null,
    ]
  }
}

extension ChangeMeasures {
  var json: JSON {
    func side(_ side: Side, _ relative: Double?) -> JSON {
      [
        "norm": JSON(side.norm), "relative": relative.map { JSON($0) } ?? .null,
        "changed": JSON(side.changedCount), "discarded_share": JSON(side.discardedShare),
        "discarded_mass_share": JSON(side.discardedMassShare),
        "important_discarded_share": JSON(side.importantDiscardedShare),
      ]
    }
    return [
      "first": side(first, relativeChanges.first), "second": side(second, relativeChanges.second),
      "norm_ratio": normRatio.map { JSON($0) } ?? .null,
      "cosine": cosine.map { JSON($0) } ?? .null, "both_changed": JSON(bothChanged),
      "conflicts": JSON(conflicts), "conflict_rate": JSON(conflictRate),
    ]
  }
}
