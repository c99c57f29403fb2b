// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// The methods that decompose matrices against float64 scripts; see Golden/merge/matrices/make.py
/// and the versions.json it writes.
@Suite struct MatrixMergeGoldenTests {
  private struct Case {
    let name: String
    let inputs: MethodInputs
    let weights: [JSON]
    let results: [(method: String, shared: [String: JSON], change: [Double])]
  }

  private static func cases() throws -> [Case] {
    let file = golden("merge").appendingPathComponent("matrices/cases.json")
    let list = try #require(JSON.parse(Data(contentsOf: file), origin: "cases.json").array)
    func numbers(_ value: JSON?) -> [Double] { value?.array?.compactMap(\.double) ?? [] }
    return try list.map { entry in
      let extents = numbers(entry["shape"]).map { Int($0) }
      return Case(
        name: try #require(entry["name"]?.string),
        inputs: MethodInputs(
          Shape(extents), base: numbers(entry["base"]).map { Float($0) },
          sources: try #require(entry["sources"]?.array).map { numbers($0).map { Float($0) } }),
        weights: try #require(entry["weight"]?.array),
        results: try #require(entry["results"]?.array).map { result in
          let shared = try #require(result["shared"]?.object)
          return (
            try #require(result["method"]?.string),
            Dictionary(uniqueKeysWithValues: shared.members.map { ($0.key, $0.value) }),
            numbers(result["change"])
          )
        })
    }
  }

  /// Vectors lie in floats between steps, which costs some 10⁻⁷ of the largest element; Adam's
  /// products are of floats, which shows where a gradient is nearly 0.
  @Test(arguments: MatrixMergeTests.ids)
  func `changes agree with the papers' formulas in float64`(method: String) throws {
    var compared = 0
    for golden in try Self.cases() {
      for result in golden.results where result.method == method {
        let merged = try golden.inputs.merge(
          MethodVariant(id: method, shared: result.shared), own: ["weight": golden.weights])
        #expect(merged.count == result.change.count)
        let largest = result.change.reduce(0) { max($0, $1.magnitude) }
        let tolerance = method == "wudi" ? 2e-6 : 1e-6
        for (i, change) in result.change.enumerated() {
          let expected = Double(golden.inputs.base[i]) + change
          let difference = (Double(merged[i]) - expected).magnitude
          let rounding = Double(Float(expected).ulp)
          #expect(
            difference <= tolerance * largest + rounding,
            "\(golden.name) \(result.shared) [\(i)]: \(merged[i]) for \(expected)")
        }
        compared += 1
      }
    }
    #expect(compared >= 13)
  }
}
