// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  extension Engine {
    /// Runs `body` on so many threads, perhaps without the widest vectors; nobody else computes then.
    static func run<Result>(
      threads: Int, isNarrow: Bool, _ body: () throws -> Result
    ) throws -> Result {
      try run {
        setThreads(threads)
        limitInstructionSet(isNarrow)
        defer {
          setThreads(ProcessInfo.processInfo.activeProcessorCount)
          limitInstructionSet(false)
        }
        return try body()
      }
    }
  }

  /// Operators over weights as checkpoints store them.
  struct StoredWeightTests {
    static let types: [ElementType] = [.float32, .bfloat16, .float16]

    private func numbers(_ name: String, _ count: Int, scale: Double = 1) -> [Float] {
      let random = CounterRandom(seed: 12, stream: name)
      return (0..<count).map { Float(scale * random.normal(at: $0)) }
    }

    /// A matrix as stored, and the same numbers as float32.
    private func matrix(
      _ name: String, _ shape: [Int], _ type: ElementType, scale: Double = 1
    ) throws -> (stored: DeviceArray, widened: DeviceArray) {
      let checkpoint = try Checkpoint.inMemory(
        config: .object(JSONObject()),
        tensors: [("w", Shape(shape), numbers(name, shape.reduce(1, *), scale: scale))],
        elementType: type)
      return (
        try Parameters(storedIn: checkpoint)["w"], try Parameters(loading: checkpoint)["w"]
      )
    }

    private func compare(_ found: [Float], _ expected: [Float], tolerance: Float = 2e-5) {
      #expect(found.count == expected.count)
      let scale = max(1, expected.reduce(0) { max($0, abs($1)) })
      let worst = zip(found, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= tolerance * scale, "off by \(worst) of \(scale)")
    }

    @Test(
      arguments: types,
      [(1, 1, 1), (1, 576, 37), (2, 33, 9), (5, 100, 40), (8, 64, 13), (16, 47, 50), (17, 47, 50)]
        + [(200, 96, 70)])
    func `products with stored weights equal the plain ones, and widened weights to the bit`(
      type: ElementType, sizes: (rows: Int, width: Int, outputs: Int)
    ) throws {
      try Engine.run {
        let x = try DeviceArray(
          numbers("x", sizes.rows * sizes.width), shape: [sizes.rows, sizes.width])
        let a = try matrix("a", [sizes.outputs, sizes.width], type)
        let b = try matrix("b", [sizes.outputs + 5, sizes.width], type)
        let fused = try Kernels.fused.linear(x, [a.stored, b.stored]).map { try $0.floats() }
        let widened = try Kernels.fused.linear(x, [a.widened, b.widened]).map { try $0.floats() }
        #expect(fused == widened)
        let plain = try Kernels.plain.linear(x, [a.stored, b.stored]).map { try $0.floats() }
        for (one, other) in zip(fused, plain) { compare(one, other) }
      }
    }

    @Test func `a row's product does not depend on the rows beside it, up to sixteen`() throws {
      try Engine.run {
        let w = try matrix("w", [301, 130], .bfloat16).stored
        let x = numbers("x", 16 * 130)
        let alone = try (0..<16).flatMap { row in
          try Kernels.fused.linear(
            DeviceArray(Array(x[row * 130..<(row + 1) * 130]), shape: [1, 130]), [w])[0].floats()
        }
        for rows in [2, 3, 7, 8, 11, 16] {
          let together = try Kernels.fused.linear(
            DeviceArray(Array(x[..<(rows * 130)]), shape: [rows, 130]), [w])[0].floats()
          #expect(together == Array(alone[..<(rows * 301)]))
        }
      }
    }

    @Test func `neither threads nor the vector width show in the bits`() throws {
      var results: Set<[Float]> = []
      for (threads, isNarrow) in [(1, false), (2, false), (5, false), (1, true), (3, true)] {
        results.insert(
          try Engine.run(threads: threads, isNarrow: isNarrow) {
            let w = try matrix("w", [1100, 70], .bfloat16, scale: 0.3).stored
            var numbers: [Float] = []
            for rows in [1, 6, 130] {
              let x = try DeviceArray(self.numbers("x", rows * 70), shape: [rows, 70])
              numbers += try Kernels.fused.linear(x, [w])[0].floats()
              let targets = try DeviceArray((0..<rows).map { Int32($0) }, shape: [rows])
              let ones = try DeviceArray([Float](repeating: 1, count: rows), shape: [rows])
              numbers += try Kernels.fused.likelihood(x, w, targets: targets, weights: ones)
                .loss.floats()
            }
            return numbers
          })
      }
      #expect(results.count == 1)
    }

    @Test(arguments: types, [nil, 2.5 as Float?])
    func `likelihoods and best words equal the plain ones`(type: ElementType, cap: Float?) throws {
      for (rows, width, words) in [(1, 24, 61), (16, 64, 1500), (130, 40, 1029)] {
        try Engine.run {
          let x = try DeviceArray(numbers("x", rows * width), shape: [rows, width])
          let w = try matrix("w", [words, width], type, scale: 0.3).stored
          let targets = try DeviceArray(
            (0..<rows).map { Int32(($0 * 7919) % words) }, shape: [rows])
          let factors = (0..<rows).map { Float($0 % 4 == 3 ? 0 : 1) }
          let weights = try DeviceArray(factors, shape: [rows])
          let fused = try Kernels.fused.likelihood(
            x, w, targets: targets, weights: weights, softcap: cap)
          let plain = try Kernels.plain.likelihood(
            x, w, targets: targets, weights: weights, softcap: cap)
          compare(try fused.loss.floats(), try plain.loss.floats())
          let (best, expected) = (try fused.best.integers(), try plain.best.integers())
          for row in 0..<rows where factors[row] != 0 { #expect(best[row] == expected[row]) }
        }
      }
    }

    @Test func `a target that is no word is refused`() throws {
      #expect(throws: ModelError.self) {
        try Engine.run {
          let w = try matrix("w", [7, 4], .bfloat16).stored
          _ = try Kernels.fused.likelihood(
            DeviceArray(numbers("x", 4), shape: [1, 4]), w,
            targets: DeviceArray([7 as Int32], shape: [1]),
            weights: DeviceArray([1 as Float], shape: [1])
          ).loss.floats()
        }
      }
    }

    @Test(arguments: types)
    func `rows of a stored table are widened exactly`(type: ElementType) throws {
      try Engine.run {
        let table = try matrix("t", [19, 13], type)
        let ids = try DeviceArray([3, 0, 18, 3] as [Int32], shape: [4])
        let found = try Kernels.fused.embedding(ids, table.stored).floats()
        #expect(try found == Kernels.plain.embedding(ids, table.widened).floats())
      }
    }

    @Test(arguments: types)
    func `gradients through stored weights are those of the widened ones`(type: ElementType) throws
    {
      try Engine.run {
        let (first, second) = (try matrix("w", [5, 4], type), try matrix("v", [7, 4], type))
        let table = try matrix("t", [9, 4], type)
        let ids = try DeviceArray([3, 0, 8] as [Int32], shape: [3])
        let scales = try DeviceArray(numbers("s", 36), shape: [3, 12])
        var all: [[[Float]]] = []
        for weights in [
          [first.stored, second.stored, table.stored],
          [first.widened, second.widened, table.widened],
        ] {
          let found = try valueAndGradient(of: weights) { inputs in
            let x = try Kernels.fused.embedding(ids, inputs[2])
            let y = try Kernels.fused.linear(x, [inputs[0], inputs[1]])
            return [try sum(multiply(concatenate(y, axis: 1), scales))]
          }
          all.append(
            try found.gradients.map {
              try $0.withFloats { Array(UnsafeBufferPointer(start: $0, count: $1)) }
            })
        }
        #expect(all[0] == all[1])
        #expect(all[0].allSatisfy { $0.contains { $0 != 0 } })
      }
    }

    // MARK: - Loading

    /// A folder with the golden model's weights in another type.
    private func folder(_ type: ElementType, change: (inout [Float]) -> Void = { _ in }) throws
      -> URL
    {
      let golden = try Golden("llama-rich").checkpoint
      let url = FileManager.default.temporaryDirectory.appending(path: "koine-\(UUID())")
      let tensors = try golden.names.map { name in
        var values = try golden.floats(name)
        if name == "model.layers.1.mlp.up_proj.weight" { change(&values) }
        return (name: name, shape: golden.info(name)!.shape, values: values)
      }
      try CheckpointWriter.write(
        Checkpoint.inMemory(config: golden.config, tensors: tensors, elementType: type),
        to: url.path)
      return url
    }

    @Test(arguments: types)
    func `answers are the same bits, whether weights stay as stored or are widened`(
      type: ElementType
    ) throws {
      let folder = try folder(type)
      defer { try? FileManager.default.removeItem(at: folder) }
      let checkpoint = try Checkpoint.open(directory: folder.path)
      let ids = (0..<40).map { Int32($0 * 7 % 60) }
      let stored = try Model(checkpoint)
      let widened = try Model(checkpoint, weights: .float32)
      #expect(try stored.logits(ids) == widened.logits(ids))
      let requests = [
        ScoringRequest(ids: ids, start: 3), ScoringRequest(ids: [1, 2, 3], start: 1),
      ]
      #expect(try stored.score(requests, greedy: true) == widened.score(requests, greedy: true))
      let options = GenerationOptions(maximumTokens: 9)
      #expect(
        try stored.generate(after: [1, 2], options: options)
          == widened.generate(after: [1, 2], options: options))
    }

    @Test(arguments: types)
    func `a weight that is not finite is found where it is stored`(type: ElementType) throws {
      let folder = try folder(type) { $0[77] = .infinity }
      defer { try? FileManager.default.removeItem(at: folder) }
      let checkpoint = try Checkpoint.open(directory: folder.path)
      do {
        _ = try Model(checkpoint)
        Issue.record("a model with an infinite weight was loaded")
      } catch let error as CheckpointError {
        guard case .notFinite(let tensor, let index, let value, _) = error else { throw error }
        #expect(tensor == "model.layers.1.mlp.up_proj.weight")
        #expect(index == 77)
        #expect(value == "inf")
      }
    }

    @Test func `tensors at odd addresses are copied, others stay in the file`() throws {
      let folder = try folder(.bfloat16)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appending(path: "model.safetensors")
      let bytes = try Data(contentsOf: file)
      let ids: [Int32] = [5, 4, 3, 2]
      let even = try Model(Checkpoint.open(directory: folder.path)).logits(ids)
      // One more space in the header moves every tensor by a byte.
      let length = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      var odd = withUnsafeBytes(of: (length + 1).littleEndian) { Data($0) }
      odd += bytes[8..<8 + Int(length)] + Data(" ".utf8) + bytes[(8 + Int(length))...]
      try odd.write(to: file, options: .atomic)
      let checkpoint = try Checkpoint.open(directory: folder.path)
      let name = "model.embed_tokens.weight"
      #expect(try checkpoint.place(name)?.isAligned == false)
      #expect(try Model(checkpoint).logits(ids) == even)
    }

    @Test func `the model outlives the checkpoint it was loaded from, and its files' names`() throws
    {
      let folder = try folder(.bfloat16)
      let model = try Model(Checkpoint.open(directory: folder.path))
      let before = try model.logits([1, 2, 3])
      try FileManager.default.removeItem(at: folder)
      #expect(try model.logits([1, 2, 3]) == before)
    }
  }
#endif
