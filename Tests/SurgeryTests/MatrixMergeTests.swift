// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// The methods that decompose matrices, by what must hold of them.
@Suite struct MatrixMergeTests {
  static let ids = ["tsv_m", "iso_c", "iso_cts", "wudi"]

  private func changes(
    _ variant: MethodVariant, _ inputs: MethodInputs, weights: [JSON]? = nil
  ) throws -> Matrix {
    let own = ["weight": weights ?? Array(repeating: 1, count: inputs.sources.count)]
    // Around a base of zeros the result is the change.
    let merged = try inputs.merge(variant, own: own)
    return Matrix(rows: inputs.shape[0], columns: inputs.shape[1], values: merged)
  }

  private func aroundZero(_ shape: Shape, sources: Int, seed: UInt64 = 1) -> MethodInputs {
    var inputs = MethodInputs(shape, sources: sources, seed: seed)
    inputs.sources = inputs.sources.map { zip($0, inputs.base).map { $0 - $1 } }
    inputs.base = inputs.base.map { _ in 0 }
    return inputs
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
  }

  // MARK: What is special about each

  @Test(arguments: [[12, 7], [7, 12], [9, 9], [1, 6], [130, 101]])
  func `iso_c makes the spectrum of the sum flat and keeps its directions`(
    extents: [Int]
  ) throws {
    let inputs = aroundZero(Shape(extents), sources: 3)
    let change = try changes(MethodVariant(id: "iso_c"), inputs)
    let values = try SingularValueDecomposition.jacobi(change).values
    let sum = Matrix(
      rows: extents[0], columns: extents[1],
      values: inputs.sources[0].indices.map { i in inputs.sources.reduce(0) { $0 + $1[i] } })
    let before = try SingularValueDecomposition.jacobi(sum)
    let mean = before.values.reduce(0, +) / Double(before.values.count)
    for value in values { #expect((value - mean).magnitude < 2e-6 * mean, "\(value) \(mean)") }
    let polar = Matrix.product(before.u, before.vt, accumulation: .double)
    #expect(distance(change.values, polar.values.map { Float(mean) * $0 }) < 3e-6 * Float(mean))
  }

  @Test(arguments: [[12, 7], [7, 12], [9, 9], [1, 6], [6, 1], [40, 33]])
  func `tsv_m of one source is task arithmetic`(extents: [Int]) throws {
    let inputs = MethodInputs(Shape(extents), sources: 1)
    let merged = try inputs.merge(
      MethodVariant(id: "tsv_m", shared: ["lambda": 0.5]), own: ["weight": [1]])
    let plain = try inputs.merge(
      MethodVariant(id: "task_arithmetic", shared: ["lambda": 0.5]), own: ["weight": [1]])
    #expect(distance(merged, plain) < 5e-7)
  }

  @Test func `tsv_m of changes that do not meet is their sum, cut to its share of the rank`()
    throws
  {
    // Two changes of rank 2 in blocks of their own; the share of each of two sources is 2 of 4.
    var inputs = aroundZero([6, 4], sources: 2)
    for i in 0..<6 {
      for j in 0..<4 {
        if i >= 3 || j >= 2 { inputs.sources[0][i * 4 + j] = 0 }
        if i < 3 || j < 2 { inputs.sources[1][i * 4 + j] = 0 }
      }
    }
    let change = try changes(MethodVariant(id: "tsv_m"), inputs)
    #expect(distance(change.values, zip(inputs.sources[0], inputs.sources[1]).map(+)) < 1e-7)
  }

  @Test func `tsv_m of the same change twice is that change cut to half its rank`() throws {
    var inputs = aroundZero([9, 6], sources: 2)
    inputs.sources[1] = inputs.sources[0]
    let change = try changes(MethodVariant(id: "tsv_m"), inputs)
    let half = try SingularValueDecomposition.jacobi(
      Matrix(rows: 9, columns: 6, values: inputs.sources[0])
    ).prefix(3).product()
    #expect(distance(change.values, half.values) < 2e-7)
  }

  @Test(arguments: [[12, 7], [7, 12]], [0.0, 0.5, 1.0])
  func `iso_cts of one source is iso_c`(extents: [Int], fraction: Double) throws {
    let inputs = aroundZero(Shape(extents), sources: 1)
    let change = try changes(
      MethodVariant(id: "iso_cts", shared: ["common_space_fraction": JSON(fraction)]), inputs)
    let flat = try changes(MethodVariant(id: "iso_c"), inputs)
    #expect(distance(change.values, flat.values) < 1e-6)
  }

  @Test func `iso_cts with a common space of everything is iso_c of any sources`() throws {
    let inputs = aroundZero([11, 8], sources: 3)
    let change = try changes(
      MethodVariant(id: "iso_cts", shared: ["common_space_fraction": 1]), inputs)
    #expect(
      distance(change.values, try changes(MethodVariant(id: "iso_c"), inputs).values) < 1e-6)
  }

  @Test func `the directions of a source are a share of those that the sum leaves`() {
    func own(_ side: Int, _ count: Int, _ fraction: Double) -> Int {
      IsotropicTaskSpecific.ownDirections(side: side, count: count, fraction: fraction)
    }
    #expect(own(100, 2, 0.8) == 10)
    #expect(own(768, 8, 0.8) == 19)  // 154/8 = 19.25
    #expect(own(11, 3, 0.8) == 1)
    #expect(own(10, 2, 0.7) == 2)  // 3/2 = 1.5, to the even 2
    #expect(own(10, 2, 0.5) == 2)  // 5/2 = 2.5, to the even 2
    #expect(own(5, 3, 0) == 1)  // 5/3, of which three times 2 would be too many
    #expect(own(1, 3, 0.8) == 0)
    #expect(own(7, 2, 1) == 0)
  }

  // MARK: WUDI

  @Test(arguments: ["published", "closed_form"])
  func `wudi of one source is that source`(solver: String) throws {
    for shape in [Shape([7, 5]), [5, 7], [2, 30]] {
      let inputs = MethodInputs(shape, sources: 1)
      let merged = try inputs.merge(
        MethodVariant(id: "wudi", shared: ["solver": .string(solver)]), own: ["weight": [1]])
      #expect(distance(merged, inputs.sources[0]) <= Float(1).ulp)
    }
  }

  @Test func `wudi of changes on different inputs is their sum`() throws {
    var inputs = aroundZero([5, 8], sources: 2)
    for i in 0..<40 {
      if i % 8 < 4 { inputs.sources[0][i] = 0 } else { inputs.sources[1][i] = 0 }
    }
    for solver: JSON in ["published", "closed_form"] {
      let change = try changes(MethodVariant(id: "wudi", shared: ["solver": solver]), inputs)
      #expect(distance(change.values, zip(inputs.sources[0], inputs.sources[1]).map(+)) < 1e-7)
    }
  }

  /// The products of the normal equations, through H where the rows are many and through the
  /// changes' rows where they are few.
  @Test(arguments: [[9, 6], [2, 30], [40, 17]])
  func `the closed form solves its normal equations`(extents: [Int]) throws {
    let inputs = aroundZero(Shape(extents), sources: 3)
    let (m, c) = (extents[0], extents[1])
    let damping = 0.05
    let change = try changes(
      MethodVariant(
        id: "wudi", shared: ["solver": "closed_form", "damping": JSON(damping)]), inputs)
    let start = inputs.sources[0].indices.map { i in
      inputs.sources.reduce(0) { $0 + Double($1[i]) }
    }
    let squares = inputs.sources.map { $0.reduce(0) { $0 + Double($1) * Double($1) } }
    // (Δ − τ)·τᵀτ/‖τ‖² summed, plus μ·(Δ − Δ₀); the trace of H is the number of sources.
    let mu = damping * 3 / Double(c)
    for i in 0..<m {
      for j in 0..<c {
        var sum = mu * (Double(change[i, j]) - start[i * c + j])
        var scale = sum.magnitude
        for (tau, square) in zip(inputs.sources, squares) {
          for row in 0..<m {
            var product = 0.0
            for l in 0..<c {
              product += (Double(change[i, l]) - Double(tau[i * c + l])) * Double(tau[row * c + l])
            }
            sum += product * Double(tau[row * c + j]) / square
            scale += (product * Double(tau[row * c + j]) / square).magnitude
          }
        }
        #expect(sum.magnitude < 1e-5 * scale + 1e-8, "\(i), \(j): \(sum)")
      }
    }
  }

  @Test func `large damping is task arithmetic, and little is near the least interference`() throws
  {
    let inputs = aroundZero([9, 6], sources: 3)
    func interference(_ change: [Float]) -> Double {
      var loss = 0.0
      for tau in inputs.sources {
        let t = Matrix(rows: 9, columns: 6, values: tau)
        let away = Matrix(rows: 9, columns: 6, values: zip(change, tau).map { $0 - $1 })
        loss +=
          Matrix.product(away, t, transposingSecond: true).squaredNorm() / t.squaredNorm()
      }
      return loss
    }
    func closed(_ damping: Double) throws -> [Float] {
      try changes(
        MethodVariant(id: "wudi", shared: ["solver": "closed_form", "damping": JSON(damping)]),
        inputs
      ).values
    }
    let sum = inputs.sources[0].indices.map { i in inputs.sources.reduce(0) { $0 + $1[i] } }
    #expect(distance(try closed(1e8), sum) < 1e-6)
    let losses = try [1e-6, 0.01, 0.1, 1, 1e6].map { interference(try closed($0)) }
    for (less, more) in zip(losses, losses.dropFirst()) { #expect(less < more) }
    #expect(losses[0] < 0.8 * interference(sum))

    // The published steps go from the sum towards the same minimum.
    let short = try changes(MethodVariant(id: "wudi"), inputs).values
    #expect(interference(short) < interference(sum) && interference(short) > losses[0])
    let long = try changes(
      MethodVariant(id: "wudi", shared: ["steps": 20_000, "learning_rate": 1e-3]), inputs
    ).values
    #expect(interference(long) < 1.001 * losses[0])
    #expect(distance(long, try closed(1e-6)) < 0.05 * distance(sum, try closed(1e-6)))
  }

  @Test func `no step of Adam is longer than the learning rate allows`() throws {
    let inputs = aroundZero([6, 5], sources: 2)
    let start = zip(inputs.sources[0], inputs.sources[1]).map(+)
    let none = try changes(MethodVariant(id: "wudi", shared: ["steps": 0]), inputs)
    #expect(distance(none.values, start) < 1e-7)
    let one = try changes(
      MethodVariant(id: "wudi", shared: ["steps": 1, "learning_rate": 0.01]), inputs)
    for (moved, value) in zip(one.values, start) {
      #expect(((moved - value).magnitude - 0.01).magnitude < 1e-5)
    }
  }

  // MARK: All of them

  @Test(arguments: ids)
  func `vectors, embeddings and matrices of no elements get the mean of the changes`(
    id: String
  ) throws {
    for shape: Shape in [[5], [2, 3, 2], [], [0, 4]] {
      let inputs = MethodInputs(shape, sources: 2)
      let merged = try inputs.merge(
        MethodVariant(id: id, shared: ["lambda": 0.5]), own: ["weight": [1, 2]])
      for i in merged.indices {
        let (a, b) = (inputs.sources[0][i] - inputs.base[i], inputs.sources[1][i] - inputs.base[i])
        let mean = (Double(a) + 2 * Double(b)) / 2
        #expect(merged[i] == Float(Double(inputs.base[i]) + 0.5 * mean))
      }
    }
  }

  @Test(arguments: ids)
  func `an embedding is merged as a matrix only when asked`(id: String) throws {
    let inputs = MethodInputs([8, 5], sources: 2)
    func merge(isVocabulary: Bool, vocabulary: JSON) throws -> [Float] {
      let method = try MethodVariant(id: id, shared: ["vocabulary": vocabulary]).make(
        own: ["weight": [1, 1]])
      let plain = try inputs.group(hasBase: true)
      let group = TensorGroup(
        name: "w", shape: plain.shape, base: plain.base, sources: plain.sources,
        isVocabulary: isVocabulary)
      let reader = try Merge.reader(method, group, as: .float32)
      var values = [Float](repeating: 0, count: 40)
      try values.withMutableChunk { try reader.read(from: 0, into: $0) }
      return values
    }
    let averaged = try merge(isVocabulary: true, vocabulary: false)
    let mean = inputs.base.indices.map { i in
      inputs.base[i]
        + Float(inputs.sources.reduce(0) { $0 + Double($1[i] - inputs.base[i]) } / 2)
    }
    #expect(distance(averaged, mean) <= Float(1).ulp)
    let matrix = try merge(isVocabulary: false, vocabulary: false)
    #expect(try merge(isVocabulary: true, vocabulary: true) == matrix && matrix != averaged)
  }

  @Test func `the planner says which tensors are embeddings and heads`() throws {
    func merge(_ vocabulary: Bool) throws -> [String: [Float]] {
      let recipe = MergeRecipe(
        method: "iso_c", models: [.init("ct"), .init("sft")], baseModel: "base",
        parameters: ["vocabulary": JSON(vocabulary)])
      let merged = try Merge.plan(recipe) { name in
        try Checkpoint.open(
          directory: golden("merge").appendingPathComponent("models/\(name)").path)
      }
      return try Dictionary(
        uniqueKeysWithValues: merged.names.map { ($0, try merged.floats($0)) })
    }
    let (averaged, whole) = (try merge(false), try merge(true))
    let differing = averaged.filter { $0.value != whole[$0.key] }.map(\.key)
    #expect(differing.contains("model.embed_tokens.weight"))
    #expect(differing.allSatisfy { $0.contains("embed_tokens") || $0.contains("lm_head") })
  }

  @Test(arguments: ids)
  func `sources without change in a matrix leave the base, beside others they do not spoil it`(
    id: String
  ) throws {
    var inputs = MethodInputs([6, 5], sources: 3)
    inputs.sources[1] = inputs.base
    for solver: JSON in ["published", "closed_form"] where id == "wudi" || solver == "published" {
      let shared: [String: JSON] = id == "wudi" ? ["solver": solver] : [:]
      let merged = try inputs.merge(MethodVariant(id: id, shared: shared))
      #expect(merged.allSatisfy { $0.isFinite } && merged != inputs.base)
      var none = inputs
      none.sources = none.sources.map { _ in none.base }
      #expect(try none.merge(MethodVariant(id: id, shared: shared)) == inputs.base)
    }
  }

  @Test(arguments: ids)
  func `a number that is not finite names tensor, element and model`(id: String) throws {
    for value in [Float.nan, .infinity] {
      var inputs = MethodInputs([6, 5], sources: 2)
      inputs.sources[1][7] = value
      let plain = try inputs.group(hasBase: true)
      let group = TensorGroup(
        name: "model.w", shape: plain.shape, base: plain.base, sources: plain.sources,
        origins: ["base", "one", "two"])
      let method = try MethodVariant(id: id).make(own: ["weight": [1, 1]])
      #expect(
        throws: CheckpointError.notFinite(
          tensor: "model.w", index: 7, value: "\(value)", origin: "two")
      ) { try Merge.reader(method, group, as: .float32) }
    }
  }

  @Test func `a failed decomposition names tensor, method and models`() throws {
    let inputs = MethodInputs([3, 2], sources: 1)
    let plain = try inputs.group(hasBase: true)
    let group = TensorGroup(
      name: "model.w", shape: plain.shape, base: plain.base, sources: plain.sources,
      origins: ["base", "one"])
    let family = try MatrixMerge(weights: [1], lambda: 1, vocabulary: false)
    var sink = TensorSink()
    let expected = Diagnosis(
      what: "`iso_c` cannot merge the tensor `model.w` of shape [3, 2]: the QL iteration of a "
        + "matrix of 2 × 2 did not converge in 60 steps.",
      where: "base and one", next: "Merge with another method, such as `task_arithmetic`.",
      kind: .failed)
    #expect(throws: CheckpointError.operation(expected)) {
      try family.merge(group, into: &sink, method: "iso_c") { _ in
        throw LinearAlgebraError.noConvergence(
          algorithm: "the QL iteration", rows: 2, columns: 2, iterations: 60)
      }
    }
  }

  private static let wrong: [(String, [String: JSON], String)] = [
    ("tsv_m", ["lambda": .string("nan")], "lambda"),
    ("iso_cts", ["common_space_fraction": 1.5], "common_space_fraction"),
    ("iso_cts", ["common_space_fraction": -0.1], "common_space_fraction"),
    ("wudi", ["solver": "exact"], "solver"), ("wudi", ["steps": 2_000_000], "steps"),
    ("wudi", ["learning_rate": 0], "learning_rate"), ("wudi", ["damping": 0], "damping"),
    ("wudi", ["damping": 1e9], "damping"),
  ]

  @Test(arguments: wrong)
  func `parameters out of range are errors that name them`(
    id: String, shared: [String: JSON], name: String
  ) throws {
    if name == "lambda" {
      var parameters = TaskSingularVectors.Parameters()
      parameters.lambda = .nan
      #expect(throws: MergeError.self) { try TaskSingularVectors(parameters) }
      parameters.lambda = 1
      parameters.weights = [.infinity]
      #expect(throws: MergeError.self) { try TaskSingularVectors(parameters) }
      return
    }
    do {
      _ = try MethodVariant(id: id, shared: shared).make()
      Issue.record("accepted")
    } catch let error as MergeError {
      guard case .parameter(let found, _, _) = error else { throw error }
      #expect(found == name)
    }
  }

  @Test func `slerp goes on beyond the two models`() throws {
    let inputs = MethodInputs([2], base: [1, 0], sources: [[0, 1]])
    let beyond = try inputs.merge(MethodVariant(id: "slerp", shared: ["t": 2]))
    #expect(distance(beyond, [-1, 0]) < 1e-6)
    let before = try inputs.merge(MethodVariant(id: "slerp", shared: ["t": -1]))
    #expect(distance(before, [0, -1]) < 1e-6)
    var parameters = Slerp.Parameters()
    parameters.t = .infinity
    #expect(throws: MergeError.parameter("t", value: "inf", expected: "a finite number")) {
      try Slerp(parameters)
    }
  }
}
