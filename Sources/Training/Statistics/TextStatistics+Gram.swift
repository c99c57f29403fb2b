// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Models
  import Tensors

  extension TextStatistics {
    /// For every linear layer XᵀX/N of its inputs X (N, n) at all N tokens.
    ///
    /// Layers that share an input (queries, keys and values; gate and up) share a matrix, stored
    /// under the first one's name. A head that is the embedding has none, for the embedding is no
    /// linear layer.
    ///
    /// - Source: Jin et al. 2023, arXiv:2212.09849, section 3.
    /// - Departs: the mean over tokens where the paper has the sum, so that models may have seen
    ///   different amounts of text; weights can say otherwise.
    func writeGrams(
      _ text: SampleText, _ parameters: Parameters, _ provenance: ModelStatistics.Provenance,
      to directory: String, _ progress: (Int, Int) throws -> Void
    ) throws {
      let inputs = try linearInputs()
      var homes: [String: String] = [:]
      for input in inputs { for layer in input.layers { homes[layer] = input.name } }
      let writer = try StatisticsWriter(
        .gram, provenance, homes: homes,
        entries: inputs.map { .init($0.name, [$0.size, $0.size]) }, to: directory,
        force: options.force, shardByteLimit: options.shardByteLimit)
      defer { writer.discard() }
      let groups = groups(of: inputs)
      var done = 0
      for group in groups {
        let sums = Dictionary(
          uniqueKeysWithValues: group.map {
            (inputs[$0].name, RunningSums(count: inputs[$0].elementCount))
          })
        for window in text.windows {
          try progress(done, groups.count * text.windows.count)
          done += 1
          let batch = try Batch([window], vocabularySize: vocabularySize)
          try loss.observeLinearInputs(
            parameters, ids: batch.ids, segments: batch.segments
          ) { layers, input in
            // Computed layer by layer; what no layer of the group needs is never computed.
            guard let sum = sums[layers[0]] else { return }
            try loss.gram(input).withFloats { pointer, count in
              if let place = PlainMemory.firstNonFinite(pointer, count) {
                throw ModelError.notFinite(name: "input of \(layers[0])", index: place)
              }
              sum.add(FloatChunk(pointer: pointer, count: count))
            }
          }
        }
        for index in group {
          guard let sum = sums[inputs[index].name] else { continue }
          try writer.write(
            inputs[index].name, sum.scaled(by: 1 / Double(max(1, text.tokenCount))))
        }
      }
      try writer.commit()
    }

    /// The inputs, by their positions, whose sums are in memory together.
    func groups(of inputs: [LinearInput]) -> [[Int]] {
      var groups: [[Int]] = []
      var filled = 0
      for (index, input) in inputs.enumerated() {
        let need = 8 * input.elementCount
        if groups.isEmpty || filled + need > options.memoryByteLimit {
          groups.append([])
          filled = 0
        }
        groups[groups.count - 1].append(index)
        filled += need
      }
      return groups
    }
  }
#endif
