// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Tensors
  import Testing

  @testable import Training

  /// Fisher information and Gram matrices of tiny models.
  struct TextStatisticsTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden")
    static let names = ["llama-plain", "llama-rich"]

    /// A folder for one test, removed with it.
    private final class Folder {
      let path = FileManager.default.temporaryDirectory
        .appending(path: "koine-statistics-\(UUID().uuidString)").path
      deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private let folder = Folder()

    private func checkpoint(_ name: String) throws -> Checkpoint {
      try Checkpoint.open(directory: Self.golden.appending(path: "models/\(name)").path)
    }

    private func values(_ file: String, _ name: String) throws -> JSON {
      let path = Self.golden.appending(path: "statistics/\(file).json")
      return try #require(
        JSON.parse(Data(contentsOf: path), origin: file)["models"]?[name])
    }

    private func sample(_ rows: [[Int32]]) -> SampleText {
      SampleText(
        windows: rows.map { tokens in
          Window(
            tokens: tokens, weights: [Float](repeating: 1, count: tokens.count - 1),
            segments: [Int32](repeating: 0, count: tokens.count))
        }, length: rows[0].count - 1, textHash: "t", seed: 0)
    }

    private func sample(_ values: JSON) throws -> SampleText {
      let rows = try #require(values["sequences"]?.array)
      return sample(rows.map { ($0.array ?? []).compactMap { $0.int.map { Int32($0) } } })
    }

    private func statistics(
      _ name: String, _ sample: SampleText, _ options: TextStatistics.Options,
      kernels: Kernels = .best, to file: String = "s"
    ) throws -> ModelStatistics {
      let statistics = try TextStatistics(
        of: checkpoint(name), name: name, options: options, kernels: kernels)
      _ = try statistics.write(sample, to: "\(folder.path)/\(file)")
      return try ModelStatistics.open("\(folder.path)/\(file)")
    }

    private func floats(_ statistics: ModelStatistics, _ tensor: String) throws -> [Float] {
      let source = try #require(statistics.source(of: tensor))
      var values = [Float](repeating: .nan, count: source.info.shape.elementCount)
      let reader = try source.prepare()
      try values.withMutableChunk { try reader.read(from: 0, into: $0) }
      return values
    }

    /// Compares shape, sum, norm and some elements; elements relative to themselves, or where they
    /// are nearly nothing to the root mean square.
    private func compare(_ found: ModelStatistics, _ tensor: String, _ expected: JSON) throws {
      let values = try floats(found, tensor).map { Double($0) }
      let shape = (expected["shape"]?.array ?? []).compactMap(\.int)
      #expect(found.shape(of: tensor)?.extents == shape, "\(tensor)")
      let (sum, norm) = (
        values.reduce(0, +), values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      )
      let goldenNorm = try #require(expected["norm"]?.double)
      #expect(abs(norm / goldenNorm - 1) < 1e-4, "\(tensor)")
      let goldenSum = try #require(expected["sum"]?.double)
      #expect(abs(sum - goldenSum) <= 1e-4 * values.reduce(0) { $0 + abs($1) }, "\(tensor)")
      let typical = goldenNorm / Double(max(1, values.count)).squareRoot()
      for pair in expected["elements"]?.array ?? [] {
        let place = try #require(pair.array?.first?.int)
        let value = try #require(pair.array?.last?.double)
        #expect(
          abs(values[place] - value) <= 1e-4 * max(abs(value), 0.01 * typical),
          "\(tensor) at \(place)")
      }
    }

    // MARK: Golden values

    @Test(arguments: names, [Kernels.fused, .plain])
    func `fisher information equals PyTorch's squared gradients`(
      name: String, kernels: Kernels
    ) throws {
      let values = try values("fisher", name)
      let found = try statistics(name, try sample(values), .init(.fisher), kernels: kernels)
      let tensors = try #require(values["tensors"]?.object)
      #expect(found.kind == .fisher && found.names == tensors.keys.sorted())
      for (tensor, expected) in tensors.members { try compare(found, tensor, expected) }
      #expect(abs(found.norm / (values["norm"]?.double ?? 0) - 1) < 1e-4)
      #expect(found.provenance.exampleCount == 5 && found.provenance.tokenCount == 60)
      #expect(found.provenance.model == name && found.provenance.labels == "text")
    }

    @Test(arguments: names, [Kernels.fused, .plain])
    func `gram matrices equal those of hooks on transformers`(
      name: String, kernels: Kernels
    ) throws {
      let values = try values("gram", name)
      let found = try statistics(name, try sample(values), .init(.gram), kernels: kernels)
      let layers = try #require(values["layers"]?.object)
      #expect(found.kind == .gram && found.names == layers.keys.sorted())
      for (layer, expected) in layers.members { try compare(found, layer, expected) }
      for layer in layers.keys {
        let matrix = try floats(found, layer)
        let size = try #require(found.shape(of: layer))[0]
        // A BLAS may sum the two halves in other orders; our own products do not.
        let slack: Float = kernels == .fused ? 0 : 1e-5
        for i in 0..<size {
          for j in 0..<i {
            let length = (matrix[i * size + i] * matrix[j * size + j]).squareRoot()
            #expect(abs(matrix[i * size + j] - matrix[j * size + i]) <= slack * length)
          }
        }
      }
    }

    // MARK: Other ways to the same numbers

    @Test func `fisher information equals finite differences of the likelihood`() throws {
      let name = "llama-rich"
      let start = try checkpoint(name)
      let rows: [[Int32]] = [[5, 9, 2, 2, 31, 7], [1, 60, 14, 3, 3, 8]]
      let found = try statistics(name, sample(rows), .init(.fisher))
      func likelihood(_ row: [Int32], _ tensor: String, _ place: Int, _ change: Float) throws
        -> Double
      {
        let tensors = try start.names.map {
          other -> (name: String, shape: Shape, values: [Float]) in
          var values = try start.floats(other)
          if other == tensor { values[place] += change }
          return (other, try #require(start.info(other)).shape, values)
        }
        let model = try Model(
          Checkpoint.inMemory(config: start.config, tensors: tensors), kernels: .plain)
        let logits = try model.logits(Array(row.dropLast()))
        return zip(logits, row.dropFirst()).reduce(0) { sum, pair in
          let line = pair.0.map { Double($0) }
          let peak = line.max() ?? 0
          let total = line.reduce(0) { $0 + exp($1 - peak) }
          return sum + line[Int(pair.1)] - peak - log(total)
        }
      }
      for (tensor, place) in [
        ("model.layers.0.self_attn.q_proj.weight", 3), ("model.layers.1.mlp.down_proj.weight", 17),
        ("model.norm.weight", 5), ("lm_head.weight", 9 * 24 + 4),
        ("model.embed_tokens.weight", 5 * 24 + 1), ("model.layers.1.self_attn.v_proj.bias", 2),
      ] {
        var mean = 0.0
        for row in rows {
          let step: Float = 0x1p-6
          let slope =
            (try likelihood(row, tensor, place, step) - likelihood(row, tensor, place, -step))
            / Double(2 * step)
          mean += slope * slope / Double(rows.count)
        }
        let value = Double(try floats(found, tensor)[place])
        // Central differences in float32: a few thousandths.
        #expect(abs(value - mean) <= 2e-2 * mean + 1e-6, "\(tensor): \(value) and \(mean)")
      }
    }

    @Test func `fisher information is the mean over sequences, not over tokens`() throws {
      let rows: [[Int32]] = [[5, 9, 2, 2, 31, 7], [1, 60, 14, 3, 3, 8], [7, 7, 7, 1, 2, 3]]
      let all = try statistics("llama-plain", sample(rows), .init(.fisher), to: "all")
      let each = try rows.enumerated().map {
        try statistics("llama-plain", sample([$1]), .init(.fisher), to: "\($0)")
      }
      for tensor in all.names {
        let parts = try each.map { try floats($0, tensor) }
        for (i, value) in try floats(all, tensor).enumerated() {
          let mean = (Double(parts[0][i]) + Double(parts[1][i]) + Double(parts[2][i])) / 3
          #expect(abs(Double(value) - mean) <= 1e-6 * mean + 1e-40)
        }
      }
    }

    @Test func `sampled labels follow the seed and the model's predictions`() throws {
      let rows: [[Int32]] = [[5, 9, 2, 2, 31, 7], [1, 60, 14, 3, 3, 8]]
      func run(_ seed: UInt64, _ file: String, _ labels: TextStatistics.Options.Labels) throws
        -> [Float]
      {
        let found = try statistics(
          "llama-plain", sample(rows), .init(.fisher, labels: labels, seed: seed), to: file)
        #expect(found.provenance.labels == labels.rawValue)
        return try floats(found, "model.norm.weight")
      }
      let first = try run(1, "a", .sampled)
      #expect(try run(1, "b", .sampled) == first)
      #expect(try run(2, "c", .sampled) != first)
      #expect(try run(1, "d", .text) != first)
      // Frequencies of many draws from one prediction.
      let start = try checkpoint("llama-plain")
      let logits = try Model(start).logits([5])[0]
      let loss = try LossFunction(config: start.config)
      let drawn: [Int32] = try Engine.run {
        let parameters = try Parameters(loading: start)
        let id = try DeviceArray([5] as [Int32], shape: [1, 1])
        let segment = try DeviceArray([0] as [Int32], shape: [1, 1])
        return try (0..<400).flatMap { draw in
          try loss.sampleTargets(parameters, ids: id, segments: segment) { _ in
            (Double(draw) + 0.5) / 400
          }
        }
      }
      let peak = logits.max() ?? 0
      let total = logits.reduce(0) { $0 + exp(Double($1 - peak)) }
      for token in 0..<61 {
        let expected = exp(Double(logits[token] - peak)) / total
        let share = Double(drawn.count { $0 == Int32(token) }) / 400
        #expect(abs(share - expected) <= 1.0 / 400 + 1e-9)
      }
    }

    // MARK: The same bytes

    private func bytes(_ file: String) throws -> Data {
      try Data(contentsOf: URL(filePath: "\(folder.path)/\(file)/statistics.safetensors"))
    }

    @Test(arguments: [ModelStatistics.Kind.fisher, .gram])
    func `the bytes depend neither on threads nor on how much memory there is`(
      kind: ModelStatistics.Kind
    ) throws {
      let text = try sample(values("gram", "llama-rich"))
      _ = try statistics("llama-rich", text, .init(kind), to: "a")
      Engine.setThreads(1)
      defer { Engine.setThreads(Parallel.processorCount) }
      _ = try statistics("llama-rich", text, .init(kind, memoryByteLimit: 1), to: "b")
      #expect(try bytes("a") == bytes("b"))
    }

    @Test func `the plan says what is written, and in how many passes`() throws {
      let start = try checkpoint("llama-rich")
      let fisher = try TextStatistics(of: start, name: "m", options: .init(.fisher)).plan()
      #expect(fisher.byteCount == 4 * start.parameterCount && fisher.passCount == 1)
      #expect(fisher.tensorCount == start.names.count)
      // Two layers with four inputs each, and the head's.
      let gram = try TextStatistics(of: start, name: "m", options: .init(.gram)).plan()
      #expect(gram.tensorCount == 9 && gram.passCount == 1)
      #expect(gram.byteCount == 4 * (2 * (24 * 24 + 40 * 40 + 24 * 24 + 40 * 40) + 24 * 24))
      let narrow = try TextStatistics(
        of: start, name: "m", options: .init(.gram, memoryByteLimit: 8 * 1600 + 8 * 576)
      ).plan()
      #expect(narrow.passCount == 5)
    }

    @Test func `progress counts every sequence of every pass`() throws {
      let text = try sample(values("gram", "llama-plain"))
      let statistics = try TextStatistics(
        of: checkpoint("llama-plain"), name: "m", options: .init(.gram, memoryByteLimit: 1))
      var seen: [[Int]] = []
      _ = try statistics.write(text, to: "\(folder.path)/s") { seen.append([$0, $1]) }
      #expect(seen == (0..<40).map { [$0, 40] })
    }

    // MARK: What cannot be

    private struct Stop: Error {}

    @Test(arguments: [ModelStatistics.Kind.fisher, .gram])
    func `work that is stopped leaves nothing`(kind: ModelStatistics.Kind) throws {
      let text = try sample(values("gram", "llama-plain"))
      let statistics = try TextStatistics(
        of: checkpoint("llama-plain"), name: "m", options: .init(kind))
      #expect(throws: Stop.self) {
        _ = try statistics.write(text, to: "\(folder.path)/s") { done, _ in
          if done == 2 { throw Stop() }
        }
      }
      let left = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      #expect(left.isEmpty)
    }

    @Test func `a folder that is there is refused before any text is read`() throws {
      let text = try sample(values("gram", "llama-plain"))
      let statistics = try TextStatistics(
        of: checkpoint("llama-plain"), name: "m", options: .init(.gram))
      _ = try statistics.write(text, to: "\(folder.path)/s")
      #expect(throws: CheckpointError.self) {
        _ = try statistics.write(text, to: "\(folder.path)/s") { _, _ in
          Issue.record("text was read")
        }
      }
    }

    @Test func `sequences longer than the model's positions are refused`() throws {
      let statistics = try TextStatistics(
        of: checkpoint("llama-plain"), name: "m", options: .init(.gram))
      #expect(throws: StatisticsError.length(65, limit: 64)) {
        _ = try statistics.write(
          sample([[Int32](repeating: 1, count: 66)]), to: "\(folder.path)/s")
      }
    }

    @Test func `a model of an unknown kind is refused by name`() throws {
      var config = try checkpoint("llama-plain").config
      config["model_type"] = "mamba"
      let strange = try checkpoint("llama-plain").replacing(config: config)
      #expect(throws: (any Error).self) {
        _ = try TextStatistics(of: strange, name: "m", options: .init(.fisher))
      }
    }
  }
#endif
