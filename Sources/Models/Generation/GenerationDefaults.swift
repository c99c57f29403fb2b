// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What a model's `generation_config.json` (or, before transformers 4.26, its `config.json`)
/// recommends.
///
/// Keys that are absent or null take the defaults of transformers 5.23: greedy; where `do_sample`
/// is true, temperature 1 and the 50 likeliest tokens.
public struct GenerationDefaults: Equatable, Sendable {
  /// With the stop ids of `eos_token_id`, and greedy where `do_sample` is not true.
  public var options: GenerationOptions
  /// The temperature the file names even where it does not sample; 1 where it names none.
  public var samplingTemperature: Double
  /// Keys of the file that transformers would act on and Koine does not; say so to people.
  public var ignoredKeys: [String] = []

  /// What Koine does not do, with the value at which it does nothing.
  private static let undone: [(key: String, neutral: Double?)] = [
    ("num_beams", 1), ("max_length", nil), ("no_repeat_ngram_size", 0), ("min_length", 0),
    ("typical_p", 1),
    ("top_h", nil), ("epsilon_cutoff", 0), ("eta_cutoff", 0), ("penalty_alpha", 0),
    ("guidance_scale", 1), ("bad_words_ids", nil), ("suppress_tokens", nil),
    ("begin_suppress_tokens", nil), ("forced_bos_token_id", nil), ("forced_eos_token_id", nil),
    ("sequence_bias", nil), ("exponential_decay_length_penalty", nil),
  ]

  /// Greedy, without stop ids.
  public init() {
    options = GenerationOptions()
    samplingTemperature = 1
  }

  /// Reads either file; keys that are not about generation are left alone.
  ///
  /// - Parameter file: for messages.
  /// - Throws: `ModelError.configuration` for a value that cannot be.
  public init(json: JSON, file: String) throws(ModelError) {
    guard json.object != nil else {
      throw .configuration(
        key: "the file", expected: "an object", found: json.kindName, file: file)
    }
    func value<T>(
      _ key: String, _ expected: String, _ read: (JSON) -> T?
    ) throws(ModelError) -> T? {
      guard let found = json[key], !found.isNull else { return nil }
      guard let value = read(found) else {
        throw .configuration(
          key: key, expected: expected, found: found.serialized(), file: file)
      }
      return value
    }
    func number(
      _ key: String, _ expected: String, where isGood: (Double) -> Bool
    ) throws(ModelError) -> Double? {
      try value(key, expected) { json in json.double.flatMap { isGood($0) ? $0 : nil } }
    }
    func count(_ key: String) throws(ModelError) -> Int? {
      try value(key, "a whole number from 0") { json in json.int.flatMap { $0 >= 0 ? $0 : nil } }
    }
    self.init()
    let samples = try value("do_sample", "true or false", \.bool) ?? false
    samplingTemperature =
      try number("temperature", "a number from 0", where: { $0 >= 0 }) ?? 1
    let topK = try count("top_k")
    let topP = try number("top_p", "a number from 0 to 1", where: { (0...1).contains($0) })
    let minP = try number("min_p", "a number from 0 to 1", where: { (0...1).contains($0) })
    if samples {
      options.temperature = samplingTemperature
      options.topK = topK ?? 50
      if options.topK == 0 { options.topK = nil }  // transformers' way to say all
      // 0 leaves the likeliest token only.
      options.topP = topP.map { max($0, .leastNonzeroMagnitude) }
      options.minP = minP
    }
    options.repetitionPenalty =
      try number("repetition_penalty", "a number above 0", where: { $0 > 0 }) ?? 1
    options.minimumTokens = try count("min_new_tokens") ?? 0
    options.maximumTokens = try count("max_new_tokens") ?? options.maximumTokens
    let stops =
      try value("eos_token_id", "a token id or a list of them") { json -> [Int32]? in
        let ids = json.array ?? [json]
        let read = ids.compactMap { id in id.int.flatMap { Int32(exactly: $0) } }
        return read.count == ids.count && read.allSatisfy { $0 >= 0 } ? read : nil
      } ?? []
    options.stopIDs = Set(stops)
    ignoredKeys = Self.undone.filter { key, neutral in
      guard let found = json[key], !found.isNull else { return false }
      if let list = found.array { return !list.isEmpty }
      return found.double != neutral
    }.map(\.key)
  }
}
