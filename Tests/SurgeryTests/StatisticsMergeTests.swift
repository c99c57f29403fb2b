// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Methods that look at statistics of text.
@Suite struct StatisticsMergeTests {
  private func reader(
    _ values: [Float], _ shape: Shape, type: ElementType = .float32
  ) throws -> any TensorReader {
    try Checkpoint.inMemory(
      config: [:], tensors: [("w", shape, values)], elementType: type
    ).source("w").prepare()
  }

  private func merge(
    _ method: some MergeMethod, _ shape: Shape, _ sources: [[Float]],
    _ kind: ModelStatistics.Kind, _ statistics: [[Float]]?, norms: [Double] = [1, 1, 1],
    type: ElementType = .float32, threads: Int? = nil
  ) throws -> (values: [Float], notes: [String]) {
    let size = shape.rank == 2 ? shape[1] : 0
    let readers = try statistics?.map { try reader($0, kind == .fisher ? shape : [size, size]) }
    let group = TensorGroup(
      name: "w", shape: shape, base: nil,
      sources: try sources.map { try reader($0, shape, type: type) },
      statistics: readers.map { GroupStatistics(kind: kind, readers: $0, norms: norms) },
      chunkLength: 4096, threads: threads)
    var sink = TensorSink()
    try method.merge(group, into: &sink)
    var output = [Float](repeating: .nan, count: shape.elementCount)
    let result = try #require(sink.reader(of: group, as: .float32))
    try output.withMutableChunk { try result.read(from: 0, into: $0) }
    return (output, sink.notes)
  }

  private func fisher(
    weights: [Double] = [1, 1], epsilon: Double = 0, normalizes: Bool = false
  ) throws -> Fisher {
    var parameters = Fisher.Parameters()
    parameters.weights = weights
    parameters.epsilon = epsilon
    parameters.normalizeFisher = normalizes
    return try Fisher(parameters)
  }

  private func regmean(weights: [Double] = [1, 1], alpha: Double = 0.9) throws -> RegressionMean {
    var parameters = RegressionMean.Parameters()
    parameters.weights = weights
    parameters.alpha = alpha
    return try RegressionMean(parameters)
  }

  private func random(_ count: Int, _ stream: String) -> [Float] {
    let random = CounterRandom(seed: 2, stream: stream)
    return (0..<count).map { Float(random.normal(at: $0)) }
  }

  private func gram(_ rows: Int, _ columns: Int, _ stream: String) -> [Float] {
    let inputs = Matrix(rows: rows, columns: columns, values: random(rows * columns, stream))
    return Matrix.product(inputs, inputs, transposingFirst: true).values
  }

  // MARK: Fisher

  @Test func `fisher weighs each parameter by its information`() throws {
    let sources: [[Float]] = [[1, 2, 3, 4], [3, 6, 5, 8]]
    let information: [[Float]] = [[1, 3, 0, 0], [1, 1, 2, 0]]
    let plain = try merge(fisher(), [4], sources, .fisher, information)
    #expect(plain.values == [2, 3, 5, 6])
    let weighted = try merge(fisher(weights: [3, 1]), [4], sources, .fisher, information)
    #expect(weighted.values == [1.5, 2.4, 5, 5])
    let smooth = try merge(fisher(epsilon: 1), [4], sources, .fisher, information)
    #expect(smooth.values == [2, Float((4.0 * 2 + 2 * 6) / 6), Float((3.0 + 15) / 4), 6])
    let normal = try merge(
      fisher(normalizes: true), [4], sources, .fisher, information, norms: [0.5, 0.25])
    #expect(normal.values == [Float((2.0 * 1 + 4 * 3) / 6), Float((6.0 * 2 + 4 * 6) / 10), 5, 6])
    // A model without any information has no norm to be divided by.
    let zero = try merge(
      fisher(normalizes: true), [4], sources, .fisher, [[0, 0, 0, 0], information[1]],
      norms: [0, 1])
    #expect(zero.values == [3, 6, 5, 6])
  }

  @Test func `information of any size loses no digits`() throws {
    let large = try merge(
      fisher(), [2], [[1, 1], [2, 2]], .fisher,
      [[3e38, 1e-38], [3e38, 1e-38]])
    #expect(large.values == [1.5, 1.5])
  }

  @Test(arguments: [ElementType.float32, .bfloat16, .float16])
  func `equal models stay as they are, whatever the statistics`(type: ElementType) throws {
    var values = random(143, "w")
    values.withMutableChunk { Conversion.round($0, to: type) }
    let information = (0..<3).map { k in random(143, "f\(k)").map { $0 * $0 } }
    let merged = try merge(
      fisher(weights: [0.3, 2, 0.7], epsilon: 1e-6), [13, 11], [values, values, values], .fisher,
      information, type: type)
    #expect(merged.values == values)
    let grams = (0..<3).map { gram(5 + 20 * $0, 11, "g\($0)") }
    let solved = try merge(
      regmean(weights: [0.3, 2, 0.7]), [13, 11], [values, values, values], .gram, grams,
      type: type)
    #expect(solved.values == values)
    let alone = try merge(regmean(weights: [2]), [13, 11], [values], .gram, [grams[0]], type: type)
    #expect(alone.values == values)
    let one = try merge(
      fisher(weights: [2]), [13, 11], [values], .fisher, [information[0]], type: type)
    #expect(one.values == values)
  }

  // MARK: RegMean

  @Test func `regmean equals the formula in numpy`() throws {
    let path = golden("statistics").appendingPathComponent("regmean.json")
    let text = try String(contentsOf: path, encoding: .utf8)
    let cases = try #require(JSON.parse(text, origin: path.path)["cases"]?.array)
    #expect(cases.count == 6)
    for entry in cases {
      func numbers(_ value: JSON?) -> [Double] { (value?.array ?? []).compactMap(\.double) }
      func floats(_ key: String) -> [[Float]] {
        (entry[key]?.array ?? []).map { numbers($0).map { Float($0) } }
      }
      let shape: Shape = [try #require(entry["rows"]?.int), try #require(entry["columns"]?.int)]
      let method = try regmean(
        weights: numbers(entry["weights"]), alpha: try #require(entry["alpha"]?.double))
      let merged = try merge(
        method, shape, floats("matrices"), .gram, floats("grams"))
      #expect(merged.notes.isEmpty)
      let expected = numbers(entry["merged"])
      #expect(merged.values.count == expected.count)
      let scale = expected.map { abs($0) }.max() ?? 1
      for (a, b) in zip(merged.values, expected) {
        // Differences are floats: a few units in the last place of the largest.
        #expect(abs(Double(a) - b) <= 2e-6 * scale, "\(shape)")
      }
    }
  }

  @Test func `regmean keeps what each model does on its own inputs`() throws {
    // Inputs of two models in different directions: both weights can be had at once.
    let sources: [[Float]] = [[1, 2, 3, 4], [-5, 6, 7, -8]]
    let grams: [[Float]] = [[3, 0, 0, 0], [0, 0, 0, 2]]
    let merged = try merge(regmean(alpha: 1), [2, 2], sources, .gram, grams)
    #expect(merged.values == [1, 6, 3, -8])
  }

  @Test func `inputs that no text reaches keep the mean`() throws {
    let sources: [[Float]] = [[1, 2, 3, 4], [3, 4, 5, 8]]
    let merged = try merge(
      regmean(weights: [3, 1]), [2, 2], sources, .gram, [[1, 0, 0, 0], [1, 0, 0, 0]])
    #expect(merged.values == [1.5, 2.5, 3.5, 5])
    #expect(merged.notes.isEmpty)
    let nothing = try merge(
      regmean(weights: [3, 1]), [2, 2], sources, .gram, [[0, 0, 0, 0], [0, 0, 0, 0]])
    #expect(nothing.values == [1.5, 2.5, 3.5, 5])
  }

  @Test func `gram matrices of too few tokens are solved with a note`() throws {
    // Fewer tokens than inputs, and nothing taken off beside the diagonal.
    let sources = [random(6 * 20, "a"), random(6 * 20, "b")]
    let grams = [gram(4, 20, "x"), gram(5, 20, "y")]
    let merged = try merge(regmean(alpha: 1), [6, 20], sources, .gram, grams)
    #expect(merged.values.allSatisfy { $0.isFinite && abs($0) < 100 })
    #expect(merged.notes.count == 1)
    #expect(merged.notes.first?.contains("were not positive definite") == true)
    let shrunk = try merge(regmean(alpha: 0.9), [6, 20], sources, .gram, grams)
    #expect(shrunk.notes.isEmpty && shrunk.values != merged.values)
  }

  @Test func `regmean does not depend on threads`() throws {
    let (rows, columns) = (40, 215)
    let sources = (0..<3).map { random(rows * columns, "s\($0)") }
    let grams = (0..<3).map { gram(300, columns, "g\($0)") }
    var expected: [Float] = []
    for threads in [1, 2, 5] {
      let merged = try merge(
        regmean(weights: [1, 2, 1]), [rows, columns], sources, .gram, grams, threads: threads)
      if expected.isEmpty { expected = merged.values }
      #expect(merged.values == expected, "\(threads) threads")
    }
  }

  @Test func `what is no linear layer is averaged`() throws {
    let merged = try merge(regmean(weights: [3, 1]), [2], [[1, 2], [3, 6]], .gram, nil)
    #expect(merged.values == [1.5, 3])
  }

  @Test func `parameters outside their ranges are errors`() {
    func line(_ body: () throws -> Void) -> String { MergeModels.lines(body)[0] }
    #expect(
      line { _ = try fisher(weights: [1, -1]) }
        == "`weight` should be a finite number of at least 0, found -1.0.")
    #expect(line { _ = try fisher(weights: [0, 0]) }.contains("weights that are not all 0"))
    #expect(line { _ = try regmean(weights: [0, 0]) }.contains("weights that are not all 0"))
    #expect(line { _ = try fisher(epsilon: -1) }.hasPrefix("`epsilon` should be"))
    #expect(
      line { _ = try regmean(alpha: 1.5) }.hasPrefix("`alpha` should be a number from 0 to 1"))
  }
}
