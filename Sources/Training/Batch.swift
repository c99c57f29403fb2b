// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Models

  /// Windows as arrays: B windows of T + 1 tokens become inputs and targets of (B, T).
  struct Batch {
    let ids: DeviceArray
    let targets: DeviceArray
    let weights: DeviceArray
    let segments: DeviceArray
    /// Σ weight
    let weightSum: Double
    /// Targets of a weight other than 0.
    let trainedTokens: Int
    /// B · T
    let seenTokens: Int

    /// - Throws: `ModelError.idOutOfRange`; ids are checked here because MLX does not.
    /// - Precondition: the windows are equally long and their parts fit.
    init(_ windows: [Window], vocabularySize: Int) throws {
      let length = windows[0].weights.count  // T
      var inputs: [Int32] = []
      var nexts: [Int32] = []
      var allWeights: [Float] = []
      var inputSegments: [Int32] = []
      for window in windows {
        precondition(window.tokens.count == length + 1 && window.segments.count == length + 1)
        for id in window.tokens where id < 0 || id >= vocabularySize {
          throw ModelError.idOutOfRange(id: Int(id), vocabularySize: vocabularySize)
        }
        inputs.append(contentsOf: window.tokens.dropLast())
        nexts.append(contentsOf: window.tokens.dropFirst())
        inputSegments.append(contentsOf: window.segments.dropLast())
        allWeights.append(contentsOf: window.weights)
      }
      let shape = [windows.count, length]
      ids = try DeviceArray(inputs, shape: shape)
      targets = try DeviceArray(nexts, shape: shape)
      weights = try DeviceArray(allWeights, shape: shape)
      segments = try DeviceArray(inputSegments, shape: shape)
      weightSum = allWeights.reduce(0) { $0 + Double($1) }
      trainedTokens = allWeights.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
      seenTokens = inputs.count
    }
  }
#endif
